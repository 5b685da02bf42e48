/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an alarm costs that was never true: of ten thousand alarms of every kind that are fed,
 * evaluated, postponed, viewed and adopted, not one writes a byte of its detail or of what is
 * shown of it; and of one that moves, only that one does, and it has forgotten nothing.
 */
#include "alarm/chatter_flood.h"
#include "alarm/condition.h"
#include "engine/engine_internal.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define S        GW_NS_PER_SEC
#define POINTS   1000
#define EACH     10 /* alarms */
#define ALARMS   (POINTS * EACH)
#define SECONDS  100
#define BEGIN_NS (1000 * S)

static const double cells[] = {2, 60e9, 4, 10e9}, band[] = {-5, 5};

static struct gw_point_info points[POINTS];
static struct gw_alarm_opts alarms[ALARMS];
static struct gw_condition_opts when[ALARMS];
static struct gw_member members[ALARMS];
static char keys[ALARMS][24];
static const struct gw_site_info site = {"box", "", "", ""};
static struct gw_ring out;

static const struct gw_condition_opts conditions[EACH] = {
	{.kind = &gw_condition_above, .limit = 5},
	{.kind = &gw_condition_below, .limit = -5},
	{.kind = &gw_condition_outside, .band = {1, 2, band}},
	{.kind = &gw_condition_rises, .limit = 6, .window_ns = 20 * S},
	{.kind = &gw_condition_reaches, .limit = 50, .window_ns = 30 * S, .fit_ns = 30 * S},
	{.kind = &gw_condition_dose, .rows = {2, 2, cells}},
	{.kind = &gw_condition_stuck, .window_ns = 30 * S},
	{.kind = &gw_condition_silent, .window_ns = 5 * S},
	{.kind = &gw_condition_at_least, .at_least = 1, .n_members = 1},
	{.kind = &gw_condition_chattering},
};
#define ABOVE  0
#define SILENT 7
#define VOTE   8
#define COUNTS 9

static void describe_building(void)
{
	for (uint32_t i = 0; i < ALARMS; i++) {
		struct gw_alarm_opts *a = &alarms[i];
		uint32_t point = i / EACH, kind = i % EACH;

		points[point].key = keys[point * EACH];
		snprintf(keys[i], sizeof keys[i], "%u", i);
		*a = (struct gw_alarm_opts){.info = {.key = keys[i], .site = &site},
			.when = &when[i],
			.first_point = point,
			.n_points = kind < VOTE,
			.level = GW_LEVEL_ORANGE,
			.chatter_alarm = kind == ABOVE ? i + COUNTS + 1 : 0};
		members[i] = (struct gw_member){
			.is_alarm = true, .index = point * EACH, .key = keys[i]};
		when[i] = conditions[kind];
		when[i].members = &members[i];
		a->unless = &members[i]; /* never the case */
		a->n_unless = kind == ABOVE + 1;
	}
}

static struct gw_time at(int64_t boot_ns)
{
	return (struct gw_time){
		.boot_ns = boot_ns, .wall_ms = boot_ns / GW_NS_PER_MS, .synced = true};
}

static struct gw_engine *build(void)
{
	struct gw_engine *e;

	assert_int_equal(gw_engine_new(&(struct gw_engine_opts){.site = &site,
					       .points = points,
					       .n_points = POINTS,
					       .alarms = alarms,
					       .n_alarms = ALARMS},
				 &e, NULL),
		GW_OK);
	assert_int_equal(gw_engine_add_output(e, &out, NULL, NULL), GW_OK);
	return e;
}

static void feed(struct gw_engine *e, uint32_t point, double value, int64_t now_ns)
{
	const struct gw_sample s = {.point = point,
		.quality = GW_QUALITY_GOOD,
		.boot_ns = now_ns,
		.value = value};

	gw_engine_ingest(e, &s, 1, at(now_ns));
}

/* From a second to another, each point once a second but for one that is lost now and then. */
static void live(struct gw_engine *e, int from_s, int to_s)
{
	for (int s = from_s; s < to_s; s++) {
		int64_t now_ns = BEGIN_NS + s * S;

		for (uint32_t p = 0; p < POINTS; p++)
			if ((p + (uint32_t)s) % 7)
				feed(e, p, ((p + (uint32_t)s) % 5) / 4.0, now_ns);
		gw_engine_step(e, at(now_ns));
	}
}

/* How many alarms have written into a table that is reserved. */
static size_t written(const void *table, size_t size)
{
	const unsigned char *bytes = table;
	size_t n = 0;

	for (size_t i = 0; i < ALARMS; i++) {
		size_t k = 0;

		while (k < size && bytes[i * size + k] == 0)
			k++;
		n += k < size;
	}
	return n;
}

static void assert_untouched(struct gw_engine *e, size_t has_detail)
{
	assert_int_equal(written(e->alarm_details, sizeof *e->alarm_details), has_detail);
	assert_int_equal(written(e->view.alarms, sizeof *e->view.alarms), has_detail);
}

static void ignore(
	void *arg, const struct gw_alarm_record *record, const struct gw_alarm_info *info)
{
	(void)arg, (void)record, (void)info;
}

static struct gw_engine *reload(struct gw_engine *old, int second)
{
	struct gw_engine *e = build();

	gw_engine_adopt(e, old, at(BEGIN_NS + second * S), ignore, NULL);
	gw_engine_free(old);
	return e;
}

static void look(struct gw_engine *e)
{
	struct gw_alarm_view v;

	for (size_t i = 0; i < ALARMS; i++) {
		gw_view_alarm(gw_engine_view(e), i, &v);
		assert_int_equal(v.state, GW_STATE_NORMAL);
		assert_int_equal(v.level, GW_LEVEL_ORANGE);
		assert_true(
			i % EACH == COUNTS ? v.value >= 0 && v.value <= 0 : isnan(v.value));
		assert_true(isnan(v.limit) && isnan(v.peak));
		assert_int_equal(v.seq + v.raised, 0);
	}
}

static void drain(void)
{
	struct gw_event event;

	while (gw_ring_pop(&out, &event, 1, sizeof event))
		continue;
}

static void an_alarm_that_was_never_true_writes_no_detail(void **unused)
{
	struct gw_engine *e;
	struct gw_alarm_view v;

	(void)unused;
	describe_building();
	e = build();
	assert_untouched(e, 0);
	live(e, 0, SECONDS);
	assert_int_equal(gw_engine_last_seq(e), 0);
	assert_untouched(e, 0);
	look(e);
	e = reload(e, SECONDS);
	live(e, SECONDS, 2 * SECONDS);
	look(e);
	assert_untouched(e, 0);

	/* two raise, the vote that counts one as well, and its `unless` holds a fourth */
	feed(e, 7, 5.5, BEGIN_NS + 2 * SECONDS * S);
	assert_untouched(e, 4);
	assert_int_equal(gw_engine_last_seq(e), 0);
	gw_engine_step(e, at(BEGIN_NS + 2 * SECONDS * S));
	assert_int_equal(gw_engine_last_seq(e), 3);
	gw_view_alarm(gw_engine_view(e), 7 * EACH, &v);
	assert_int_equal(v.state, GW_STATE_ACTIVE_UNACKED);
	assert_true(v.value > 5 && v.limit > 4 && v.peak > 5);
	e = reload(e, 2 * SECONDS);
	live(e, 2 * SECONDS + 1, 2 * SECONDS + 10);
	assert_untouched(e, 4);
	assert_int_equal(gw_engine_last_seq(e), 6);
	gw_engine_free(e);
	drain();
}

/* The event of the alarm that was shelved just now. */
static struct gw_event shelve(
	struct gw_engine *e, uint32_t alarm, int64_t now_ns, int64_t duration_ns)
{
	static struct gw_ring commands, replies;
	const struct gw_alarm_command c = {
		.alarm = alarm, .kind = GW_COMMAND_SHELVE, .duration_ns = duration_ns};
	struct gw_event event;

	assert_int_equal(gw_ring_init(&commands, 4, sizeof c, NULL), GW_OK);
	assert_int_equal(
		gw_ring_init(&replies, 4, sizeof(struct gw_alarm_reply), NULL), GW_OK);
	gw_engine_set_commands(e, &commands, &replies, NULL);
	gw_ring_push(&commands, &c, 1, sizeof c);
	gw_engine_step(e, at(now_ns));
	assert_int_equal(gw_ring_pop(&out, &event, 1, sizeof event), 1);
	assert_int_equal(event.change, GW_CHANGE_SHELVED);
	gw_engine_set_commands(e, NULL, NULL, NULL);
	gw_ring_fini(&commands);
	gw_ring_fini(&replies);
	return event;
}

static void timers_set_before_the_detail_are_kept_in_it(void **unused)
{
	struct gw_event event;
	struct gw_engine *e;

	(void)unused;
	describe_building();
	e = build();
	live(e, 1, 3);
	e = reload(e, 3);
	gw_engine_step(e, at(BEGIN_NS + 3 * S));
	event = shelve(e, ABOVE, BEGIN_NS + 4 * S, S);
	assert_true(event.value >= 0.5 &&
		event.value <= 0.5); /* not 0.25, the last evaluated one */
	assert_true(event.limit >= 5 && event.limit <= 5);
	assert_int_equal(event.quality, GW_QUALITY_GOOD);
	/* one that waits for a time goes on waiting: silent since 2, on its shelf */
	event = shelve(e, SILENT, BEGIN_NS + 4 * S, 6 * S);
	for (uint32_t p = 1; p < POINTS; p++)
		feed(e, p, 1, BEGIN_NS + 6 * S);
	gw_engine_step(e, at(BEGIN_NS + 10 * S));
	while (gw_ring_pop(&out, &event, 1, sizeof event) &&
		event.info->key != keys[SILENT])
		continue;
	assert_ptr_equal(event.info->key, keys[SILENT]);
	assert_int_equal(event.change, GW_CHANGE_UNSHELVED);
	assert_int_equal(event.state, GW_STATE_NORMAL);
	assert_int_equal(gw_ring_pop(&out, &event, 1, sizeof event), 1);
	assert_int_equal(event.change, GW_CHANGE_RAISED);
	assert_int_equal(event.state, GW_STATE_ACTIVE_UNACKED);
	assert_int_equal(event.onset_ms, (BEGIN_NS + 7 * S) / GW_NS_PER_MS);
	gw_engine_free(e);
	drain();
}

static void the_time_of_an_alarm_never_falls_at_a_reload(void **unused)
{
	struct gw_event event;
	struct gw_engine *e;

	(void)unused;
	describe_building();
	e = build();
	feed(e, 0, 1, BEGIN_NS + 5 * S);
	e = reload(e, 6);
	gw_engine_step(e, at(BEGIN_NS + 6 * S));
	feed(e, 0, 6, BEGIN_NS + 4 * S); /* a sample that was on its way */
	gw_engine_step(e, at(BEGIN_NS + 7 * S));
	assert_int_equal(gw_ring_pop(&out, &event, 1, sizeof event), 1);
	assert_ptr_equal(event.info->key, keys[ABOVE]);
	assert_int_equal(event.boot_ns, BEGIN_NS + 5 * S);
	gw_engine_free(e);
	drain();
}

static void a_device_never_heard_is_timed_from_the_first_engine(void **unused)
{
	struct gw_event event;
	struct gw_engine *e;

	(void)unused;
	describe_building();
	e = build();
	gw_engine_step(e, at(BEGIN_NS));
	for (uint32_t p = 1; p < POINTS; p++)
		feed(e, p, 1, BEGIN_NS + 3 * S);
	e = reload(e, 3);
	gw_engine_step(e, at(BEGIN_NS + 3 * S));
	gw_engine_step(e, at(BEGIN_NS + 6 * S));
	assert_int_equal(gw_ring_pop(&out, &event, 1, sizeof event), 1);
	assert_ptr_equal(event.info->key, keys[SILENT]);
	assert_int_equal(event.boot_ns, BEGIN_NS + 5 * S);
	gw_engine_free(e);
	drain();
}

static void the_last_value_of_a_point_survives_a_reload(void **unused)
{
	const struct gw_sample said[] = {
		{.point = 0,
			.quality = GW_QUALITY_GOOD,
			.boot_ns = BEGIN_NS + S,
			.device_ns = 77,
			.value = 1},
		{.point = 1,
			.quality = GW_QUALITY_GOOD,
			.boot_ns = BEGIN_NS + S,
			.value = 2},
		{.point = 1,
			.quality = GW_QUALITY_BAD_TIMEOUT,
			.boot_ns = BEGIN_NS + 2 * S,
			.device_ns = 78},
	};
	struct gw_point_view v;
	struct gw_engine *e;

	(void)unused;
	describe_building();
	e = build();
	gw_engine_ingest(e, said, 3, at(BEGIN_NS + 2 * S));
	e = reload(e, 3);
	gw_view_point(gw_engine_view(e), 0, &v);
	assert_int_equal(v.quality, GW_QUALITY_GOOD);
	assert_int_equal(v.device_ns, 77);
	assert_int_equal(v.current_ns, BEGIN_NS + S);
	gw_view_point(gw_engine_view(e), 1, &v);
	assert_int_equal(v.quality, GW_QUALITY_BAD_TIMEOUT);
	assert_int_equal(v.device_ns, 78);
	assert_int_equal(v.boot_ns, BEGIN_NS + 2 * S);
	assert_int_equal(v.current_ns, BEGIN_NS + S);
	gw_engine_free(e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_alarm_that_was_never_true_writes_no_detail),
		cmocka_unit_test(timers_set_before_the_detail_are_kept_in_it),
		cmocka_unit_test(the_time_of_an_alarm_never_falls_at_a_reload),
		cmocka_unit_test(a_device_never_heard_is_timed_from_the_first_engine),
		cmocka_unit_test(the_last_value_of_a_point_survives_a_reload),
	};

	if (gw_ring_init(&out, 256, sizeof(struct gw_event), NULL))
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
