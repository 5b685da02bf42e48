/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Samples that found the ring full. Whatever is given up, a point's extremes, its newest sample and
 * its newest usable one leave; compared with a record of all that was added.
 */
#include "source/coalesce.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#define POINTS    3
#define ADDED_MAX 64

/* All that one point was given and gave back. */
struct record {
	struct gw_sample added[ADDED_MAX], left[ADDED_MAX];
	size_t n_added, n_left;
};

static struct record records[POINTS];
static int64_t last_ns;  /* time of the sample added last: its number */
static int64_t taken_ns; /* and of the one that left last */

static void forget(void)
{
	memset(records, 0, sizeof(records));
	last_ns = taken_ns = 0;
}

static bool add(struct gw_coalescer *c, uint32_t point, double value, uint16_t quality)
{
	struct gw_sample s = {
		.point = point, .quality = quality, .value = value, .boot_ns = ++last_ns};
	struct record *r = &records[point];
	size_t before = gw_coalesce_count(c);
	bool merged = gw_coalesce_add(c, &s);

	r->added[r->n_added++] = s;
	assert_int_equal(gw_coalesce_count(c), before + !merged);
	return merged;
}

static struct gw_sample take(struct gw_coalescer *c)
{
	const struct gw_sample *oldest = gw_coalesce_oldest(c);
	struct gw_sample s;

	assert_non_null(oldest);
	s = *oldest;
	assert_true(s.boot_ns > taken_ns); /* in the order of arrival, each once */
	taken_ns = s.boot_ns;
	records[s.point].left[records[s.point].n_left++] = s;
	gw_coalesce_drop_oldest(c);
	return s;
}

static void take_all(struct gw_coalescer *c)
{
	while (gw_coalesce_count(c) > 0)
		take(c);
	assert_null(gw_coalesce_oldest(c));
}

static bool has_left(const struct record *r, const struct gw_sample *s)
{
	for (size_t i = 0; i < r->n_left; i++)
		if (r->left[i].boot_ns == s->boot_ns)
			return r->left[i].value == s->value &&
				r->left[i].quality == s->quality;
	return false;
}

static void assert_nothing_important_was_given_up(const struct record *r)
{
	const struct gw_sample *low = NULL, *high = NULL, *usable = NULL;

	for (size_t i = 0; i < r->n_added; i++) {
		const struct gw_sample *s = &r->added[i];

		if (!gw_quality_usable(s->quality))
			continue;
		if (!low || s->value < low->value) /* of equal ones the earliest */
			low = s;
		if (!high || s->value > high->value)
			high = s;
		usable = s;
	}
	if (r->n_added > 0)
		assert_true(has_left(r, &r->added[r->n_added - 1]));
	if (usable) {
		assert_true(has_left(r, usable));
		assert_true(has_left(r, low));
		assert_true(has_left(r, high));
	}
}

static void a_contact_that_closed_for_a_moment_is_not_lost(void **state)
{
	struct gw_coalescer *c = gw_coalesce_new(POINTS);
	bool closed = false;

	(void)state;
	forget();
	for (int i = 0; i < 20; i++)
		add(c, 1, i == 7, GW_QUALITY_GOOD);
	while (gw_coalesce_count(c) > 0)
		closed |= take(c).value == 1;
	assert_true(closed);
	gw_coalesce_free(c);
}

static void four_samples_of_each_point_are_kept_and_no_more(void **state)
{
	struct gw_coalescer *c = gw_coalesce_new(POINTS);

	(void)state;
	forget();
	for (int i = 0; i < 6; i++)
		for (uint32_t point = 0; point < POINTS; point++)
			assert_int_equal(add(c, point, i, GW_QUALITY_GOOD), i >= 4);
	assert_int_equal(gw_coalesce_count(c), 4 * POINTS);
	take_all(c);
	for (int i = 0; i < 4; i++) /* slots are free again */
		assert_false(add(c, 2, i, GW_QUALITY_GOOD));
	gw_coalesce_free(c);
}

static void samples_of_all_points_leave_in_the_order_of_arrival(void **state)
{
	struct gw_coalescer *c = gw_coalesce_new(POINTS);

	(void)state;
	forget();
	add(c, 2, 1, GW_QUALITY_GOOD);
	add(c, 0, 2, GW_QUALITY_GOOD);
	add(c, 2, 3, GW_QUALITY_GOOD);
	add(c, 1, 4, GW_QUALITY_GOOD);
	for (int value = 1; value <= 4; value++)
		assert_true(take(c).value == value);
	gw_coalesce_free(c);
}

/* Its time says since when the value was reached. */
static void the_earliest_of_equal_extremes_is_kept(void **state)
{
	struct gw_coalescer *c = gw_coalesce_new(POINTS);

	(void)state;
	forget();
	for (int i = 0; i < 12; i++)
		add(c, 0, i % 2 ? 90 : 10, GW_QUALITY_GOOD);
	assert_int_equal(take(c).boot_ns, 1);
	assert_int_equal(take(c).boot_ns, 2);
	gw_coalesce_free(c);
}

static void samples_that_are_not_usable_leave_the_newest_usable_one(void **state)
{
	struct gw_coalescer *c = gw_coalesce_new(POINTS);

	(void)state;
	forget();
	add(c, 0, 1, GW_QUALITY_GOOD);
	add(c, 0, 9, GW_QUALITY_GOOD);
	add(c, 0, 5, GW_QUALITY_GOOD);
	for (int i = 0; i < 10; i++)
		add(c, 0, 0, GW_QUALITY_BAD_TIMEOUT);
	assert_int_equal(gw_coalesce_count(c), 4);
	take_all(c);
	assert_nothing_important_was_given_up(&records[0]);
	gw_coalesce_free(c);
}

/* Few values and points, so that equal extremes and full points are frequent. */
static void in_any_sequence_extremes_and_newest_samples_are_kept(void **state)
{
	static const uint16_t qualities[] = {
		GW_QUALITY_GOOD, GW_QUALITY_GOOD, GW_QUALITY_GOOD, GW_QUALITY_BAD_TIMEOUT};
	struct gw_coalescer *c = gw_coalesce_new(POINTS);
	uint64_t random = 1;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		int steps;

		forget();
		random = random * UINT64_C(6364136223846793005) + 1;
		steps = (int)(random >> 33) % ADDED_MAX;
		for (int i = 0; i < steps; i++) {
			random = random * UINT64_C(6364136223846793005) + 1;
			if ((random >> 60) == 0 && gw_coalesce_count(c) > 0)
				take(c);
			else
				add(c, (uint32_t)((random >> 56) & 15) % POINTS,
					(double)((random >> 48) & 7),
					qualities[(random >> 40) & 3]);
		}
		take_all(c);
		for (size_t point = 0; point < POINTS; point++)
			assert_nothing_important_was_given_up(&records[point]);
	}
	gw_coalesce_free(c);
	gw_coalesce_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_contact_that_closed_for_a_moment_is_not_lost),
		cmocka_unit_test(four_samples_of_each_point_are_kept_and_no_more),
		cmocka_unit_test(samples_of_all_points_leave_in_the_order_of_arrival),
		cmocka_unit_test(the_earliest_of_equal_extremes_is_kept),
		cmocka_unit_test(samples_that_are_not_usable_leave_the_newest_usable_one),
		cmocka_unit_test(in_any_sequence_extremes_and_newest_samples_are_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
