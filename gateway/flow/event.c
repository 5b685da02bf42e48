/* SPDX-License-Identifier: Apache-2.0 */
#include "flow/event.h"

#include "base/clock.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>

const char *const gw_change_names[] = {
	[GW_CHANGE_RAISED] = "raised",
	[GW_CHANGE_CLEARED] = "cleared",
	[GW_CHANGE_ACKED] = "acked",
	[GW_CHANGE_RESET] = "reset",
	[GW_CHANGE_SHELVED] = "shelved",
	[GW_CHANGE_UNSHELVED] = "unshelved",
	[GW_CHANGE_LEVEL] = "level",
	[GW_CHANGE_AMENDED] = "amended",
	NULL,
};

const char *const gw_state_names[] = {
	[GW_STATE_NORMAL] = "normal",
	[GW_STATE_ACTIVE_UNACKED] = "active-unacked",
	[GW_STATE_ACTIVE_ACKED] = "active-acked",
	[GW_STATE_RETURNED_UNACKED] = "returned-unacked",
	[GW_STATE_LATCHED_UNACKED] = "latched-unacked",
	[GW_STATE_LATCHED_ACKED] = "latched-acked",
	[GW_STATE_SHELVED] = "shelved",
	[GW_STATE_SUPPRESSED] = "suppressed",
	[GW_STATE_OUT_OF_SERVICE] = "out-of-service",
	NULL,
};

const char *gw_change_name(enum gw_change c)
{
	return (unsigned)c <= GW_CHANGE_AMENDED ? gw_change_names[c] : "unknown";
}

const char *gw_state_name(enum gw_state s)
{
	return (unsigned)s <= GW_STATE_OUT_OF_SERVICE ? gw_state_names[s] : "unknown";
}

/* The finalizer of splitmix64 (Steele, Lea, Flood 2014): a bijection that mixes well. */
static uint64_t mix(uint64_t x)
{
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

static uint64_t hash(uint64_t seed, const char *gateway, uint64_t run, uint64_t seq)
{
	uint64_t h = mix(seed);

	for (; *gateway; gateway++)
		h = mix(h ^ (unsigned char)*gateway);
	return mix(mix(h ^ run) ^ seq);
}

void gw_event_occurrence(uint8_t ret_uuid[16], const char *gateway, uint64_t run,
	uint64_t seq, int64_t wall_ms)
{
	uint64_t ms = (uint64_t)wall_ms;
	uint64_t a = hash(UINT64_C(0x9e3779b97f4a7c15), gateway, run, seq);
	uint64_t b = hash(UINT64_C(0x3c6ef372fe94f82a), gateway, run, seq);
	size_t i;

	for (i = 0; i < 6; i++)
		ret_uuid[i] = (uint8_t)(ms >> (40 - 8 * i));
	/* RFC 9562, 5.7: version 7 and variant 10 */
	ret_uuid[6] = (uint8_t)(0x70 | (a >> 8 & 0x0f));
	ret_uuid[7] = (uint8_t)a;
	for (i = 8; i < 16; i++)
		ret_uuid[i] = (uint8_t)(b >> (8 * (15 - i)));
	ret_uuid[8] = (uint8_t)(0x80 | (ret_uuid[8] & 0x3f));
}

void gw_event_id(struct gw_text *t, const struct gw_event *e)
{
	gw_text_addf(
		t, "%s-%" PRIu64 "-%010" PRIu64, e->info->site->gateway, e->run, e->seq);
}

static void json_uuid(struct gw_text *t, const char *key, const uint8_t uuid[16])
{
	char memory[40];
	struct gw_text u;
	size_t i;

	gw_text_init(&u, memory, sizeof(memory));
	for (i = 0; i < 16; i++)
		gw_text_addf(&u, i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x",
			uuid[i]);
	gw_json_string(t, key, memory);
}

static void json_time(struct gw_text *t, const char *key, int64_t wall_ms)
{
	char memory[40];
	struct gw_text u;

	gw_text_init(&u, memory, sizeof(memory));
	gw_text_add_time_utc(&u, wall_ms);
	gw_json_string(t, key, wall_ms == 0 ? NULL : memory);
}

static void json_place(struct gw_text *t, const struct gw_place_info *place)
{
	gw_json_open(t, "place", '{');
	gw_json_string(t, "building", place->building);
	gw_json_string(t, "floor", place->floor);
	gw_json_string(t, "room", place->room);
	gw_json_close(t, '}');
}

/* ret_durable_at NULL: with the value of durable. */
static void event_json(struct gw_text *t, const struct gw_event *e, size_t *ret_durable_at)
{
	const struct gw_alarm_info *a = e->info;
	unsigned i;

	gw_json_open(t, NULL, '{');
	gw_json_string(t, "gateway", a->site->gateway);
	gw_json_string(t, "unit", a->site->unit);
	gw_json_string(t, "area", a->site->area);
	gw_json_string(t, "grid", a->site->grid);
	gw_json_string(t, "alarm", a->key);
	gw_json_string(t, "name", a->name);
	json_uuid(t, "occurrence", e->occurrence);
	gw_json_int(t, "seq", (int64_t)e->seq);
	gw_json_int(t, "run", (int64_t)e->run);
	if (ret_durable_at) {
		gw_json_raw(t, "durable", "");
		*ret_durable_at = t->used;
	} else {
		gw_json_bool(t, "durable", e->durable);
	}
	gw_json_string(t, "point", a->point);
	gw_json_string(t, "source", a->source);
	gw_json_string(t, "device", a->device);
	json_place(t, &a->place);
	gw_json_string(t, "change", gw_change_name(e->change));
	gw_json_string(t, "state", gw_state_name(e->state));
	gw_json_string(t, "level", gw_level_name(e->level));
	gw_json_string(t, "class", gw_class_name(a->class_));
	gw_json_string(t, "text", a->text);
	gw_json_double(t, "value", e->value);
	gw_json_string(t, "unit_of_measure", a->unit_of_measure);
	gw_json_double(t, "limit", e->limit);
	gw_json_string(t, "condition", a->condition);
	json_time(t, "onset", e->onset_ms);
	gw_json_int(t, "since_boot_ms", e->boot_ns / GW_NS_PER_MS);
	gw_json_string(t, "boot", e->boot);
	gw_json_string(t, "clock", e->synced ? "synced" : "unsynced");
	gw_json_string(t, "quality", gw_quality_name(e->quality));
	gw_json_double(t, "peak", e->peak);
	gw_json_open(t, "confirmed_by", '[');
	for (i = 0; i < e->n_confirmed_by && i < GW_EVENT_CONFIRMED_BY_MAX; i++)
		gw_json_string(t, NULL, e->confirmed_by[i]);
	gw_json_close(t, ']');
	if (e->eta_ms >= 0)
		gw_json_int(t, "eta_ms", e->eta_ms);
	if (e->note[0] != '\0')
		gw_json_string(t, "note", e->note);
	gw_json_close(t, '}');
}

void gw_event_json(struct gw_text *t, const struct gw_event *e)
{
	event_json(t, e, NULL);
}

size_t gw_event_json_without_durable(struct gw_text *t, const struct gw_event *e)
{
	size_t durable_at = 0;

	event_json(t, e, &durable_at);
	return durable_at;
}

static void line_field(struct gw_text *t, const char *s)
{
	gw_text_add_sanitized(t, *s ? s : "-");
}

static void line_place(struct gw_text *t, const struct gw_place_info *place)
{
	if (!*place->building && !*place->floor && !*place->room) {
		gw_text_add(t, "-");
		return;
	}
	line_field(t, place->building);
	gw_text_add(t, "/");
	line_field(t, place->floor);
	gw_text_add(t, "/");
	line_field(t, place->room);
}

void gw_event_line(struct gw_text *t, const struct gw_event *e)
{
	const struct gw_alarm_info *a = e->info;
	const char *level = gw_level_name(e->level);

	gw_text_add_time_local(t, e->wall_ms);
	gw_text_add(t, " ");
	for (; *level; level++)
		gw_text_addf(t, "%c", toupper(*level));
	gw_text_addf(t, " %s ", gw_change_name(e->change));
	line_field(t, a->subject);
	gw_text_add(t, " ");
	line_field(t, a->name);
	gw_text_add(t, " ");
	if (isfinite(e->value)) {
		gw_text_add_double(t, e->value);
		if (*a->unit_of_measure) {
			gw_text_add(t, " ");
			gw_text_add_sanitized(t, a->unit_of_measure);
		}
	} else {
		gw_text_add(t, "-");
	}
	gw_text_add(t, " ");
	line_field(t, a->condition);
	gw_text_add(t, " @ ");
	line_place(t, &a->place);
	gw_text_addf(t, " #%" PRIu64, e->seq);
}
