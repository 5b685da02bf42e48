/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The faults that exist without configuration: a device that is silent or whose alarms chatter, a
 * point that is unreadable or out of its range, a source or uplink that is down, a platform that
 * refused a record, a failing store, a flood of alarms.
 */
#include "conf/implicit.h"

#include "alarm/chatter_flood.h"
#include "alarm/condition.h"
#include "base/clock.h"
#include "conf/expand.h"

#include <string.h>

#define SILENT_MIN_NS (10 * GW_NS_PER_SEC)
/* GB/T 45839-2025: loss of communication with a device is shown within 24 h. */
#define SILENT_PUSHED_NS (INT64_C(24) * 3600 * GW_NS_PER_SEC)

/* A polled point has so many windows of time until its first poll. */
#define UNASKED_TIMES 10

static struct gw_pending_alarm *add(struct gw_load *l, const char *key, const char *name,
	enum gw_level level, const struct gw_condition_kind *kind)
{
	struct gw_pending_alarm *p = key && kind ? gw_pending_alarm_add(l, key) : NULL;

	if (!p)
		return NULL;
	p->implicit = true;
	p->opts.info.name = name;
	p->opts.info.class_ = GW_CLASS_FAULT;
	p->opts.info.text = "";
	p->opts.level = level;
	p->condition.kind = kind;
	return p;
}

static int64_t silent_after_ns(const struct gw_load_device *d)
{
	int64_t poll_ns = d->device->poll_ns ? d->device->poll_ns : d->source->poll_ns;

	if (!d->source->driver_table || d->source->driver_table->pushed)
		return d->device->expect_every_ns ? d->device->expect_every_ns
						  : SILENT_PUSHED_NS;
	/* Three answers are missing, and half a period more in case the third is late. */
	poll_ns = 3 * poll_ns + poll_ns / 2;
	return poll_ns > SILENT_MIN_NS ? poll_ns : SILENT_MIN_NS;
}

static void add_silent(struct gw_load *l, uint32_t device)
{
	const struct gw_load_device *d = &l->devices[device];
	struct gw_pending_alarm *alarm = add(l,
		gw_arena_printf(
			l->reader.arena, "%s/%s:silent", d->source->name, d->device->name),
		"silent", GW_LEVEL_BLUE, gw_condition_find("silent"));

	if (!alarm || d->device->n_points == 0)
		return;
	alarm->device = alarm->voter = device;
	alarm->opts.first_point = d->first_point;
	alarm->opts.n_points = (uint32_t)d->device->n_points;
	alarm->condition.window_ns = silent_after_ns(d);
}

/* The alarm itself is to be seen first; the chattering is for whoever repairs the sensor. */
#define CHATTER_DELAY_NS (30 * GW_NS_PER_SEC)

static struct gw_pending_alarm *add_chatter_fault(struct gw_load *l, const char *key)
{
	struct gw_pending_alarm *p = add(
		l, key, "chattering", GW_LEVEL_BLUE, &gw_condition_chattering);

	if (p)
		p->opts.on_delay_ns = CHATTER_DELAY_NS;
	return p;
}

/* Kept for devices of two points and more: for a single one `silent` is the same. */
static void add_unreadable(struct gw_load *l, uint32_t device, uint32_t point)
{
	struct gw_pending_alarm *alarm = add(l,
		gw_arena_printf(
			l->reader.arena, "%s:unreadable", l->config->points[point].key),
		"unreadable", GW_LEVEL_BLUE, &gw_condition_unreadable);

	if (!alarm)
		return;
	alarm->device = alarm->voter = device;
	alarm->on_point = alarm->only_if_used = true;
	alarm->opts.first_point = point;
	alarm->opts.n_points = 1;
	alarm->condition.window_ns = silent_after_ns(&l->devices[device]);
}

#define OUT_OF_RANGE_NS (10 * GW_NS_PER_SEC)

static void add_out_of_range(struct gw_load *l, uint32_t device, uint32_t point,
	const struct gw_point_opts *opts)
{
	struct gw_pending_alarm *alarm;

	if (opts->range.rows == 0 || gw_point_is_discrete(opts))
		return;
	alarm = add(l,
		gw_arena_printf(
			l->reader.arena, "%s:out-of-range", l->config->points[point].key),
		"out-of-range", GW_LEVEL_BLUE, gw_condition_find("outside"));
	if (!alarm)
		return;
	alarm->device = alarm->voter = device;
	alarm->on_point = true;
	alarm->opts.first_point = point;
	alarm->opts.n_points = 1;
	alarm->opts.on_delay_ns = OUT_OF_RANGE_NS;
	alarm->condition.band = opts->range;
}

static void add_of_points(struct gw_load *l, uint32_t device)
{
	const struct gw_load_device *d = &l->devices[device];

	for (uint32_t i = 0; i < d->device->n_points; i++) {
		add_unreadable(l, device, d->first_point + i);
		add_out_of_range(l, device, d->first_point + i, &d->device->points[i]);
	}
}

void gw_implicit_set_times(struct gw_load *l, struct gw_pending_alarm *p)
{
	struct gw_condition_opts *when = &p->condition;
	const struct gw_load_device *at = &l->devices[p->device];
	const char *key = gw_arena_printf(
		&l->reader.scratch, "%s/%s:silent", at->source->name, at->device->name);
	const struct gw_pending_alarm *silent = key ? gw_pending_alarm_find(l, key) : NULL;
	bool paced = silent && silent->condition.window_ns != SILENT_PUSHED_NS;

	if (!p->when && silent)
		when->window_ns = silent->condition.window_ns;
	when->polled = at->source->driver_table && !at->source->driver_table->pushed;
	/* A point that was never read in that time is unreadable. A polled point is refused long
	 * before; on a slow bus it may not have been polled yet, so it gets more time. */
	if (paced)
		when->never_current_ns = (when->polled ? UNASKED_TIMES : 1) *
			when->window_ns;
}

static void add_chattering(struct gw_load *l, uint32_t device)
{
	const struct gw_load_device *d = &l->devices[device];
	struct gw_pending_alarm *alarm = add_chatter_fault(l,
		gw_arena_printf(l->reader.arena, "%s/%s:chattering", d->source->name,
			d->device->name));

	if (!alarm)
		return;
	alarm->device = alarm->voter = device;
	alarm->opts.first_point = d->first_point;
}

/* True while one of the gateway's own points is 1. */
static void add_own(struct gw_load *l, uint32_t point, enum gw_level level, uint32_t voter)
{
	const struct gw_point_info *p = &l->config->points[point];
	struct gw_pending_alarm *alarm = add(
		l, p->key, p->name, level, gw_condition_find("is"));

	if (!alarm)
		return;
	alarm->voter = voter;
	alarm->opts.first_point = point;
	alarm->opts.n_points = 1;
	alarm->condition.is = true;
}

static void add_flood(struct gw_load *l)
{
	struct gw_pending_alarm *alarm;

	if (l->config->gateway.flood_level == 0)
		return;
	alarm = add(l, "gateway:flood", "flood", GW_LEVEL_YELLOW, &gw_condition_flood);
	if (alarm)
		alarm->condition.max_withheld_level = l->config->gateway.flood_level - 1;
}

void gw_implicit_add(struct gw_load *l)
{
	struct gw_config *c = l->config;
	uint32_t voter = (uint32_t)l->n_devices, device = 0, point;

	for (size_t i = 0; i < c->n_sources; i++) {
		const struct gw_source_opts *s = &c->sources[i];

		add_own(l, c->source_first_point[i] + s->down_point, GW_LEVEL_YELLOW,
			voter++);
		for (; device < l->n_devices && l->devices[device].source == s; device++) {
			add_silent(l, device);
			add_chattering(l, device);
			add_of_points(l, device);
			gw_expand_profile(l, device);
		}
	}
	for (size_t i = 0; i < c->n_uplinks; i++, voter++) {
		add_own(l, c->uplink_first_point[i], GW_LEVEL_YELLOW, voter);
		add_own(l, c->uplink_first_point[i] + 1, GW_LEVEL_YELLOW, voter);
	}
	for (point = c->store_first_point; point < c->n_points; point++)
		add_own(l, point, GW_LEVEL_YELLOW, voter);
	add_chatter_fault(l, "gateway:chattering");
	add_flood(l);
}
