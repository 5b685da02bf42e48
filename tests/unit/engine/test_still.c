/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine's thread as it ships, with every kind of condition, through three hours of a building
 * in which everything happens. From the first step to the last it allocates nothing, locks nothing,
 * formats no text, and makes no system call but to sleep and to wake (still.c enforces it).
 */
#include "alarm/chatter_flood.h"
#include "alarm/condition.h"
#include "conf/config.h"
#include "conf/load.h"
#include "engine/engine_internal.h"
#include "engine/engine_thread.h"
#include "still.h"

#include "tests/unit/fixture/real_call.h"

#include <math.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define SECONDS  10800
#define BEGIN_NS (1000 * GW_NS_PER_SEC)
#define BEGIN_MS INT64_C(1790000000000)

static const char yaml[] =
	"gateway: {id: box}\n"
	"sources:\n"
	"  - name: hall\n"
	"    driver: sim\n"
	"    poll: 1s\n"
	"    devices:\n"
	"      - name: gas\n"
	"        points: [{name: ch4}, {name: co}]\n"
	"      - name: loop\n"
	"        points: [{name: pressure}, {name: temperature}, {name: make-up}]\n"
	"      - {name: smoke-1, points: [{name: smoke, type: bool}]}\n"
	"      - {name: smoke-2, points: [{name: smoke, type: bool}]}\n"
	"      - {name: frozen, points: [{name: temperature}]}\n"
	"uplinks:\n"
	"  - {name: city, url: 'https://127.0.0.1/', ca: /dev/null}\n"
	"alarms:\n"
	"  - {name: low, on: hall/gas/ch4, when: {above: 20, clear: 18}, on_delay: 3s}\n"
	"  - {name: high, on: hall/gas/ch4, when: {above: 50}, level: red, latch: true}\n"
	"  - {name: soon, on: hall/gas/ch4, when: {reaches: 20, within: 10min}, unless: "
	"high}\n"
	"  - {name: co, on: hall/gas/co, when: {dose: [[50, 5min], [300, 1min]]}}\n"
	"  - {name: leak, on: hall/loop/pressure, when: {below: 0.3}, off_delay: 5s}\n"
	"  - {name: burst, on: hall/loop/pressure, when: {falls: 0.1, per: 1min}}\n"
	"  - {name: supply, on: hall/loop/temperature, when: {outside: [15, 75]}, "
	"re_alarm: 1min}\n"
	"  - {name: heat, on: hall/loop/temperature, when: {rises: 10, per: 1min}}\n"
	"  - {name: drip, on: hall/loop/make-up,"
	" when: {reaches: 2, within: 2h, fit: 1h}}\n"
	"  - {name: smoke, on: hall/smoke-*/smoke, when: {is: true}, latch: true}\n"
	"  - {name: fire, when: {at_least: 2, of: [smoke], within: 1min}}\n"
	"  - {name: both, when: {at_least: 2, of: [hall/smoke-*/smoke]}}\n"
	"  - {name: stuck, on: hall/frozen/temperature, when: {stuck: 10min}}\n"
	"  - {name: gone, on: hall/frozen/temperature, when: {silent: 20s}}\n"
	"  - {name: far, on: hall/frozen, when: {silent: 30s}, level: blue, class: fault}\n"
	"  - {name: off, on: hall/gas/ch4, when: {above: 1}, out_of_service: true}\n";

#define FLUTTER_FROM 9800

/* What each point reads: its base with some jitter, and parts in which it goes from a to b. */
static const struct scene {
	const char *point;
	double base, jitter;
	struct {
		int from_s, to_s;
		double a, b;
	} part[3];
} scenes[] = {
	{"hall/gas/ch4", 2, 0.1, {{600, 1800, 2, 60}, {1800, 2400, 60, 2}}},
	{"hall/gas/co", 3, 1, {{3000, 3600, 60, 60}, {3600, 3700, 400, 400}}},
	{"hall/loop/pressure", 0.5, 0.002,
		{{4200, 4230, 0.5, 0.2}, {4230, 4500, 0.2, 0.2}}},
	{"hall/loop/temperature", 21, 0.2, {{4800, 5100, 21, 90}, {5100, 5400, 90, 21}}},
	{"hall/loop/make-up", 0.4, 0.02, {{2400, 6000, 0.4, 1.9}}},
	{"hall/smoke-1/smoke", 0, 0, {{6000, 6100, 1, 1}, {9500, 9700, 1, 1}}},
	{"hall/smoke-2/smoke", 0, 0, {{6030, 6130, 1, 1}, {FLUTTER_FROM, 9860, 0, 1}}},
	{"hall/frozen/temperature", 5, 0.3, {{6600, 7500, 5, 5}}},
};
#define N_SCENES (sizeof scenes / sizeof scenes[0])

/* No samples of any device; every fault the gateway has of its own. */
#define SILENT_FROM 8000
#define SILENT_TO   8200
#define OWN_FROM    9000 /* the gateway's own faults */
#define OWN_TO      9010
/* Points that are refused while their devices speak: some, then the others. */
static const struct refusal {
	const char *point;
	int from_s, to_s;
} refusals[] = {
	{"hall/gas/ch4", 2600, 2630},
	{"hall/loop/pressure", 2600, 2630},
	{"hall/loop/temperature", 2600, 2630},
	{"hall/gas/co", 2700, 2730},
	{"hall/loop/make-up", 2700, 2730},
};
/* Samples that cannot be used, and one of no point, come among the others. */
#define ODD_EVERY 37
#define SYNCED_AT 1500
#define UNTAP_AT  5000

static const struct word {
	int at_s;
	const char *alarm;
	enum gw_alarm_command_kind kind;
	int for_s;
	bool refused;
} words[] = {
	{100, "hall/gas/ch4:low", GW_COMMAND_ACK, 0, true},
	{1600, "hall/gas/ch4:high", GW_COMMAND_ACK, 0, false},
	{2500, "hall/gas/ch4:high", GW_COMMAND_RESET, 0, false},
	{4300, "hall/loop/pressure:leak", GW_COMMAND_SHELVE, 100, false},
	{6200, "hall/smoke-1/smoke:smoke", GW_COMMAND_RESET, 0, true},
	{6201, "hall/smoke-1/smoke:smoke", GW_COMMAND_ACK, 0, false},
	{6202, "hall/smoke-1/smoke:smoke", GW_COMMAND_RESET, 0, false},
	{6203, "hall/smoke-2/smoke:smoke", GW_COMMAND_ACK, 0, false},
	{6204, "hall/smoke-2/smoke:smoke", GW_COMMAND_RESET, 0, false},
	{9400, "hall/smoke-1/smoke:smoke", GW_COMMAND_SHELVE, 3600, false},
	{9600, "hall/smoke-1/smoke:smoke", GW_COMMAND_UNSHELVE, 0, false},
	{9800, "hall/smoke-1/smoke:smoke", GW_COMMAND_ACK, 0, false},
	{9801, "hall/smoke-1/smoke:smoke", GW_COMMAND_RESET, 0, false},
};
#define N_WORDS (sizeof words / sizeof words[0])

static struct building {
	struct gw_config *config;
	struct gw_engine *engine;
	struct gw_engine_thread engine_thread;
	struct gw_ring samples, faults, commands, replies, out, slow, tapped;
	struct gw_wake taker;
	struct gw_sample_tap tap;
	uint32_t point[N_SCENES]; /* within the source */
	unsigned raised[64], cleared[64], changes[GW_CHANGE_AMENDED + 1];
	unsigned refused, done, forecasts, slow_events;
} b;

/* Displaces the real clock, which is called all the same. */
static pthread_t main_thread;
static int (*real_clock_gettime)(clockid_t id, struct timespec *ret_time);
static _Atomic int64_t simulated_ns;

int clock_gettime(clockid_t id, struct timespec *ret_time)
{
	int64_t ns = atomic_load_explicit(&simulated_ns, memory_order_acquire);

	if (!real_clock_gettime)
		*(void **)(void *)&real_clock_gettime = real_call("clock_gettime");
	if (ns && !pthread_equal(pthread_self(), main_thread))
		still_arm(); /* before the engine's first step */
	if (real_clock_gettime(id, ret_time) != 0 || !ns)
		return -1 + !ns;
	if (id == CLOCK_REALTIME)
		ns += BEGIN_MS * GW_NS_PER_MS - BEGIN_NS;
	ret_time->tv_sec = ns / GW_NS_PER_SEC;
	ret_time->tv_nsec = (long)(ns % GW_NS_PER_SEC);
	return 0;
}

static void say(void *arg, const char *line)
{
	(void)arg;
	print_error("%s\n", line);
}

static uint32_t point_of(const char *key)
{
	for (uint32_t i = 0; i < b.config->n_points; i++)
		if (strcmp(b.config->points[i].key, key) == 0)
			return i;
	fail_msg("no point %s", key);
	return 0;
}

static uint32_t alarm_of(const char *key)
{
	for (uint32_t i = 0; i < b.config->n_alarms; i++)
		if (strcmp(b.config->alarms[i].info.key, key) == 0)
			return i;
	fail_msg("no alarm %s", key);
	return 0;
}

static void need(enum gw_err rc)
{
	assert_int_equal(rc, GW_OK);
}

static void build(void)
{
	struct gw_complaints complaints = {.say = say};
	const struct gw_config *c;
	const uint32_t n = (uint32_t)N_SCENES + 1; /* and the source's down */

	need(gw_load_bytes("still.yaml", yaml, strlen(yaml), &b.config, &complaints));
	c = b.config;
	assert_true(c->n_alarms <= sizeof b.raised / sizeof b.raised[0]);
	assert_int_equal(c->sources[0].n_points, N_SCENES);
	assert_int_equal(c->source_first_point[0], 0);
	for (size_t i = 0; i < N_SCENES; i++)
		b.point[i] = point_of(scenes[i].point);
	need(gw_engine_new(&(struct gw_engine_opts){.site = &c->site,
				   .points = c->points,
				   .n_points = c->n_points,
				   .alarms = c->alarms,
				   .n_alarms = c->n_alarms,
				   .n_inputs = 2},
		&b.engine, NULL));
	gw_engine_set_identity(b.engine, 1, 0, "00000000-0000-0000-0000-000000000000");
	need(gw_ring_init(&b.samples, 256, sizeof(struct gw_sample), NULL));
	need(gw_ring_init(&b.faults, 256, sizeof(struct gw_sample), NULL));
	need(gw_ring_init(&b.commands, 16, sizeof(struct gw_alarm_command), NULL));
	need(gw_ring_init(&b.replies, 16, sizeof(struct gw_alarm_reply), NULL));
	need(gw_ring_init(&b.out, 1024, sizeof(struct gw_event), NULL));
	need(gw_ring_init(&b.slow, 4, sizeof(struct gw_event), NULL));
	need(gw_ring_init(&b.tapped, 64, sizeof(struct gw_sample), NULL));
	need(gw_wake_init(&b.taker, NULL));
	need(gw_engine_add_input(b.engine, &b.samples, 0, n, NULL));
	need(gw_engine_add_input(b.engine, &b.faults, n, (uint32_t)c->n_points - n, NULL));
	need(gw_engine_add_output(b.engine, &b.out, &b.taker, NULL));
	need(gw_engine_add_output(b.engine, &b.slow, NULL, NULL));
	gw_engine_set_commands(b.engine, &b.commands, &b.replies, &b.taker);
	atomic_store(&b.tap.ring, &b.tapped);
	gw_engine_set_tap(b.engine, &b.tap);
	/* Active since the last run, with another level than the configuration gives it. */
	assert_true(gw_engine_restore(b.engine,
		&(struct gw_alarm_record){.key = "hall/loop/temperature:supply",
			.state = GW_STATE_ACTIVE_UNACKED,
			.underlying = GW_STATE_ACTIVE_UNACKED,
			.level = GW_LEVEL_RED,
			.onset_ms = BEGIN_MS - 1000,
			.since_ms = BEGIN_MS - 1000,
			.value = 80,
			.peak = 80},
		(struct gw_time){.boot_ns = BEGIN_NS, .wall_ms = BEGIN_MS}));
}

static void take_down(void)
{
	gw_engine_thread_fini(&b.engine_thread);
	gw_engine_free(b.engine);
	gw_ring_fini(&b.samples);
	gw_ring_fini(&b.faults);
	gw_ring_fini(&b.commands);
	gw_ring_fini(&b.replies);
	gw_ring_fini(&b.out);
	gw_ring_fini(&b.slow);
	gw_ring_fini(&b.tapped);
	gw_wake_fini(&b.taker);
	gw_config_free(b.config);
}

static double reading(const struct scene *s, int at_s)
{
	for (size_t i = 0; i < 3 && s->part[i].to_s; i++)
		if (s->part[i].from_s == FLUTTER_FROM && at_s >= FLUTTER_FROM)
			return at_s < s->part[i].to_s && at_s % 4 < 2;
		else if (at_s >= s->part[i].from_s && at_s < s->part[i].to_s)
			return s->part[i].a +
				(s->part[i].b - s->part[i].a) * (at_s - s->part[i].from_s) /
				(s->part[i].to_s - s->part[i].from_s);
	return s->base + s->jitter * ((at_s * 7) % 11 - 5) / 5.0;
}

static void push(
	struct gw_ring *to, uint32_t point, enum gw_quality q, double value, int64_t now_ns)
{
	const struct gw_sample s = {
		.point = point, .quality = (uint16_t)q, .boot_ns = now_ns, .value = value};

	assert_int_equal(gw_ring_push(to, &s, 1, sizeof s), 1);
}

static bool is_refused(const char *point, int at_s)
{
	for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++)
		if (strcmp(refusals[i].point, point) == 0)
			return at_s >= refusals[i].from_s && at_s < refusals[i].to_s;
	return false;
}

static void feed(int at_s, int64_t now_ns)
{
	const bool silent = at_s >= SILENT_FROM && at_s < SILENT_TO;

	for (size_t i = 0; i < N_SCENES && !silent; i++)
		push(&b.samples, b.point[i],
			is_refused(scenes[i].point, at_s) ? GW_QUALITY_BAD_REFUSED
							  : GW_QUALITY_GOOD,
			reading(&scenes[i], at_s), now_ns);
	push(&b.samples, (uint32_t)N_SCENES, GW_QUALITY_GOOD, silent, now_ns); /* down */
	if (at_s % ODD_EVERY == 0) {
		push(&b.samples, b.point[0], GW_QUALITY_BAD_TIMEOUT, 0, now_ns);
		push(&b.samples, b.point[1], GW_QUALITY_GOOD, (double)NAN, now_ns);
		push(&b.samples, 1000000, GW_QUALITY_GOOD, 1, now_ns);
	}
	/* the gateway's own at another time, or all of them together are a flood */
	for (uint32_t p = (uint32_t)N_SCENES + 1; p < b.config->n_points; p++)
		push(&b.faults, p - (uint32_t)N_SCENES - 1, GW_QUALITY_GOOD,
			p < b.config->gateway_first_point
				? silent
				: at_s >= OWN_FROM && at_s < OWN_TO,
			now_ns);
}

static void speak(int at_s)
{
	for (size_t i = 0; i < N_WORDS; i++) {
		struct gw_alarm_command c = {.cookie = i, .kind = words[i].kind};

		if (words[i].at_s != at_s)
			continue;
		c.alarm = alarm_of(words[i].alarm);
		c.duration_ns = words[i].for_s * GW_NS_PER_SEC;
		strcpy(c.note, "seen");
		assert_int_equal(gw_ring_push(&b.commands, &c, 1, sizeof c), 1);
	}
}

static void next_sample(void)
{
	struct gw_event e;
	struct gw_alarm_reply r;
	struct gw_sample s;

	while (gw_ring_pop(&b.out, &e, 1, sizeof e)) {
		uint32_t i = alarm_of(e.info->key);

		b.raised[i] += e.change == GW_CHANGE_RAISED;
		b.cleared[i] += e.state == GW_STATE_NORMAL ||
			e.state == GW_STATE_RETURNED_UNACKED;
		b.changes[e.change]++;
		b.forecasts += e.eta_ms >= 0;
	}
	while (gw_ring_pop(&b.replies, &r, 1, sizeof r)) {
		assert_int_equal(r.done, !words[r.cookie].refused);
		b.refused += !r.done;
		b.done += r.done;
	}
	while (!atomic_load(&b.tap.lost) && gw_ring_pop(&b.tapped, &s, 1, sizeof s))
		continue;
}

static bool behind(void)
{
	return gw_ring_processed(&b.samples) < gw_ring_head(&b.samples) ||
		gw_ring_processed(&b.faults) < gw_ring_head(&b.faults) ||
		gw_ring_count(&b.commands) > 0;
}

static void live(void)
{
	struct gw_event e;

	for (int at_s = 0; at_s < SECONDS; at_s++) {
		int64_t now_ns = BEGIN_NS + at_s * GW_NS_PER_SEC;

		atomic_store(&simulated_ns, now_ns);
		atomic_store(&b.engine_thread.synced, at_s >= SYNCED_AT);
		speak(at_s);
		feed(at_s, now_ns);
		gw_wake_prepare(&b.taker); /* so that the engine has somebody to wake */
		gw_wake_poke(&b.engine_thread.wake);
		while (behind())
			sched_yield();
		gw_wake_finish(&b.taker);
		if (at_s < UNTAP_AT)
			next_sample();
		else if (at_s % 60 == 0) /* the tap is full, which delays nothing */
			next_sample();
		if (at_s % 600 == 0)
			while (gw_ring_pop(&b.slow, &e, 1, sizeof e))
				b.slow_events++;
	}
	next_sample();
}

/* Nothing else flutters, far ends within the flood, and off is off. */
static bool never_emitted(const struct gw_alarm_opts *a)
{
	return (a->when->kind == &gw_condition_chattering &&
		       strcmp(a->info.key, "hall/smoke-2:chattering") != 0) ||
		strcmp(a->info.name, "far") == 0 || a->out_of_service;
}

static void the_running_engine_makes_no_forbidden_call(void **unused)
{
	(void)unused;
	atomic_store(&simulated_ns, BEGIN_NS);
	build();
	need(gw_engine_thread_init(&b.engine_thread, NULL));
	need(gw_engine_thread_start(&b.engine_thread, b.engine, NULL));
	live();
	gw_engine_thread_stop(&b.engine_thread);
	assert_int_equal(still_armed(), 1);
	if (still_filtered() < 1)
		print_message("[ SECCOMP ] refused here: system calls are not proved\n");

	/* that it lived through what it was to be held in */
	for (uint32_t i = 0; i < b.config->n_alarms; i++) {
		const char *key = b.config->alarms[i].info.key;

		if (never_emitted(&b.config->alarms[i])) {
			assert_int_equal(b.raised[i], 0);
			continue;
		}
		if (!b.raised[i] || !b.cleared[i])
			fail_msg("%s: raised %u, cleared %u times", key, b.raised[i],
				b.cleared[i]);
	}
	for (size_t k = 0; gw_condition_kinds[k]; k++) {
		uint32_t i = 0;

		while (i < b.config->n_alarms &&
			b.config->alarms[i].when->kind != gw_condition_kinds[k])
			i++;
		if (i == b.config->n_alarms)
			fail_msg("no alarm of the kind %s", gw_condition_kinds[k]->key);
	}
	for (size_t i = 0; i <= GW_CHANGE_AMENDED; i++)
		if (!b.changes[i])
			fail_msg("nothing was %s", gw_change_names[i]);
	assert_int_equal(b.done + b.refused, N_WORDS);
	assert_true(b.forecasts > 0);
	assert_true(b.slow_events > 0);
	assert_true(b.engine->unknown_samples > 0);
	assert_true(atomic_load(&b.tap.lost) > 0);
	take_down();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_running_engine_makes_no_forbidden_call),
	};

	main_thread = pthread_self();
	if (still_impossible()) {
		print_message("skipped: %s\n", still_impossible());
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
