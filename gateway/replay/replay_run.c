/* SPDX-License-Identifier: Apache-2.0 */
#include "replay/replay_run.h"

#include "base/clock.h"
#include "conf/load.h"
#include "source/quality.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The engine's clock at the first reading; not 0, which means "never" in places. */
#define START_NS   GW_NS_PER_SEC
#define EVENT_RING 256

static const char no_boot[GW_BOOT_ID] = "00000000-0000-0000-0000-000000000000";

/* ---- tables ---- */

static int order(const void *a, const void *b, void *arg)
{
	const struct gw_point_info *points = arg;

	return strcmp(points[*(const uint32_t *)a].key, points[*(const uint32_t *)b].key);
}

/* Only points of devices. */
static bool sort_points(struct gw_replay_run *run)
{
	const struct gw_config *c = run->config;

	run->by_key = calloc(c->n_points + 1, sizeof(*run->by_key));
	run->opts = calloc(c->n_points + 1, sizeof(*run->opts));
	if (!run->by_key || !run->opts)
		return false;
	for (size_t s = 0; s < c->n_sources; s++) {
		const struct gw_source_opts *o = &c->sources[s];

		for (size_t d = 0; d < o->n_devices; d++)
			for (size_t p = 0; p < o->devices[d].n_points; p++) {
				const struct gw_point_opts *point =
					&o->devices[d].points[p];
				uint32_t at = c->source_first_point[s] + point->index;

				run->opts[at] = point;
				run->by_key[run->n_by_key++] = at;
			}
	}
	qsort_r(run->by_key, run->n_by_key, sizeof(*run->by_key), order, c->points);
	return true;
}

static uint32_t find_point(const struct gw_replay_run *run, const char *key)
{
	size_t lo = 0, hi = run->n_by_key;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int o = strcmp(key, run->config->points[run->by_key[mid]].key);

		if (o == 0)
			return run->by_key[mid];
		if (o < 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	return GW_REPLAY_RUN_NONE;
}

static void find_route(struct gw_replay_run *run, const char *key, struct gw_route *route)
{
	*route = (struct gw_route){.point = find_point(run, key)};
	if (route->point != GW_REPLAY_RUN_NONE)
		run->silence_filters.occurs[route->point] = true;
}

/* Routes for names that were added. */
static bool find_routes(struct gw_replay_run *run, const struct gw_point_names *names)
{
	if (names->n > run->cap_routes) {
		size_t cap = 2 * (size_t)names->n;
		struct gw_route *routes = reallocarray(run->routes, cap, sizeof(*routes));

		if (!routes)
			return false;
		run->routes = routes;
		run->cap_routes = cap;
	}
	for (; run->n_routes < names->n; run->n_routes++)
		find_route(run, names->at[run->n_routes].text, &run->routes[run->n_routes]);
	return true;
}

/* ---- what happened ---- */

/* The peak in an event is that of the whole occurrence, which without acknowledgement
 * spans several raises. If the alarm's value is the point's value, the peak of one raise
 * is found here. */
static bool has_own_peak(const struct gw_alarm_opts *a)
{
	return a->n_points == 1 && !a->when->kind->absorb && !a->when->kind->on_devices;
}

static void update_peak(struct gw_replay_run *run, uint32_t point, double value)
{
	for (uint32_t i = run->open[point]; i != GW_REPLAY_RUN_NONE;
		i = run->raises[i].next) {
		struct gw_raise *r = &run->raises[i];
		const struct gw_condition_opts *o = run->alarms[r->alarm].when;

		if (o->kind->worse ? o->kind->worse(o, value, r->peak) : value > r->peak)
			r->peak = value;
	}
}

static void unlink_raise(struct gw_replay_run *run, uint32_t index)
{
	uint32_t *at = &run->open[run->alarms[run->raises[index].alarm].first_point];

	while (*at != GW_REPLAY_RUN_NONE && *at != index)
		at = &run->raises[*at].next;
	if (*at == index)
		*at = run->raises[index].next;
}

static void close_raise(
	struct gw_replay_run *run, uint32_t alarm, int64_t at_ms, double peak)
{
	struct gw_tally *t = &run->tallies[alarm];
	struct gw_raise *r = &run->raises[t->open];
	int64_t lasted_ms = at_ms - r->from_ms;

	if (has_own_peak(&run->alarms[alarm]))
		unlink_raise(run, t->open);
	else
		r->peak = peak;
	r->until_ms = at_ms;
	t->total_ms += lasted_ms;
	if (lasted_ms > t->longest_ms)
		t->longest_ms = lasted_ms;
	t->open = GW_REPLAY_RUN_NONE;
}

static void open_raise(struct gw_replay_run *run, uint32_t alarm, const struct gw_event *e)
{
	struct gw_tally *t = &run->tallies[alarm];

	if (run->n_raises == run->cap_raises) {
		size_t cap = run->cap_raises ? 2 * run->cap_raises : 256;
		struct gw_raise *raises = reallocarray(run->raises, cap, sizeof(*raises));

		if (!raises) {
			run->failed = true;
			return;
		}
		run->raises = raises;
		run->cap_raises = cap;
	}
	if (t->times++ == 0)
		t->first_ms = e->wall_ms;
	t->open = (uint32_t)run->n_raises;
	run->raises[run->n_raises] = (struct gw_raise){.alarm = alarm,
		.from_ms = e->wall_ms,
		.value = e->value,
		.peak = t->times == 1 ? e->peak : e->value,
		.next = GW_REPLAY_RUN_NONE};
	if (has_own_peak(&run->alarms[alarm])) {
		uint32_t *first = &run->open[run->alarms[alarm].first_point];

		run->raises[run->n_raises].next = *first;
		*first = t->open;
	}
	run->n_raises++;
}

static void record_event(struct gw_replay_run *run, const struct gw_event *e)
{
	/* info is the one inside the alarm's own options */
	const char *info = (const char *)e->info - offsetof(struct gw_alarm_opts, info);
	uint32_t alarm = (uint32_t)((size_t)(info - (const char *)run->alarms) /
		sizeof(struct gw_alarm_opts));

	if (e->change == GW_CHANGE_RAISED && run->tallies[alarm].open == GW_REPLAY_RUN_NONE)
		open_raise(run, alarm, e);
	else if (e->change == GW_CHANGE_CLEARED &&
		run->tallies[alarm].open != GW_REPLAY_RUN_NONE)
		close_raise(run, alarm, e->wall_ms, e->peak);
	if (run->on_event)
		run->on_event(run->arg, e);
}

/* ---- time ---- */

static struct gw_time time_at(const struct gw_replay_run *run, int64_t boot_ns)
{
	int64_t own_ns = run->first_ns + (boot_ns - START_NS);
	int64_t ms = own_ns / GW_NS_PER_MS;

	if (own_ns % GW_NS_PER_MS < 0)
		ms--;
	return (struct gw_time){.boot_ns = boot_ns, .wall_ms = ms, .synced = true};
}

static void step(struct gw_replay_run *run, int64_t boot_ns)
{
	struct gw_event event;

	do {
		gw_engine_step(run->engine, time_at(run, boot_ns));
		while (gw_ring_pop(&run->out, &event, 1, sizeof(event)))
			record_event(run, &event);
	} while (gw_engine_output_blocked(run->engine));
}

/* Samples come before timers that are due at the same time, as in the daemon. */
static void flush(struct gw_replay_run *run)
{
	if (run->n_batch == 0)
		return;
	gw_engine_ingest(run->engine, run->batch, run->n_batch, time_at(run, run->now_ns));
	run->n_batch = 0;
	step(run, run->now_ns);
}

static void advance(struct gw_replay_run *run, int64_t to_ns)
{
	int64_t due_ns;

	flush(run);
	while ((due_ns = gw_engine_next_timer_ns(run->engine)) < to_ns)
		step(run, due_ns);
	run->now_ns = to_ns;
}

/* The quality by this configuration; that of the recording used other limits. */
static enum gw_quality quality_under(
	const struct gw_point_opts *point, const struct gw_reading *r)
{
	enum gw_quality was = (enum gw_quality)r->quality;

	if (was == GW_QUALITY_OVER_RANGE || was == GW_QUALITY_UNDER_RANGE)
		was = GW_QUALITY_GOOD;
	return gw_quality_of_value(point, was, r->value);
}

static void add(
	struct gw_replay_run *run, const struct gw_reading *r, struct gw_route *route)
{
	struct gw_sample *s;

	route->readings++;
	if (route->point == GW_REPLAY_RUN_NONE)
		return;
	if (run->n_batch == GW_REPLAY_RUN_BATCH)
		flush(run);
	s = &run->batch[run->n_batch++];
	*s = (struct gw_sample){.point = route->point,
		.quality = r->quality,
		.boot_ns = run->now_ns,
		.value = r->value};
	if (!gw_quality_usable(s->quality))
		return;
	s->quality = (uint16_t)quality_under(run->opts[route->point], r);
	if (!gw_quality_usable(s->quality))
		s->value = 0;
	else if (run->open[route->point] != GW_REPLAY_RUN_NONE)
		update_peak(run, route->point, r->value);
}

enum gw_err gw_replay_run_process(struct gw_replay_run *run,
	const struct gw_point_names *names, const struct gw_reading *readings, size_t n,
	struct gw_error *err)
{
	if (run->n_routes < names->n && !find_routes(run, names))
		run->failed = true;
	if (n && !run->begun) {
		run->begun = true;
		run->first_ns = readings[0].time_ns;
		run->now_ns = START_NS;
		step(run, run->now_ns);
	}
	for (size_t i = 0; i < n && !run->failed; i++) {
		int64_t boot_ns = START_NS + (readings[i].time_ns - run->first_ns);

		if (boot_ns > run->now_ns)
			advance(run, boot_ns);
		add(run, &readings[i], &run->routes[readings[i].name]);
	}
	if (n)
		run->last_ns = readings[n - 1].time_ns;
	if (run->failed)
		return gw_fail(err, GW_ERR_SYSTEM, ENOMEM, "out of memory");
	return GW_OK;
}

enum gw_err gw_replay_run_end(struct gw_replay_run *run, struct gw_error *err)
{
	struct gw_view *view = gw_engine_view(run->engine);
	struct gw_alarm_view v;

	if (!run->begun)
		return GW_OK;
	flush(run);
	step(run, run->now_ns); /* nothing was fed if all points are unknown */
	for (uint32_t i = 0; i < run->config->n_alarms; i++) {
		struct gw_tally *t = &run->tallies[i];

		if (t->open == GW_REPLAY_RUN_NONE)
			continue;
		gw_view_alarm(view, i, &v);
		run->raises[t->open].standing = true;
		close_raise(run, i, time_at(run, run->now_ns).wall_ms, v.peak);
	}
	if (run->failed)
		return gw_fail(err, GW_ERR_SYSTEM, ENOMEM, "out of memory");
	return GW_OK;
}

/* ---- life ---- */

enum gw_err gw_replay_run_open(
	struct gw_replay_run *run, struct gw_config *config, struct gw_error *err)
{
	struct gw_engine_opts opts = {.site = &config->site,
		.points = config->points,
		.n_points = config->n_points,
		.n_alarms = config->n_alarms};
	enum gw_err rc;

	*run = (struct gw_replay_run){.config = config};
	run->alarms = calloc(config->n_alarms + 1, sizeof(*run->alarms));
	run->tallies = calloc(config->n_alarms + 1, sizeof(*run->tallies));
	run->open = calloc(config->n_points + 1, sizeof(*run->open));
	if (!run->alarms || !run->tallies || !run->open || !sort_points(run))
		return gw_fail(err, GW_ERR_SYSTEM, ENOMEM, "out of memory");
	for (size_t i = 0; i < config->n_points; i++)
		run->open[i] = GW_REPLAY_RUN_NONE;
	for (size_t i = 0; i < config->n_alarms; i++) {
		run->alarms[i] = config->alarms[i];
		run->tallies[i].open = GW_REPLAY_RUN_NONE;
	}
	rc = gw_silence_filter_open(&run->silence_filters, run->alarms, config->n_alarms,
		config->n_points, err);
	opts.alarms = run->alarms;
	if (!rc)
		rc = gw_ring_init(&run->out, EVENT_RING, sizeof(struct gw_event), err);
	if (!rc)
		rc = gw_engine_new(&opts, &run->engine, err);
	if (!rc)
		rc = gw_engine_add_output(run->engine, &run->out, NULL, err);
	if (!rc)
		gw_engine_set_identity(run->engine, 1, 0, no_boot);
	return rc;
}

void gw_replay_run_close(struct gw_replay_run *run)
{
	gw_engine_free(run->engine);
	gw_ring_fini(&run->out);
	gw_silence_filter_close(&run->silence_filters);
	free(run->alarms);
	free(run->tallies);
	free(run->open);
	free(run->by_key);
	free(run->opts);
	free(run->routes);
	free(run->raises);
	gw_config_free(run->config);
	*run = (struct gw_replay_run){0};
}
