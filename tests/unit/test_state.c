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
	state = (struct gw_alarm_state)GW_STATE_INIT;
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
	assert_int_equal(gw_state_told_under(&state), GW_STATE_NORMAL);
	pass(61 * S);
	assert_int_equal(
		moves.n, 2); /* who ignores what is shelved must listen again first */
	expect(0, GW_CHANGE_UNSHELVED, GW_STATE_NORMAL, 61 * S);
	assert_false(moves.move[0].silent);
	expect(1, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED, 61 * S);
	assert_false(moves.move[1].silent);
	assert_true(moves.move[1].deferred);
	pass(1000 * S);
	assert_int_equal(moves.n, 0);
}

static void what_was_raised_before_the_shelf_is_not_raised_at_its_end(void **unused)
{
	(void)unused;
	truth(S, true);
	assert_null(gw_state_shelve(&state, 2 * S, 60 * S, &moves));
	pass(62 * S);
	assert_int_equal(moves.n, 1);
	expect(0, GW_CHANGE_UNSHELVED, GW_STATE_ACTIVE_UNACKED, 62 * S);
	assert_null(gw_state_shelve(&state, 63 * S, 60 * S, &moves));
	truth(64 * S, false); /* but what went and came again is news */
	truth(65 * S, true);
	moves.n = 0;
	assert_null(gw_state_unshelve(&state, 66 * S, &moves));
	assert_int_equal(moves.n, 2);
	expect(0, GW_CHANGE_UNSHELVED, GW_STATE_RETURNED_UNACKED, 66 * S);
	expect(1, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED, 66 * S);
}

static void what_went_away_on_the_shelf_is_not_raised(void **unused)
{
	(void)unused;
	assert_null(gw_state_shelve(&state, S, 60 * S, &moves));
	truth(2 * S, true);
	truth(3 * S, false);
	pass(61 * S);
	assert_int_equal(moves.n, 1);
	expect(0, GW_CHANGE_UNSHELVED, GW_STATE_RETURNED_UNACKED, 61 * S);
}

static void what_latched_on_the_shelf_is_raised_for_somebody_must_come(void **unused)
{
	(void)unused;
	rules.latch = true;
	assert_null(gw_state_shelve(&state, S, 60 * S, &moves));
	truth(2 * S, true);
	truth(3 * S, false);
	pass(61 * S);
	assert_int_equal(moves.n, 3);
	expect(0, GW_CHANGE_UNSHELVED, GW_STATE_NORMAL, 61 * S);
	expect(1, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED, 61 * S);
	expect(2, GW_CHANGE_CLEARED, GW_STATE_LATCHED_UNACKED, 61 * S);
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
		assert_int_equal(moves.n, 3);
		expect(0, GW_CHANGE_RAISED, GW_STATE_SHELVED, 11 * S);
		assert_true(moves.move[0].silent);
		expect(1, GW_CHANGE_UNSHELVED, GW_STATE_NORMAL, end_ns);
		expect(2, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED, end_ns);
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

static void hold(int64_t at_ns, enum gw_hold why, bool on)
{
	moves.n = 0;
	gw_state_hold(&state, &rules, at_ns, why, on, &moves);
}

static void a_held_condition_raises_when_it_is_let_go(void **unused)
{
	(void)unused;
	rules.on_delay_ns = 10 * S;
	hold(S, GW_HOLD_DESIGN, true);
	assert_int_equal(gw_state_shown(&state), GW_STATE_NORMAL);
	truth(2 * S, true);
	assert_int_equal(gw_state_shown(&state), GW_STATE_SUPPRESSED);
	assert_int_equal(gw_state_due(&state, &rules), INT64_MAX);
	pass(60 * S);
	assert_int_equal(moves.n, 0);
	hold(61 * S, GW_HOLD_DESIGN, false);
	assert_int_equal(moves.n, 1);
	expect(0, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED, 61 * S);
}

static void a_delay_goes_on_under_a_hold(void **unused)
{
	(void)unused;
	rules.on_delay_ns = 10 * S;
	hold(S, GW_HOLD_DESIGN, true);
	truth(2 * S, true);
	hold(12 * S - 1, GW_HOLD_DESIGN, false);
	assert_int_equal(moves.n, 0);
	pass(12 * S);
	expect(0, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED, 12 * S);
	setup(NULL);
	rules.on_delay_ns = 10 * S;
	hold(S, GW_HOLD_DESIGN, true);
	truth(2 * S, true);
	hold(12 * S, GW_HOLD_DESIGN, false); /* both end at once */
	assert_int_equal(moves.n, 1);
	expect(0, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED, 12 * S);
	setup(NULL);
	rules.on_delay_ns = 10 * S;
	truth(2 * S, true);
	hold(12 * S, GW_HOLD_DESIGN, true); /* it had fallen due */
	expect(0, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED, 12 * S);
}

static void what_went_away_under_a_hold_was_nothing(void **unused)
{
	(void)unused;
	hold(S, GW_HOLD_DESIGN, true);
	truth(2 * S, true);
	truth(3 * S, false);
	assert_int_equal(gw_state_shown(&state), GW_STATE_NORMAL);
	hold(4 * S, GW_HOLD_DESIGN, false);
	assert_int_equal(moves.n, 0);
}

static void a_hold_takes_nothing_back_that_was_told(void **unused)
{
	(void)unused;
	truth(S, true);
	hold(2 * S, GW_HOLD_DESIGN, true);
	assert_int_equal(moves.n, 0);
	assert_int_equal(gw_state_shown(&state), GW_STATE_SUPPRESSED);
	assert_true(gw_state_active(&state));
	assert_null(gw_state_ack(&state, 3 * S, &moves));
	truth(4 * S, false);
	expect(0, GW_CHANGE_CLEARED, GW_STATE_NORMAL, 4 * S);
	truth(5 * S, true);
	assert_int_equal(moves.n, 0);
}

static void a_latched_alarm_is_seen_under_a_hold(void **unused)
{
	(void)unused;
	rules.latch = true;
	truth(S, true);
	truth(2 * S, false);
	hold(3 * S, GW_HOLD_DESIGN, true);
	assert_int_equal(gw_state_shown(&state), GW_STATE_LATCHED_UNACKED);
	truth(4 * S, true);
	assert_int_equal(moves.n, 0);
	assert_int_equal(gw_state_shown(&state), GW_STATE_SUPPRESSED);
}

static void two_holds_are_two(void **unused)
{
	(void)unused;
	hold(S, GW_HOLD_DESIGN, true);
	hold(S, GW_HOLD_SERVICE, true);
	truth(2 * S, true);
	assert_int_equal(gw_state_shown(&state), GW_STATE_OUT_OF_SERVICE);
	hold(3 * S, GW_HOLD_SERVICE, false);
	assert_int_equal(moves.n, 0);
	assert_int_equal(gw_state_shown(&state), GW_STATE_SUPPRESSED);
	hold(4 * S, GW_HOLD_DESIGN, false);
	expect(0, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED, 4 * S);
}

static void out_of_service_ends_what_stands_and_refuses_words(void **unused)
{
	struct gw_moves none = {0};

	(void)unused;
	rules.latch = true;
	truth(S, true);
	hold(2 * S, GW_HOLD_SERVICE, true);
	assert_int_equal(moves.n, 1);
	expect(0, GW_CHANGE_CLEARED, GW_STATE_OUT_OF_SERVICE, 2 * S);
	assert_non_null(gw_state_ack(&state, 3 * S, &none));
	assert_non_null(gw_state_reset(&state, 3 * S, &none));
	assert_non_null(gw_state_shelve(&state, 3 * S, S, &none));
	assert_int_equal(none.n, 0);
	hold(4 * S, GW_HOLD_SERVICE, false); /* it is still true */
	expect(0, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED, 4 * S);
}

static void a_hold_at_the_end_of_the_shelf_raises_it_at_its_own_end(void **unused)
{
	(void)unused;
	assert_null(gw_state_shelve(&state, S, 60 * S, &moves));
	truth(2 * S, true);
	hold(3 * S, GW_HOLD_DESIGN, true);
	pass(61 * S);
	assert_int_equal(moves.n, 1);
	expect(0, GW_CHANGE_UNSHELVED, GW_STATE_SUPPRESSED, 61 * S);
	assert_int_equal(moves.move[0].under, GW_STATE_NORMAL);
	hold(70 * S, GW_HOLD_DESIGN, false);
	assert_int_equal(moves.n, 1);
	expect(0, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED, 70 * S);
}

static void out_of_service_takes_nothing_back_that_was_not_told(void **unused)
{
	(void)unused;
	assert_null(gw_state_shelve(&state, S, 60 * S, &moves));
	truth(2 * S, true);
	hold(3 * S, GW_HOLD_SERVICE, true);
	assert_int_equal(moves.n, 1);
	expect(0, GW_CHANGE_UNSHELVED, GW_STATE_OUT_OF_SERVICE, 3 * S);
	hold(4 * S, GW_HOLD_SERVICE, false);
	expect(0, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED, 4 * S);
}

static void out_of_service_ends_a_shelf(void **unused)
{
	(void)unused;
	assert_null(gw_state_shelve(&state, S, 60 * S, &moves));
	hold(2 * S, GW_HOLD_SERVICE, true);
	assert_int_equal(moves.n, 1);
	expect(0, GW_CHANGE_UNSHELVED, GW_STATE_OUT_OF_SERVICE, 2 * S);
	assert_int_equal(gw_state_due(&state, &rules), INT64_MAX);
	setup(NULL);
	truth(S, true);
	assert_null(gw_state_shelve(&state, S, 60 * S, &moves));
	hold(2 * S, GW_HOLD_SERVICE, true);
	assert_int_equal(moves.n, 1);
	expect(0, GW_CHANGE_CLEARED, GW_STATE_OUT_OF_SERVICE, 2 * S);
}

static void re_alarm_repeats_until_it_ends(void **unused)
{
	(void)unused;
	rules.re_alarm_ns = 30 * S;
	truth(S, true);
	assert_false(moves.move[0].again);
	pass(31 * S - 1);
	assert_int_equal(moves.n, 0);
	pass(31 * S);
	expect(0, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED, 31 * S);
	assert_true(moves.move[0].again);
	pass(61 * S - 1);
	assert_int_equal(moves.n, 0);
	pass(61 * S);
	assert_int_equal(moves.n, 1);
	truth(62 * S, false);
	pass(200 * S);
	assert_int_equal(moves.n, 0);
}

static void re_alarm_counts_from_the_acknowledge_and_takes_it_back(void **unused)
{
	(void)unused;
	rules.re_alarm_ns = 30 * S;
	truth(S, true);
	assert_null(gw_state_ack(&state, 20 * S, &moves));
	pass(50 * S - 1);
	assert_int_equal(moves.n, 0);
	pass(50 * S);
	expect(0, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED, 50 * S);
}

static void re_alarm_waits_for_the_shelf_and_the_hold(void **unused)
{
	(void)unused;
	rules.re_alarm_ns = 30 * S;
	truth(S, true);
	assert_null(gw_state_shelve(&state, 2 * S, 100 * S, &moves));
	pass(102 * S);
	assert_int_equal(moves.n, 1);
	expect(0, GW_CHANGE_UNSHELVED, GW_STATE_ACTIVE_UNACKED, 102 * S);
	pass(132 * S - 1);
	assert_int_equal(moves.n, 0);
	hold(132 * S - 1, GW_HOLD_DESIGN, true);
	pass(132 * S);
	assert_int_equal(moves.n, 0);
}

static void a_box_that_slept_is_reminded_once(void **unused)
{
	(void)unused;
	rules.re_alarm_ns = 30 * S;
	truth(S, true);
	pass(1000 * S);
	assert_int_equal(moves.n, 1);
	expect(0, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED, 1000 * S);
	assert_int_equal(gw_state_due(&state, &rules), 1030 * S);
}

static void what_ended_while_the_box_slept_is_not_reminded_of(void **unused)
{
	(void)unused;
	rules.re_alarm_ns = 30 * S;
	rules.off_delay_ns = 60 * S;
	truth(S, true);
	truth(20 * S, false);
	pass(1000 * S); /* due again at 31 s */
	assert_int_equal(moves.n, 1);
	expect(0, GW_CHANGE_CLEARED, GW_STATE_RETURNED_UNACKED, 80 * S);
}

/* Active at 0, 30 and third_ns; it turns back after a second each. */
static void three(int64_t third_ns)
{
	const int64_t at_ns[] = {0, 30 * S, third_ns};

	for (int i = 0; i < 3; i++) {
		truth(at_ns[i], true);
		assert_int_equal(moves.n, 1);
		assert_int_equal(state.chattering, i == 2 && third_ns < 60 * S);
		truth(at_ns[i] + S, false);
	}
}

static void three_activations_within_a_minute_are_chattering(void **unused)
{
	(void)unused;
	three(60 * S);
	setup(NULL);
	three(60 * S - 1);
	expect(0, GW_CHANGE_CLEARED, GW_STATE_RETURNED_UNACKED, 61 * S - 1);
}

static void chattering_ends_when_nothing_turned_for_a_minute(void **unused)
{
	(void)unused;
	three(59 * S);
	assert_int_equal(gw_state_due(&state, &rules), 120 * S);
	pass(120 * S - 1);
	assert_true(state.chattering);
	pass(120 * S);
	assert_false(state.chattering);
	assert_int_equal(moves.n, 0);
	setup(NULL);
	three(59 * S);
	truth(119 * S, true);
	pass(179 * S - 1);
	assert_true(state.chattering);
	pass(179 * S);
	assert_false(state.chattering);
	assert_true(gw_state_active(&state));
}

static void two_far_and_one_near_are_not_chattering(void **unused)
{
	(void)unused;
	truth(0, true);
	truth(S, false);
	truth(70 * S, true);
	truth(71 * S, false);
	truth(72 * S, true);
	assert_false(state.chattering);
	truth(73 * S, false);
	truth(100 * S, true);
	assert_true(state.chattering);
}

static void held_chatter_stands_until_it_was_quiet_for_a_minute(void **unused)
{
	(void)unused;
	rules.hold_chatter = true;
	rules.off_delay_ns = 2 * S;
	truth(0, true);
	truth(S, false);
	pass(3 * S);
	assert_int_equal(moves.n, 1);
	truth(10 * S, true);
	truth(11 * S, false);
	pass(13 * S);
	assert_int_equal(moves.n, 1);
	truth(20 * S, true);
	assert_int_equal(moves.n, 1); /* the third is told */
	truth(21 * S, false);
	truth(30 * S, true);
	truth(31 * S, false);
	pass(91 * S - 1);
	assert_int_equal(moves.n, 0);
	pass(91 * S);
	assert_int_equal(moves.n, 1);
	expect(0, GW_CHANGE_CLEARED, GW_STATE_RETURNED_UNACKED, 91 * S);
	assert_false(state.chattering);
}

static void an_off_delay_of_more_than_a_minute_holds_chatter_longer(void **unused)
{
	(void)unused;
	rules.hold_chatter = true;
	three(59 * S);
	rules.off_delay_ns = 90 * S;
	pass(150 * S - 1);
	assert_int_equal(moves.n, 0);
	pass(150 * S);
	expect(0, GW_CHANGE_CLEARED, GW_STATE_RETURNED_UNACKED, 150 * S);
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
		cmocka_unit_test_setup(
			what_was_raised_before_the_shelf_is_not_raised_at_its_end, setup),
		cmocka_unit_test_setup(what_went_away_on_the_shelf_is_not_raised, setup),
		cmocka_unit_test_setup(
			what_latched_on_the_shelf_is_raised_for_somebody_must_come, setup),
		cmocka_unit_test_setup(
			a_hold_at_the_end_of_the_shelf_raises_it_at_its_own_end, setup),
		cmocka_unit_test_setup(
			out_of_service_takes_nothing_back_that_was_not_told, setup),
		cmocka_unit_test_setup(shelving_again_moves_the_end, setup),
		cmocka_unit_test_setup(
			a_delay_and_a_shelf_that_both_end_do_so_in_order, setup),
		cmocka_unit_test_setup(
			a_delay_that_ends_before_the_shelf_or_with_it_stays_hidden, setup),
		cmocka_unit_test_setup(
			a_delay_that_ends_now_is_seen_behind_a_shelf_that_ended, setup),
		cmocka_unit_test_setup(
			a_shelf_may_be_as_short_or_as_long_as_time_itself, setup),
		cmocka_unit_test_setup(a_held_condition_raises_when_it_is_let_go, setup),
		cmocka_unit_test_setup(a_delay_goes_on_under_a_hold, setup),
		cmocka_unit_test_setup(what_went_away_under_a_hold_was_nothing, setup),
		cmocka_unit_test_setup(a_hold_takes_nothing_back_that_was_told, setup),
		cmocka_unit_test_setup(a_latched_alarm_is_seen_under_a_hold, setup),
		cmocka_unit_test_setup(two_holds_are_two, setup),
		cmocka_unit_test_setup(
			out_of_service_ends_what_stands_and_refuses_words, setup),
		cmocka_unit_test_setup(out_of_service_ends_a_shelf, setup),
		cmocka_unit_test_setup(re_alarm_repeats_until_it_ends, setup),
		cmocka_unit_test_setup(
			re_alarm_counts_from_the_acknowledge_and_takes_it_back, setup),
		cmocka_unit_test_setup(re_alarm_waits_for_the_shelf_and_the_hold, setup),
		cmocka_unit_test_setup(a_box_that_slept_is_reminded_once, setup),
		cmocka_unit_test_setup(
			what_ended_while_the_box_slept_is_not_reminded_of, setup),
		cmocka_unit_test_setup(
			three_activations_within_a_minute_are_chattering, setup),
		cmocka_unit_test_setup(
			chattering_ends_when_nothing_turned_for_a_minute, setup),
		cmocka_unit_test_setup(two_far_and_one_near_are_not_chattering, setup),
		cmocka_unit_test_setup(
			held_chatter_stands_until_it_was_quiet_for_a_minute, setup),
		cmocka_unit_test_setup(
			an_off_delay_of_more_than_a_minute_holds_chatter_longer, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
