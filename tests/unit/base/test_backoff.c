/* SPDX-License-Identifier: Apache-2.0 */
#include "base/backoff.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define SEC INT64_C(1000000000)

static void waits_double_up_to_the_most(void **state)
{
	static const int64_t whole[] = {1, 2, 4, 8, 16, 32, 60, 60, 60};
	struct gw_backoff b;
	int64_t now = 1000 * SEC;

	(void)state;
	for (uint64_t seed = 0; seed < 50; seed++) {
		gw_backoff_init(&b, SEC, 60 * SEC, seed);
		assert_true(gw_backoff_ready(&b, 0));
		for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); i++) {
			gw_backoff_failed(&b, now);
			assert_in_range(
				b.next_ns - now, whole[i] * SEC / 2, whole[i] * SEC);
			assert_false(gw_backoff_ready(&b, b.next_ns - 1));
			assert_true(gw_backoff_ready(&b, b.next_ns));
			now = b.next_ns;
		}
	}
}

static void many_failures_do_not_overflow(void **state)
{
	struct gw_backoff b;

	(void)state;
	gw_backoff_init(&b, 1, INT64_MAX / 2, 7);
	b.failures = UINT32_MAX;
	for (int i = 0; i < 5; i++) {
		gw_backoff_failed(&b, 0);
		assert_true(b.next_ns >= INT64_MAX / 4 && b.next_ns <= INT64_MAX / 2);
	}
}

static void success_begins_again(void **state)
{
	struct gw_backoff b;

	(void)state;
	gw_backoff_init(&b, SEC, 60 * SEC, 1);
	for (int i = 0; i < 10; i++)
		gw_backoff_failed(&b, 0);
	gw_backoff_succeeded(&b);
	assert_true(gw_backoff_ready(&b, 0));
	gw_backoff_failed(&b, 0);
	assert_in_range(b.next_ns, SEC / 2, SEC);
}

static void seeds_differ_and_repeat(void **state)
{
	struct gw_backoff a, b, c;

	(void)state;
	gw_backoff_init(&a, SEC, 60 * SEC, 1);
	gw_backoff_init(&b, SEC, 60 * SEC, 1);
	gw_backoff_init(&c, SEC, 60 * SEC, 2);
	gw_backoff_failed(&a, 0);
	gw_backoff_failed(&b, 0);
	gw_backoff_failed(&c, 0);
	assert_true(a.next_ns == b.next_ns);
	assert_true(a.next_ns != c.next_ns);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(waits_double_up_to_the_most),
		cmocka_unit_test(many_failures_do_not_overflow),
		cmocka_unit_test(success_begins_again),
		cmocka_unit_test(seeds_differ_and_repeat),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
