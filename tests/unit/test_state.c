/* SPDX-License-Identifier: Apache-2.0 */
/* The alarm state machine: every transition of ISA-18.2, delays at, before and after their edge. */
#include "alarm/state.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define S INT64_C(1000000000)

static struct gw_alarm_state state;
static struct gw_state_rules rules;
static struct gw_moves moves;

static int setup(void **unused)
{
	(void)unused;
	gw_state_init(&state, 0);
	rules = (struct gw_state_rules){0};
	moves = (struct gw_moves){0};
	return 0;
}

static void truth(int64_t at_ns, bool is)
{
	moves.n = 0;
	gw_state_truth(&state, &rules, at_ns, is, &moves);
}

static void pass(int64_t at_ns)
{
	moves.n = 0;
	gw_state_time(&state, &rules, at_ns, &moves);
}

static void expect(unsigned i, enum gw_change change, enum gw_state now, int64_t at_ns)
{
	assert_true(i < moves.n);
	assert_int_equal(moves.move[i].change, change);
	assert_int_equal(moves.move[i].state, now);
	assert_int_equal(moves.move[i].at_ns, at_ns);
}

static void raises_and_clears_at_once_without_delays(void **unused)
{
	(void)unused;
	truth(5 * S, true);
	assert_int_equal(moves.n, 1);
	expect(0, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED, 5 * S);
	truth(6 * S, true);
	assert_int_equal(moves.n, 0);
	truth(7 * S, false);
	expect(0, GW_CHANGE_CLEARED, GW_STATE_RETURNED_UNACKED, 7 * S);
	assert_null(gw_state_ack(&state, 8 * S, &(struct gw_moves){0}));
	assert_int_equal(gw_state_shown(&state), GW_STATE_NORMAL);
}

static void on_delay_counts_to_the_nanosecond(void **unused)
{
	(void)unused;
	rules.on_delay_ns = 10 * S;
	truth(S, true);
	assert_int_equal(moves.n, 0);
	assert_int_equal(gw_state_due(&state, &rules), 11 * S);
	pass(11 * S - 1);
	assert_int_equal(moves.n, 0);
	pass(11 * S);
	expect(0, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED, 11 * S);
	assert_int_equal(gw_state_due(&state, &rules), INT64_MAX);
}

static void a_short_truth_under_an_on_delay_is_nothing(void **unused)
{
	(void)unused;
	rules.on_delay_ns = 10 * S;
	truth(S, true);
	truth(11 * S - 1, false);
	assert_int_equal(moves.n, 0);
	truth(12 * S, true);
	pass(21 * S);
	assert_int_equal(moves.n, 0);
	pass(22 * S);
	assert_int_equal(moves.n, 1);
}

static void a_late_look_still_raises_and_clears_at_the_right_times(void **unused)
{
	(void)unused;
	rules.on_delay_ns = 10 * S;
	truth(S, true);
	truth(20 * S, false); /* nobody looked at 11 s */
	assert_int_equal(moves.n, 2);
	expect(0, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED, 11 * S);
	expect(1, GW_CHANGE_CLEARED, GW_STATE_RETURNED_UNACKED, 20 * S);
}

static void off_delay_bridges_a_dip(void **unused)
{
	(void)unused;
	rules.off_delay_ns = 30 * S;
	truth(S, true);
	truth(2 * S, false);
	assert_int_equal(moves.n, 0);
	truth(31 * S, true);
	assert_int_equal(moves.n, 0);
	truth(40 * S, false);
	pass(70 * S - 1);
	assert_int_equal(moves.n, 0);
	pass(70 * S);
	expect(0, GW_CHANGE_CLEARED, GW_STATE_RETURNED_UNACKED, 70 * S);
}

static void a_latch_holds_until_acknowledged_and_reset(void **unused)
{
	(void)unused;
	rules.latch = true;
	truth(S, true);
	assert_non_null(gw_state_reset(&state, S, &moves)); /* still true */
	truth(2 * S, false);
	expect(0, GW_CHANGE_CLEARED, GW_STATE_LATCHED_UNACKED, 2 * S);
	assert_non_null(gw_state_reset(&state, 3 * S, &moves)); /* not acknowledged */
	moves.n = 0;
	assert_null(gw_state_ack(&state, 3 * S, &moves));
	expect(0, GW_CHANGE_ACKED, GW_STATE_LATCHED_ACKED, 3 * S);
	moves.n = 0;
	assert_null(gw_state_reset(&state, 4 * S, &moves));
	expect(0, GW_CHANGE_RESET, GW_STATE_NORMAL, 4 * S);
}

static void a_latched_alarm_comes_back_unacknowledged(void **unused)
{
	(void)unused;
	rules.latch = true;
	truth(S, true);
	assert_null(gw_state_ack(&state, S, &moves));
	truth(2 * S, false);
	expect(0, GW_CHANGE_CLEARED, GW_STATE_LATCHED_ACKED, 2 * S);
	truth(3 * S, true);
	expect(0, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED, 3 * S);
}

static void an_acknowledged_alarm_returns_to_normal_by_itself(void **unused)
{
	(void)unused;
	truth(S, true);
	assert_null(gw_state_ack(&state, S, &moves));
	assert_non_null(gw_state_ack(&state, S, &moves)); /* twice */
	truth(2 * S, false);
	expect(0, GW_CHANGE_CLEARED, GW_STATE_NORMAL, 2 * S);
}

static void a_returned_alarm_that_comes_back_raises_again(void **unused)
{
	(void)unused;
	truth(S, true);
	truth(2 * S, false);
	truth(3 * S, true);
	expect(0, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED, 3 * S);
}

static void a_normal_alarm_refuses_words_that_make_no_sense(void **unused)
{
	(void)unused;
	assert_non_null(gw_state_ack(&state, S, &moves));
	assert_non_null(gw_state_reset(&state, S, &moves));
	assert_non_null(gw_state_unshelve(&state, S, &moves));
	assert_non_null(gw_state_shelve(&state, S, 0, &moves));
	assert_non_null(gw_state_shelve(&state, S, -1, &moves));
}

static void a_shelf_hides_what_goes_on_and_ends_by_itself(void **unused)
{
	(void)unused;
	moves.n = 0;
	assert_null(gw_state_shelve(&state, S, 60 * S, &moves));
	expect(0, GW_CHANGE_SHELVED, GW_STATE_SHELVED, S);
	truth(2 * S, true);
	assert_int_equal(moves.n, 1);
	assert_true(moves.move[0].silent);
	assert_int_equal(gw_state_shown(&state), GW_STATE_SHELVED);
	assert_non_null(gw_state_ack(&state, 3 * S, &moves));
	assert_int_equal(gw_state_due(&state, &rules), 61 * S);
	pass(61 * S - 1);
	assert_int_equal(moves.n, 0);
	pass(61 * S);
	assert_int_equal(moves.n, 1);
	expect(0, GW_CHANGE_UNSHELVED, GW_STATE_ACTIVE_UNACKED, 61 * S);
	assert_false(moves.move[0].silent);
}

static void shelving_again_moves_the_end(void **unused)
{
	(void)unused;
	assert_null(gw_state_shelve(&state, S, 60 * S, &moves));
	assert_null(gw_state_shelve(&state, 2 * S, 10 * S, &moves));
	pass(12 * S);
	expect(0, GW_CHANGE_UNSHELVED, GW_STATE_NORMAL, 12 * S);
}

static void a_delay_and_a_shelf_that_both_end_do_so_in_order(void **unused)
{
	(void)unused;
	rules.on_delay_ns = 10 * S;
	assert_null(gw_state_shelve(&state, 0, 5 * S, &moves));
	truth(S, true);
	pass(20 * S); /* the shelf ended at 5 s, the delay at 11 s */
	assert_int_equal(moves.n, 2);
	expect(0, GW_CHANGE_UNSHELVED, GW_STATE_NORMAL, 5 * S);
	expect(1, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED, 11 * S);
	assert_false(moves.move[1].silent);
}

static void a_delay_that_ends_before_the_shelf_or_with_it_stays_hidden(void **unused)
{
	(void)unused;
	for (int64_t end_ns = 11 * S; end_ns <= 12 * S; end_ns += S) {
		setup(unused);
		rules.on_delay_ns = 10 * S;
		assert_null(gw_state_shelve(&state, 0, end_ns, &moves));
		truth(S, true);
		pass(end_ns); /* the delay ended at 11 s */
		assert_int_equal(moves.n, 2);
		expect(0, GW_CHANGE_RAISED, GW_STATE_SHELVED, 11 * S);
		assert_true(moves.move[0].silent);
		expect(1, GW_CHANGE_UNSHELVED, GW_STATE_ACTIVE_UNACKED, end_ns);
	}
}

static void a_delay_that_ends_now_is_seen_behind_a_shelf_that_ended(void **unused)
{
	(void)unused;
	rules.on_delay_ns = 10 * S;
	assert_null(gw_state_shelve(&state, 0, 5 * S, &moves));
	truth(S, true);
	pass(11 * S);
	assert_int_equal(moves.n, 2);
	expect(1, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED, 11 * S);
}

static void a_shelf_may_be_as_short_or_as_long_as_time_itself(void **unused)
{
	(void)unused;
	assert_null(gw_state_shelve(&state, S, 1, &moves));
	assert_int_equal(gw_state_due(&state, &rules), S + 1);
	assert_null(gw_state_shelve(&state, S, INT64_MAX, &moves));
	assert_int_equal(state.shelf_end_ns, INT64_MAX);
	assert_null(gw_state_shelve(&state, S, INT64_MAX - S - 1, &moves));
	assert_int_equal(state.shelf_end_ns, INT64_MAX - 1);
	rules.on_delay_ns = INT64_MAX;
	truth(2 * S, true);
	pass(INT64_MAX - 2);
	assert_int_equal(moves.n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(raises_and_clears_at_once_without_delays, setup),
		cmocka_unit_test_setup(on_delay_counts_to_the_nanosecond, setup),
		cmocka_unit_test_setup(a_short_truth_under_an_on_delay_is_nothing, setup),
		cmocka_unit_test_setup(
			a_late_look_still_raises_and_clears_at_the_right_times, setup),
		cmocka_unit_test_setup(off_delay_bridges_a_dip, setup),
		cmocka_unit_test_setup(a_latch_holds_until_acknowledged_and_reset, setup),
		cmocka_unit_test_setup(a_latched_alarm_comes_back_unacknowledged, setup),
		cmocka_unit_test_setup(
			an_acknowledged_alarm_returns_to_normal_by_itself, setup),
		cmocka_unit_test_setup(
			a_returned_alarm_that_comes_back_raises_again, setup),
		cmocka_unit_test_setup(
			a_normal_alarm_refuses_words_that_make_no_sense, setup),
		cmocka_unit_test_setup(
			a_shelf_hides_what_goes_on_and_ends_by_itself, setup),
		cmocka_unit_test_setup(shelving_again_moves_the_end, setup),
		cmocka_unit_test_setup(
			a_delay_and_a_shelf_that_both_end_do_so_in_order, setup),
		cmocka_unit_test_setup(
			a_delay_that_ends_before_the_shelf_or_with_it_stays_hidden, setup),
		cmocka_unit_test_setup(
			a_delay_that_ends_now_is_seen_behind_a_shelf_that_ended, setup),
		cmocka_unit_test_setup(
			a_shelf_may_be_as_short_or_as_long_as_time_itself, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
