/* SPDX-License-Identifier: Apache-2.0 */
#include "control/status_alarms.h"

#include "control/json_fields.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

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

static void put_alarm(struct gw_text *t, const struct gw_status_view *v, size_t i, bool all)
{
	const struct gw_alarm_info *info = &v->config->alarms[i].info;
	struct gw_alarm_view a;

	gw_view_alarm(v->engine_view, i, &a);
	if (a.state == GW_STATE_NORMAL && !all)
		return; /* cleared since the order was made */
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
	gw_json_fields_place(t, &info->place);
	gw_json_close(t, '}');
}

/* The sort key, read once for each alarm: the view changes meanwhile. */
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

enum gw_err gw_status_alarms_order(const struct gw_status_view *v, bool all,
	uint32_t **ret_order, size_t *ret_n, struct gw_error *err)
{
	size_t n_alarms = v->config->n_alarms, n = 0;
	struct rank *ranks = calloc(n_alarms + 1, sizeof(*ranks));
	uint32_t *order = calloc(n_alarms + 1, sizeof(*order));

	if (!ranks || !order) {
		free(ranks);
		free(order);
		return gw_fail(err, GW_ERR_SYSTEM, ENOMEM, "out of memory");
	}
	for (size_t i = 0; i < n_alarms; i++) {
		struct gw_alarm_view a;

		gw_view_alarm(v->engine_view, i, &a);
		if (a.state == GW_STATE_NORMAL && !all)
			continue;
		ranks[n++] = (struct rank){
			.alarm = (uint32_t)i,
			.urgency = urgency(&a, v->config->alarms[i].info.class_),
			.since_ms = a.since_ms,
		};
	}
	qsort(ranks, n, sizeof(*ranks), worst_first);
	for (size_t i = 0; i < n; i++)
		order[i] = ranks[i].alarm;
	free(ranks);
	*ret_order = order;
	*ret_n = n;
	return GW_OK;
}

bool gw_status_alarms_write(const struct gw_status_view *v, const uint32_t *order, size_t n,
	bool all, size_t item, struct gw_text *t)
{
	if (item == 0) {
		gw_json_open(t, NULL, '[');
	} else if (item <= n) {
		put_alarm(t, v, order[item - 1], all);
	} else {
		gw_json_close(t, ']');
		return true;
	}
	return false;
}
