/* SPDX-License-Identifier: Apache-2.0 */
/* chain_fixture.h: a store whose chain of hashes is verified. */
#ifndef GW_TESTS_CHAIN_FIXTURE_H
#define GW_TESTS_CHAIN_FIXTURE_H

#include "store_fixture.h"

#include "store/store_status.h"

__attribute__((unused)) static void emit(struct gw_store *s, uint64_t seq)
{
	struct gw_event e = make_event(s, seq, seq % 50, (enum gw_level)(seq % 4));

	e.note[0] = (char)('a' + seq % 26);
	if (seq % 7 == 0) {
		e.confirmed_by[0] = keys[1];
		e.confirmed_by[1] = keys[2];
		e.n_confirmed_by = 2;
	}
	if (seq % 5 == 0)
		e.value = e.peak = (double)NAN;
	if (seq % 11 == 0)
		e.value = -0.0;
	push(s, &e);
}

__attribute__((unused)) static struct gw_store_verify_result verify(struct gw_store *s)
{
	struct gw_store_verify_result v;

	assert_true(gw_store_request_verify(s));
	assert_false(gw_store_request_verify(s)); /* one at a time */
	turn(s);
	assert_true(gw_store_take_verify_result(s, &v));
	assert_false(gw_store_take_verify_result(s, &v));
	return v;
}

__attribute__((unused)) static void assert_good(struct gw_store *s, uint64_t rows)
{
	struct gw_store_verify_result v = verify(s);

	assert_string_equal(v.why, "");
	assert_false(v.failed);
	assert_int_equal(v.broken, 0);
	assert_int_equal(v.rows, rows);
}

__attribute__((unused)) static void fill(uint64_t n)
{
	struct gw_store *s = open_store(two_sinks, 2, 16 * MIB);

	for (uint64_t seq = 1; seq <= n; seq++) {
		emit(s, seq);
		if (seq % 100 == 0)
			turn(s);
	}
	turn(s);
	assert_good(s, n);
	gw_store_free(s);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

#endif
