/* SPDX-License-Identifier: Apache-2.0 */
/* A forecast by itself: the time that is left, and which side is its home. */
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

/* Two evaluations must find it, and two that it is over; of the first it has nothing to say. */
static void the_eta_is_given_while_it_stands(void **unused)
{
	int told = 0, blank = 0;

	(void)unused;
	for (int i = 0; i < SLICES; i++) {
		feed(2 * i);
		assert_true(condition_true || eta_ms == -1);
	}
	assert_true(condition_true);
	for (int i = 0; i < 2 * SLICES && condition_true; i++) {
		feed(2 * SLICES - 3 * i);
		assert_in_range(eta_ms + 1, 0, 600001);
		told += condition_true && eta_ms >= 0;
		blank += condition_true && eta_ms == -1;
	}
	assert_false(condition_true);
	assert_true(told > 0);
	assert_int_equal(blank, 1);
}

/* Ten slices over, nine under, and one in which nothing comes: so each window. */
static void the_trend_starts_from_the_side_of_most_slices(void **unused)
{
	bool fell = false;

	(void)unused;
	for (int i = 0; i < SLICES; i++)
		feed(99); /* at home below */
	for (int i = 0; i < 3 * SLICES; i++)
		if (i % SLICES == SLICES - 1)
			now_ns += SLICE;
		else
			assert_false(feed(i % 2 ? 99 : 101));
	for (int i = 0; i < SLICES; i++)
		fell |= feed(140 - i);
	assert_true(fell);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_eta_is_given_while_it_stands),
		TEST(the_trend_starts_from_the_side_of_most_slices),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
