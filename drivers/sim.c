/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A reading is a pure function of the seed, the point and the time since the source first
 * opened: value + wave + wander + script + noise, rounded to step, taken at whole multiples of
 * the poll period. Two runs of one configuration give the same values, however busy the machine
 * was.
 */
#include "drivers/sim.h"

#include "base/clock.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <stdlib.h>

#define PI 3.14159265358979323846

/* The options. One struct per level; the rows below fill them and document them. */
struct source_opts {
	int64_t seed;
	double speed;
	struct gw_table down;
};

struct device_opts {
	struct gw_table dead, frozen;
	double drops;
};

struct point_opts {
	double value, noise, step;
	int shape;
	struct gw_table wave, wander, script;
	bool ramp;
	int64_t repeat_ns;
};

enum { SHAPE_UNIFORM, SHAPE_GAUSSIAN };
/* What a random number is for. */
enum { DRAW_NOISE, DRAW_NOISE_TOO, DRAW_WANDER, DRAW_DROP };
static const char *const shapes[] = {"uniform", "gaussian", NULL};

#define ROW(at, field) .offset = offsetof(struct at##_opts, field)
static const struct gw_setting source_settings[] = {
	{.key = "seed",
		.type = GW_SET_INT,
		ROW(source, seed),
		.def = "1",
		.max = 0x1p53,
		.help = "Where the noise begins; the same seed gives the same values."},
	{.key = "speed",
		.type = GW_SET_DOUBLE,
		ROW(source, speed),
		.def = "1",
		.min = 0.001,
		.max = 1e6,
		.help = "How many times faster than the clock the scripts run."},
	{.key = "down",
		.type = GW_SET_TABLE,
		ROW(source, down),
		.help = "[from, to]: the link is lost between these times."},
	{.key = NULL},
};
static const struct gw_setting device_settings[] = {
	{.key = "dead",
		.type = GW_SET_TABLE,
		ROW(device, dead),
		.help = "[from, to]: the device does not answer between these times."},
	{.key = "frozen",
		.type = GW_SET_TABLE,
		ROW(device, frozen),
		.help = "[from, to]: the device repeats what it read at the first time."},
	{.key = "drops",
		.type = GW_SET_DOUBLE,
		ROW(device, drops),
		.def = "0",
		.max = 1,
		.help = "How often an answer is lost: 0.01 is one in a hundred."},
	{.key = NULL},
};
static const struct gw_setting point_settings[] = {
	{.key = "value",
		.type = GW_SET_DOUBLE,
		ROW(point, value),
		.def = "0",
		.help = "What everything else is added to."},
	{.key = "noise",
		.type = GW_SET_DOUBLE,
		ROW(point, noise),
		.def = "0",
		.max = 1e12,
		.help = "Amplitude of the noise (gaussian: its standard deviation)."},
	{.key = "shape",
		.type = GW_SET_CHOICE,
		ROW(point, shape),
		.def = "uniform",
		.choices = shapes,
		.help = "How the noise is distributed."},
	{.key = "wave",
		.type = GW_SET_TABLE,
		ROW(point, wave),
		.help = "[amplitude, period]: a sine wave, such as [2.5, 1h]."},
	{.key = "wander",
		.type = GW_SET_TABLE,
		ROW(point, wander),
		.help = "[amplitude, time]: a slow random walk to and fro, in another place after this long."},
	{.key = "step",
		.type = GW_SET_DOUBLE,
		ROW(point, step),
		.def = "0",
		.max = 1e12,
		.help = "What the sensor can tell apart: values are rounded to it; 0 does not."},
	{.key = "script",
		.type = GW_SET_TABLE,
		ROW(point, script),
		.help = "[[time, value], ...]: added from that time after the start on."},
	{.key = "ramp",
		.type = GW_SET_BOOL,
		ROW(point, ramp),
		.def = "false",
		.help = "Go from one script row to the next in a straight line, not in steps."},
	{.key = "repeat",
		.type = GW_SET_DURATION,
		ROW(point, repeat_ns),
		.help = "Begin the script again after this long."},
	{.key = NULL},
};
#undef ROW

/* The state: zeroed by the core, one per source. */
struct sim_source {
	const struct gw_source_opts *opts;
	int64_t began_ns; /* of the first open: scripts do not begin again with the link */
	int64_t *due_ns;  /* when a device is read next; one per device */
};

static bool within(const struct gw_table *t, double ns)
{
	return t->rows > 0 && ns >= t->cells[0] && (t->columns < 2 || ns < t->cells[1]);
}

static void check_interval(
	const struct gw_table *t, const char *name, struct gw_report *report)
{
	if (t->rows == 0)
		return;
	if (t->rows > 1 || t->columns > 2)
		gw_report(report, t, "%s is [from] or [from, to]", name);
	else if (t->cells[0] < 0 || (t->columns == 2 && t->cells[1] <= t->cells[0]))
		gw_report(report, t, "%s must end after it begins", name);
}

static void check_wave(const struct gw_table *t, const char *name, struct gw_report *report)
{
	if (t->rows > 0 && (t->rows > 1 || t->columns != 2 || t->cells[1] <= 0))
		gw_report(report, t, "%s is [amplitude, time], such as [2.5, 1h]", name);
}

static void check_point(const struct point_opts *p, struct gw_report *report)
{
	const struct gw_table *s = &p->script;

	if (p->noise < 0)
		gw_report(report, &p->noise, "noise must not be negative");
	if (p->step < 0)
		gw_report(report, &p->step, "step must not be negative");
	check_wave(&p->wave, "wave", report);
	check_wave(&p->wander, "wander", report);
	if (s->rows > 0 && s->columns != 2)
		gw_report(report, s, "script is [[time, value], ...], such as [[10s, 1]]");
	for (size_t i = 0; s->columns == 2 && i < s->rows; i++)
		if (s->cells[2 * i] < (i > 0 ? s->cells[2 * i - 2] : 0))
			gw_report(report, s,
				"script: row %zu comes before the one above it", i + 1);
	if (p->ramp && s->rows == 0)
		gw_report(report, &p->ramp, "ramp needs a script");
	if (p->repeat_ns > 0 && s->rows == 0)
		gw_report(report, &p->repeat_ns, "repeat needs a script");
}

static void check(const struct gw_source_opts *opts, struct gw_report *report)
{
	const struct source_opts *own = opts->driver;

	check_interval(&own->down, "down", report);
	for (size_t i = 0; i < opts->n_devices; i++) {
		const struct gw_device_opts *device = &opts->devices[i];
		const struct device_opts *d = device->driver;

		check_interval(&d->dead, "dead", report);
		check_interval(&d->frozen, "frozen", report);
		if (d->drops < 0)
			gw_report(report, &d->drops, "drops must not be negative");
		for (size_t k = 0; k < device->n_points; k++)
			check_point(device->points[k].driver, report);
	}
}

static double script_at(const struct point_opts *p, double ns)
{
	const double *at = p->script.cells;
	size_t n = p->script.rows, i = 0, end = n;

	if (p->repeat_ns > 0)
		ns = fmod(ns, (double)p->repeat_ns);
	while (i < end) { /* the first row after ns: scripts of months are long */
		size_t middle = (i + end) / 2;

		if (at[2 * middle] <= ns)
			i = middle + 1;
		else
			end = middle;
	}
	if (i == 0)
		return 0;
	at += 2 * (i - 1);
	if (!p->ramp || i == n)
		return at[1];
	return at[1] + (at[3] - at[1]) * (ns - at[0]) / (at[2] - at[0]);
}

/* 0 < result < 1, the same for the same seed, point and tick (splitmix64). */
static double chance(int64_t seed, uint32_t point, int64_t tick, unsigned draw)
{
	uint64_t z = (uint64_t)seed * UINT64_C(0x9e3779b97f4a7c15) +
		(uint64_t)point * UINT64_C(0xd1342543de82ef95) +
		(uint64_t)tick * UINT64_C(0xaf251af3b0f025b5) + draw;

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	z ^= z >> 31;
	return ((double)(z >> 11) + 0.5) * 0x1p-53;
}

static double noise_at(
	const struct point_opts *p, int64_t seed, uint32_t point, int64_t tick)
{
	double a = chance(seed, point, tick, DRAW_NOISE), b;

	if (p->shape == SHAPE_UNIFORM)
		return p->noise * (2 * a - 1);
	b = chance(seed, point, tick, DRAW_NOISE_TOO);
	return p->noise * sqrt(-2 * log(a)) * cos(2 * PI * b);
}

/* Smooth between random places, one at each multiple of the time. */
static double wander_at(
	const struct gw_table *wander, int64_t seed, uint32_t point, double ns)
{
	double at = ns / wander->cells[1], from, to, part;
	int64_t place = (int64_t)at;

	from = chance(seed, point, place, DRAW_WANDER);
	to = chance(seed, point, place + 1, DRAW_WANDER);
	part = at - (double)place;
	part *= part * (3 - 2 * part);
	return wander->cells[0] * (2 * (from + (to - from) * part) - 1);
}

/* To the nearest step. A step of 0.1 gives 0.3, not 0.30000000000000004. */
static double round_to(double value, double step)
{
	double per_one;

	if (step <= 0)
		return value;
	per_one = nearbyint(1 / step);
	return fabs(per_one * step - 1) < 1e-9 ? nearbyint(value * per_one) / per_one
					       : nearbyint(value / step) * step;
}

static double read_point(
	const struct gw_point_opts *point, int64_t seed, int64_t tick, double at_ns)
{
	const struct point_opts *p = point->driver;
	double value = p->value + script_at(p, at_ns);

	if (p->wave.rows > 0)
		value += p->wave.cells[0] * sin(2 * PI * at_ns / p->wave.cells[1]);
	if (p->wander.rows > 0)
		value += wander_at(&p->wander, seed, point->index, at_ns);
	if (p->noise > 0)
		value += noise_at(p, seed, point->index, tick);
	return round_to(value, p->step);
}

static enum gw_err open_link(void *state, const struct gw_source_opts *opts,
	struct gw_emit *emit, struct gw_error *err)
{
	struct sim_source *s = state;
	const struct source_opts *own = opts->driver;
	int64_t now_ns = gw_clock_boot_ns();

	(void)emit;
	if (s->began_ns == 0)
		s->began_ns = now_ns;
	if (within(&own->down, (double)(now_ns - s->began_ns) * own->speed))
		return gw_fail(err, GW_ERR_LINK, 0, "scripted to be down");
	s->opts = opts;
	s->due_ns = calloc(opts->n_devices + 1, sizeof(s->due_ns[0]));
	if (!s->due_ns)
		return gw_fail(err, GW_ERR_SYSTEM, ENOMEM, "out of memory");
	return GW_OK;
}

static void read_device(struct sim_source *s, const struct gw_device_opts *device,
	int64_t tick, int64_t poll_ns, int64_t now_ns, struct gw_emit *emit)
{
	const struct source_opts *own = s->opts->driver;
	const struct device_opts *d = device->driver;
	double at_ns = (double)(tick * poll_ns) * own->speed;

	gw_emit_count(emit, GW_COUNT_REQUESTS, 1);
	if (within(&d->dead, at_ns) ||
		(d->drops > 0 && device->n_points > 0 &&
			chance(own->seed, device->points[0].index, tick, DRAW_DROP) <
				d->drops)) {
		gw_emit_count(emit, GW_COUNT_TIMEOUTS, 1);
		for (size_t i = 0; i < device->n_points; i++)
			gw_emit_sample(emit, device->points[i].index,
				GW_QUALITY_BAD_TIMEOUT, 0, now_ns, 0);
		return;
	}
	if (within(&d->frozen, at_ns)) {
		tick = (int64_t)(d->frozen.cells[0] / own->speed / (double)poll_ns);
		at_ns = (double)(tick * poll_ns) * own->speed;
	}
	for (size_t i = 0; i < device->n_points; i++)
		gw_emit_raw(emit, &device->points[i], GW_QUALITY_GOOD,
			read_point(&device->points[i], own->seed, tick, at_ns), now_ns, 0);
}

/* Read what is due. Returns when the next device is. */
static int64_t read_due(struct sim_source *s, int64_t now_ns, struct gw_emit *emit)
{
	int64_t next_ns = INT64_MAX;

	for (size_t i = 0; i < s->opts->n_devices; i++) {
		const struct gw_device_opts *device = &s->opts->devices[i];
		int64_t poll_ns, tick;

		if (now_ns >= s->due_ns[i]) {
			poll_ns = device->poll_ns ? device->poll_ns : s->opts->poll_ns;
			tick = (now_ns - s->began_ns) / poll_ns;
			read_device(s, device, tick, poll_ns, now_ns, emit);
			s->due_ns[i] = s->began_ns + (tick + 1) * poll_ns;
		}
		if (s->due_ns[i] < next_ns)
			next_ns = s->due_ns[i];
	}
	return next_ns;
}

static enum gw_err poll_link(
	void *state, int timeout_ms, struct gw_emit *emit, struct gw_error *err)
{
	struct sim_source *s = state;
	const struct source_opts *own = s->opts->driver;
	int64_t now_ns = gw_clock_boot_ns();
	int64_t wait_ns = read_due(s, now_ns, emit) - now_ns;
	struct pollfd stop = {.fd = gw_emit_stop_fd(emit), .events = POLLIN};

	if (within(&own->down, (double)(now_ns - s->began_ns) * own->speed))
		return gw_fail(err, GW_ERR_LINK, 0, "scripted to be down");
	gw_emit_flush(emit); /* before the wait, not after it */
	if (wait_ns < timeout_ms * GW_NS_PER_MS)
		timeout_ms = (int)((wait_ns + GW_NS_PER_MS - 1) / GW_NS_PER_MS);
	if (timeout_ms > 0)
		poll(&stop, 1, timeout_ms);
	return gw_emit_stopping(emit) ? GW_ERR_STOPPED : GW_OK;
}

static void close_link(void *state)
{
	struct sim_source *s = state;

	free(s->due_ns);
	s->due_ns = NULL;
}

const struct gw_driver gw_driver_sim = {
	.name = "sim",
	.summary = "seeded and scripted values, for demos and tests",
	.source_settings = source_settings,
	.device_settings = device_settings,
	.point_settings = point_settings,
	.source_opts_size = sizeof(struct source_opts),
	.device_opts_size = sizeof(struct device_opts),
	.point_opts_size = sizeof(struct point_opts),
	.state_size = sizeof(struct sim_source),
	.check = check,
	.open = open_link,
	.poll = poll_link,
	.close = close_link,
};
