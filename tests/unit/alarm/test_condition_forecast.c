/* SPDX-License-Identifier: Apache-2.0 */
/* A forecast by itself: the time that is left, how long it stands, what is usual, where home is. */
#include "alarm/condition.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define S      INT64_C(1000000000)
#define SLICE  (10 * S) /* one sample each */
#define SLICES 20

static struct gw_condition_opts o = {.kind = &gw_condition_reaches,
	.limit = 100,
	.window_ns = 600 * S,
	.fit_ns = SLICES * SLICE};
static void *memory;
static int64_t now_ns;
static bool condition_true;
static int64_t eta_ms;

static int setup(void **unused)
{
	(void)unused;
	memory = calloc(1, o.kind->memory(&o));
	now_ns = 1000 * S;
	condition_true = false;
	return 0;
}

static int teardown(void **unused)
{
	(void)unused;
	free(memory);
	return 0;
}

static bool feed(double value)
{
	const struct gw_sample s = {.quality = GW_QUALITY_GOOD, .value = value};
	struct gw_condition_result a = {.condition_true = condition_true, .eta_ms = -1};

	o.kind->absorb(&o, memory, &s, now_ns);
	o.kind->evaluate(&o, memory,
		&(struct gw_condition_input){
			.sample = &s, .member = GW_NO_MEMBER, .now_ns = now_ns},
		&a);
	condition_true = a.condition_true;
	eta_ms = a.eta_ms;
	now_ns += SLICE;
	return condition_true;
}

static bool feed_ramp(double from, double step, int n)
{
	bool raised = false;

	for (int i = 0; i < n; i++)
		raised |= feed(from + step * i);
	return raised;
}

static void the_eta_is_given_while_it_stands_and_does_not_jump(void **unused)
{
	int64_t before_ms = -1;
	int stood = 0;

	(void)unused;
	feed_ramp(0, 0, 4 * SLICES);
	for (int i = 0; i < 60; i++) {
		feed(1.5 * i);
		assert_true(condition_true || eta_ms == -1);
		if (condition_true && before_ms >= 0)
			assert_in_range(eta_ms + 60000 - before_ms, 0, 120000);
		before_ms = condition_true ? eta_ms : -1;
		stood += condition_true;
	}
	assert_true(stood > 10);
	assert_in_range(eta_ms, 1, 120000); /* 100 is 70 s away */
}

/* Half of `within` after the last of the trend was seen. */
static void it_stands_for_a_while_when_the_trend_has_ended(void **unused)
{
	int stood = 0;

	(void)unused;
	feed_ramp(0, 0, 4 * SLICES);
	assert_true(feed_ramp(0, 2, 35));
	while (feed(70) && stood < 1000)
		stood++;
	assert_in_range(stood * SLICE / S, 300, 600);
}

static void a_value_past_the_limit_does_not_reach_it(void **unused)
{
	(void)unused;
	feed_ramp(0, 0, 4 * SLICES);
	feed(101);
	assert_false(feed_ramp(101, 3, 40));
}

static void a_value_that_comes_back_does_not_reach_the_limit(void **unused)
{
	(void)unused;
	feed_ramp(0, 0, 4 * SLICES);
	feed(160);
	assert_false(feed_ramp(160, -2, 35));
}

/* More than it was under the limit, and by twice `fit`: then it is at home there. */
static void home_is_where_it_was_for_longer(void **unused)
{
	(void)unused;
	feed_ramp(99, 0, 4 * SLICES);
	feed_ramp(101, 0.5, 6 * SLICES);
	assert_true(feed_ramp(161, -2, 30));
}

/* What goes up and down each time by as much says nothing while it does no more than that. */
static void what_is_usual_is_no_trend_towards_the_limit(void **unused)
{
	(void)unused;
	for (int day = 0; day < 40; day++) {
		bool raised = feed_ramp(20, 1.5, 40);

		raised |= feed_ramp(80, -1.5, 40);
		assert_true(day < 5 || !raised);
	}
}

/* One sample a minute, `fit` of 200 s. */
static void a_sensor_that_speaks_rarely_is_heard_too(void **unused)
{
	bool raised = false;

	(void)unused;
	for (int i = 0; i < 100; i++) {
		feed(20 + i % 2);
		now_ns += 50 * S;
	}
	for (int i = 0; i < 12 && !raised; i++) {
		raised = feed(20 + 6 * i);
		now_ns += 50 * S;
	}
	assert_true(raised);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_eta_is_given_while_it_stands_and_does_not_jump),
		TEST(it_stands_for_a_while_when_the_trend_has_ended),
		TEST(a_value_past_the_limit_does_not_reach_it),
		TEST(a_value_that_comes_back_does_not_reach_the_limit),
		TEST(home_is_where_it_was_for_longer),
		TEST(what_is_usual_is_no_trend_towards_the_limit),
		TEST(a_sensor_that_speaks_rarely_is_heard_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
