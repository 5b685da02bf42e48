/* SPDX-License-Identifier: Apache-2.0 */
#include "control/status.h"

#include "base/match.h"
#include "control/json_fields.h"
#include "control/status_gateway.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static void json_place(struct gw_text *t, const struct gw_place_info *place)
{
	gw_json_open(t, "place", '{');
	gw_json_string(t, "building", place->building);
	gw_json_string(t, "floor", place->floor);
	gw_json_string(t, "room", place->room);
	gw_json_close(t, '}');
}

static void json_occurrence(struct gw_text *t, const uint8_t uuid[16])
{
	static const uint8_t none[16];
	char memory[40];
	struct gw_text u;

	gw_text_init(&u, memory, sizeof(memory));
	for (int i = 0; i < 16; i++)
		gw_text_addf(&u, i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x",
			uuid[i]);
	gw_json_string(t, "occurrence", memcmp(uuid, none, 16) ? memory : NULL);
}

/* ---- points ---- */

static void put_point(
	struct gw_text *t, const struct gw_status_view *v, size_t i, struct gw_time now)
{
	const struct gw_point_info *info = &v->config->points[i];
	struct gw_point_view p;
	bool usable;

	gw_view_point(v->view, i, &p);
	usable = gw_quality_usable(p.quality);
	gw_json_open(t, NULL, '{');
	gw_json_string(t, "point", info->key);
	/* A dead device never keeps its last good value; last_value says so by its name. */
	gw_json_double(t, "value", usable ? p.value : (double)NAN);
	gw_json_string(t, "quality", gw_quality_name(p.quality));
	gw_json_string(t, "unit", info->unit_of_measure);
	gw_json_fields_age(t, "age_ms", p.good_ns, now.mono_ns);
	gw_json_double(t, "last_value", p.good_ns ? p.value : (double)NAN);
	gw_json_fields_age(t, "heard_ms", p.mono_ns, now.mono_ns);
	gw_json_fields_time(t, "device_time", p.device_ns / GW_NS_PER_MS);
	gw_json_fields_count(t, "samples", p.samples);
	gw_json_string(t, "source", info->source);
	gw_json_string(t, "device", info->device);
	gw_json_string(t, "name", info->name);
	json_place(t, &info->place);
	gw_json_close(t, '}');
}

/* Points of devices only: the gateway's own (down, parked, failing) are alarms, not readings. */
static bool is_shown(const struct gw_status_cursor *c, size_t i)
{
	const struct gw_point_info *info = &c->view->config->points[i];

	return *info->device && (!*c->pattern || gw_match(c->pattern, info->key));
}

static bool put_points(struct gw_status_cursor *c, struct gw_text *t, struct gw_time now)
{
	if (c->next == 0) {
		gw_json_open(t, NULL, '[');
	} else if (c->next <= c->view->config->n_points) {
		if (is_shown(c, c->next - 1))
			put_point(t, c->view, c->next - 1, now);
	} else {
		gw_json_close(t, ']');
		return true;
	}
	return false;
}

/* ---- alarms ---- */

static void put_alarm(struct gw_text *t, const struct gw_status_view *v, size_t i, bool all)
{
	const struct gw_alarm_info *info = &v->config->alarms[i].info;
	struct gw_alarm_view a;

	gw_view_alarm(v->view, i, &a);
	if (a.state == GW_STATE_NORMAL && !all)
		return; /* it cleared since the list was begun */
	gw_json_open(t, NULL, '{');
	gw_json_string(t, "alarm", info->key);
	gw_json_string(t, "name", info->name);
	gw_json_string(t, "state", gw_state_name(a.state));
	gw_json_string(t, "level",
		gw_level_name(
			a.state == GW_STATE_NORMAL ? v->config->alarms[i].level : a.level));
	gw_json_string(t, "class", gw_class_name(info->class_));
	gw_json_fields_time(t, "since", a.since_ms);
	gw_json_double(t, "value", a.value);
	gw_json_double(t, "limit", a.limit);
	gw_json_string(t, "unit_of_measure", info->unit_of_measure);
	gw_json_string(t, "condition", info->condition);
	gw_json_double(t, "peak", a.peak);
	gw_json_fields_time(t, "onset", a.onset_ms);
	gw_json_fields_time(t, "shelved_until", a.shelved_until_ms);
	json_occurrence(t, a.occurrence);
	gw_json_fields_count(t, "seq", a.seq);
	gw_json_fields_count(t, "raised", a.raised);
	gw_json_string(t, "text", info->text);
	gw_json_string(t, "point", info->point);
	gw_json_string(t, "source", info->source);
	gw_json_string(t, "device", info->device);
	json_place(t, &info->place);
	gw_json_close(t, '}');
}

static bool put_alarms(struct gw_status_cursor *c, struct gw_text *t)
{
	if (c->next == 0) {
		gw_json_open(t, NULL, '[');
	} else if (c->next <= c->n_order) {
		put_alarm(t, c->view, c->order[c->next - 1], c->all);
	} else {
		gw_json_close(t, ']');
		return true;
	}
	return false;
}

/* What decides the order, so that sorting reads the view once for each alarm. */
struct rank {
	uint32_t alarm;
	unsigned urgency; /* higher first */
	int64_t since_ms; /* newest first */
};

static unsigned urgency(const struct gw_alarm_view *a, enum gw_class class_)
{
	unsigned group = a->state == GW_STATE_NORMAL ? 0
		: gw_state_any_suppression(a->state) ? 1
						     : 2;

	return group << 6 | (a->level & 3u) << 4 | ((unsigned)class_ & 3u) << 2 |
		(unsigned)gw_state_unacked(a->state);
}

static int worst_first(const void *a, const void *b)
{
	const struct rank *x = a, *y = b;

	if (x->urgency != y->urgency)
		return x->urgency > y->urgency ? -1 : 1;
	if (x->since_ms != y->since_ms)
		return x->since_ms > y->since_ms ? -1 : 1;
	return x->alarm < y->alarm ? -1 : x->alarm > y->alarm;
}

static enum gw_err order_alarms(struct gw_status_cursor *c, struct gw_error *err)
{
	size_t n = c->view->config->n_alarms;
	struct rank *ranks = calloc(n + 1, sizeof(*ranks));

	c->order = calloc(n + 1, sizeof(*c->order));
	if (!ranks || !c->order) {
		free(ranks);
		return gw_fail(err, GW_ERR_SYSTEM, ENOMEM, "out of memory");
	}
	for (size_t i = 0; i < n; i++) {
		struct gw_alarm_view a;

		gw_view_alarm(c->view->view, i, &a);
		if (a.state == GW_STATE_NORMAL && !c->all)
			continue;
		ranks[c->n_order++] = (struct rank){
			.alarm = (uint32_t)i,
			.urgency = urgency(&a, c->view->config->alarms[i].info.class_),
			.since_ms = a.since_ms,
		};
	}
	qsort(ranks, c->n_order, sizeof(*ranks), worst_first);
	for (size_t i = 0; i < c->n_order; i++)
		c->order[i] = ranks[i].alarm;
	free(ranks);
	return GW_OK;
}

/* ---- the cursor ---- */

enum gw_err gw_status_begin(struct gw_status_cursor *c, const struct gw_status_view *view,
	enum gw_status_kind kind, const char *pattern, bool all, struct gw_error *err)
{
	*c = (struct gw_status_cursor){
		.view = view,
		.generation = view->generation,
		.kind = kind,
		.pattern = pattern,
		.all = all,
	};
	if (kind == GW_STATUS_ALARMS && order_alarms(c, err)) {
		gw_status_end(c);
		return GW_ERR_SYSTEM;
	}
	return GW_OK;
}

static bool put_next(struct gw_status_cursor *c, struct gw_text *t, struct gw_time now)
{
	switch (c->kind) {
	case GW_STATUS_GATEWAY: return gw_status_gateway_write(c->view, c->next, t, now);
	case GW_STATUS_POINTS: return put_points(c, t, now);
	case GW_STATUS_ALARMS: return put_alarms(c, t);
	}
	return true;
}

bool gw_status_write(struct gw_status_cursor *c, struct gw_text *t, struct gw_time now)
{
	bool done = false;

	t->comma = c->comma;
	while (!done && !t->cut) {
		size_t before = t->used;
		bool comma = t->comma;

		done = put_next(c, t, now);
		if (!t->cut) {
			c->next++;
			continue;
		}
		t->used = before;
		t->at[before] = '\0';
		t->comma = comma;
		done = false;
		if (before > 0 || t->size < GW_STATUS_ITEM_MAX)
			break;
		/* Alone and yet too long: leave it out rather than never end. */
		t->cut = false;
		c->next++;
	}
	t->cut = false;
	c->comma = t->comma;
	return done;
}

bool gw_status_stale(const struct gw_status_cursor *c)
{
	return c->view && c->generation != c->view->generation;
}

void gw_status_end(struct gw_status_cursor *c)
{
	free(c->order);
	*c = (struct gw_status_cursor){0};
}

uint32_t gw_status_standing(const struct gw_status_view *view)
{
	struct gw_alarm_view a;
	uint32_t n = 0;

	for (size_t i = 0; i < view->config->n_alarms; i++) {
		gw_view_alarm(view->view, i, &a);
		n += a.state != GW_STATE_NORMAL;
	}
	return n;
}
