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
static struct gw_transitions transitions;

static int setup(void **unused)
{
	(void)unused;
	state = (struct gw_alarm_state)GW_STATE_INIT;
	rules = (struct gw_state_rules){0};
	transitions = (struct gw_transitions){0};
	return 0;
}

static void condition_true(int64_t at_ns, bool is)
{
	transitions.n = 0;
	gw_state_set_condition(&state, &rules, at_ns, is, &transitions);
}

static void pass(int64_t at_ns)
{
	transitions.n = 0;
	gw_state_advance(&state, &rules, at_ns, &transitions);
}

static void expect(unsigned i, enum gw_change change, enum gw_state now, int64_t at_ns)
{
	assert_true(i < transitions.n);
	assert_int_equal(transitions.at[i].change, change);
	assert_int_equal(transitions.at[i].state, now);
	assert_int_equal(transitions.at[i].at_ns, at_ns);
}

static void raises_and_clears_at_once_without_delays(void **unused)
{
	(void)unused;
	condition_true(5 * S, true);
	assert_int_equal(transitions.n, 1);
	expect(0, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED, 5 * S);
	condition_true(6 * S, true);
	assert_int_equal(transitions.n, 0);
	condition_true(7 * S, false);
	expect(0, GW_CHANGE_CLEARED, GW_STATE_RETURNED_UNACKED, 7 * S);
	assert_null(gw_state_ack(&state, 8 * S, &(struct gw_transitions){0}));
	assert_int_equal(gw_state_shown(&state), GW_STATE_NORMAL);
}

static void on_delay_counts_to_the_nanosecond(void **unused)
{
	(void)unused;
	rules.on_delay_ns = 10 * S;
	condition_true(S, true);
	assert_int_equal(transitions.n, 0);
	assert_int_equal(gw_state_due_ns(&state, &rules), 11 * S);
	pass(11 * S - 1);
	assert_int_equal(transitions.n, 0);
	pass(11 * S);
	expect(0, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED, 11 * S);
	assert_int_equal(gw_state_due_ns(&state, &rules), INT64_MAX);
}

static void shorter_than_the_on_delay_raises_nothing(void **unused)
{
	(void)unused;
	rules.on_delay_ns = 10 * S;
	condition_true(S, true);
	condition_true(11 * S - 1, false);
	assert_int_equal(transitions.n, 0);
	condition_true(12 * S, true);
	pass(21 * S);
	assert_int_equal(transitions.n, 0);
	pass(22 * S);
	assert_int_equal(transitions.n, 1);
}

static void a_late_look_still_raises_and_clears_at_the_right_times(void **unused)
{
	(void)unused;
	rules.on_delay_ns = 10 * S;
	condition_true(S, true);
	condition_true(20 * S, false); /* nobody looked at 11 s */
	assert_int_equal(transitions.n, 2);
	expect(0, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED, 11 * S);
	expect(1, GW_CHANGE_CLEARED, GW_STATE_RETURNED_UNACKED, 20 * S);
}

static void off_delay_bridges_a_dip(void **unused)
{
	(void)unused;
	rules.off_delay_ns = 30 * S;
	condition_true(S, true);
	condition_true(2 * S, false);
	assert_int_equal(transitions.n, 0);
	condition_true(31 * S, true);
	assert_int_equal(transitions.n, 0);
	condition_true(40 * S, false);
	pass(70 * S - 1);
	assert_int_equal(transitions.n, 0);
	pass(70 * S);
	expect(0, GW_CHANGE_CLEARED, GW_STATE_RETURNED_UNACKED, 70 * S);
}

static void a_latch_holds_until_acknowledged_and_reset(void **unused)
{
	(void)unused;
	rules.latch = true;
	condition_true(S, true);
	assert_non_null(gw_state_reset(&state, S, &transitions)); /* still true */
	condition_true(2 * S, false);
	expect(0, GW_CHANGE_CLEARED, GW_STATE_LATCHED_UNACKED, 2 * S);
	assert_non_null(gw_state_reset(&state, 3 * S, &transitions)); /* not acknowledged */
	transitions.n = 0;
	assert_null(gw_state_ack(&state, 3 * S, &transitions));
	expect(0, GW_CHANGE_ACKED, GW_STATE_LATCHED_ACKED, 3 * S);
	transitions.n = 0;
	assert_null(gw_state_reset(&state, 4 * S, &transitions));
	expect(0, GW_CHANGE_RESET, GW_STATE_NORMAL, 4 * S);
}

static void a_latched_alarm_comes_back_unacknowledged(void **unused)
{
	(void)unused;
	rules.latch = true;
	condition_true(S, true);
	assert_null(gw_state_ack(&state, S, &transitions));
	condition_true(2 * S, false);
	expect(0, GW_CHANGE_CLEARED, GW_STATE_LATCHED_ACKED, 2 * S);
	condition_true(3 * S, true);
	expect(0, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED, 3 * S);
}

static void an_acknowledged_alarm_returns_to_normal_by_itself(void **unused)
{
	(void)unused;
	condition_true(S, true);
	assert_null(gw_state_ack(&state, S, &transitions));
	assert_non_null(gw_state_ack(&state, S, &transitions)); /* twice */
	condition_true(2 * S, false);
	expect(0, GW_CHANGE_CLEARED, GW_STATE_NORMAL, 2 * S);
}

static void a_returned_alarm_that_comes_back_raises_again(void **unused)
{
	(void)unused;
	condition_true(S, true);
	condition_true(2 * S, false);
	condition_true(3 * S, true);
	expect(0, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED, 3 * S);
}

static void a_normal_alarm_refuses_ack_and_reset(void **unused)
{
	(void)unused;
	assert_non_null(gw_state_ack(&state, S, &transitions));
	assert_non_null(gw_state_reset(&state, S, &transitions));
	assert_non_null(gw_state_unshelve(&state, S, &transitions));
	assert_non_null(gw_state_shelve(&state, S, 0, &transitions));
	assert_non_null(gw_state_shelve(&state, S, -1, &transitions));
}

static void a_shelf_hides_what_goes_on_and_ends_by_itself(void **unused)
{
	(void)unused;
	transitions.n = 0;
	assert_null(gw_state_shelve(&state, S, 60 * S, &transitions));
	expect(0, GW_CHANGE_SHELVED, GW_STATE_SHELVED, S);
	condition_true(2 * S, true);
	assert_int_equal(transitions.n, 1);
	assert_true(transitions.at[0].unannounced);
	assert_int_equal(gw_state_shown(&state), GW_STATE_SHELVED);
	assert_non_null(gw_state_ack(&state, 3 * S, &transitions));
	assert_int_equal(gw_state_due_ns(&state, &rules), 61 * S);
	pass(61 * S - 1);
	assert_int_equal(transitions.n, 0);
	assert_int_equal(gw_state_announced_underlying(&state), GW_STATE_NORMAL);
	pass(61 * S);
	assert_int_equal(
		transitions.n, 2); /* who ignores what is shelved must listen again first */
	expect(0, GW_CHANGE_UNSHELVED, GW_STATE_NORMAL, 61 * S);
	assert_false(transitions.at[0].unannounced);
	expect(1, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED, 61 * S);
	assert_false(transitions.at[1].unannounced);
	assert_true(transitions.at[1].deferred);
	pass(1000 * S);
	assert_int_equal(transitions.n, 0);
}

static void what_was_raised_before_the_shelf_is_not_raised_at_its_end(void **unused)
{
	(void)unused;
	condition_true(S, true);
	assert_null(gw_state_shelve(&state, 2 * S, 60 * S, &transitions));
	pass(62 * S);
	assert_int_equal(transitions.n, 1);
	expect(0, GW_CHANGE_UNSHELVED, GW_STATE_ACTIVE_UNACKED, 62 * S);
	assert_null(gw_state_shelve(&state, 63 * S, 60 * S, &transitions));
	condition_true(64 * S, false); /* but what went and came again is news */
	condition_true(65 * S, true);
	transitions.n = 0;
	assert_null(gw_state_unshelve(&state, 66 * S, &transitions));
	assert_int_equal(transitions.n, 2);
	expect(0, GW_CHANGE_UNSHELVED, GW_STATE_RETURNED_UNACKED, 66 * S);
	expect(1, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED, 66 * S);
}

static void what_went_away_on_the_shelf_is_not_raised(void **unused)
{
	(void)unused;
	assert_null(gw_state_shelve(&state, S, 60 * S, &transitions));
	condition_true(2 * S, true);
	condition_true(3 * S, false);
	pass(61 * S);
	assert_int_equal(transitions.n, 1);
	expect(0, GW_CHANGE_UNSHELVED, GW_STATE_RETURNED_UNACKED, 61 * S);
}

static void what_latched_on_the_shelf_is_raised_for_somebody_must_come(void **unused)
{
	(void)unused;
	rules.latch = true;
	assert_null(gw_state_shelve(&state, S, 60 * S, &transitions));
	condition_true(2 * S, true);
	condition_true(3 * S, false);
	pass(61 * S);
	assert_int_equal(transitions.n, 3);
	expect(0, GW_CHANGE_UNSHELVED, GW_STATE_NORMAL, 61 * S);
	expect(1, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED, 61 * S);
	expect(2, GW_CHANGE_CLEARED, GW_STATE_LATCHED_UNACKED, 61 * S);
}

static void shelving_again_moves_the_end(void **unused)
{
	(void)unused;
	assert_null(gw_state_shelve(&state, S, 60 * S, &transitions));
	assert_null(gw_state_shelve(&state, 2 * S, 10 * S, &transitions));
	pass(12 * S);
	expect(0, GW_CHANGE_UNSHELVED, GW_STATE_NORMAL, 12 * S);
}

static void a_delay_and_a_shelf_that_both_end_do_so_in_order(void **unused)
{
	(void)unused;
	rules.on_delay_ns = 10 * S;
	assert_null(gw_state_shelve(&state, 0, 5 * S, &transitions));
	condition_true(S, true);
	pass(20 * S); /* the shelf ended at 5 s, the delay at 11 s */
	assert_int_equal(transitions.n, 2);
	expect(0, GW_CHANGE_UNSHELVED, GW_STATE_NORMAL, 5 * S);
	expect(1, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED, 11 * S);
	assert_false(transitions.at[1].unannounced);
}

static void a_delay_that_ends_before_the_shelf_or_with_it_stays_hidden(void **unused)
{
	(void)unused;
	for (int64_t end_ns = 11 * S; end_ns <= 12 * S; end_ns += S) {
		setup(unused);
		rules.on_delay_ns = 10 * S;
		assert_null(gw_state_shelve(&state, 0, end_ns, &transitions));
		condition_true(S, true);
		pass(end_ns); /* the delay ended at 11 s */
		assert_int_equal(transitions.n, 3);
		expect(0, GW_CHANGE_RAISED, GW_STATE_SHELVED, 11 * S);
		assert_true(transitions.at[0].unannounced);
		expect(1, GW_CHANGE_UNSHELVED, GW_STATE_NORMAL, end_ns);
		expect(2, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED, end_ns);
	}
}

static void a_delay_that_ends_now_is_seen_behind_a_shelf_that_ended(void **unused)
{
	(void)unused;
	rules.on_delay_ns = 10 * S;
	assert_null(gw_state_shelve(&state, 0, 5 * S, &transitions));
	condition_true(S, true);
	pass(11 * S);
	assert_int_equal(transitions.n, 2);
	expect(1, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED, 11 * S);
}

static void a_shelf_may_be_as_short_or_as_long_as_time_itself(void **unused)
{
	(void)unused;
	assert_null(gw_state_shelve(&state, S, 1, &transitions));
	assert_int_equal(gw_state_due_ns(&state, &rules), S + 1);
	assert_null(gw_state_shelve(&state, S, INT64_MAX, &transitions));
	assert_int_equal(state.shelf_end_ns, INT64_MAX);
	assert_null(gw_state_shelve(&state, S, INT64_MAX - S - 1, &transitions));
	assert_int_equal(state.shelf_end_ns, INT64_MAX - 1);
	rules.on_delay_ns = INT64_MAX;
	condition_true(2 * S, true);
	pass(INT64_MAX - 2);
	assert_int_equal(transitions.n, 0);
}

static void suppress(int64_t at_ns, enum gw_suppressed_by why, bool on)
{
	transitions.n = 0;
	gw_state_set_suppressed(&state, &rules, at_ns, why, on, &transitions);
}

static void a_suppressed_condition_raises_when_released(void **unused)
{
	(void)unused;
	rules.on_delay_ns = 10 * S;
	suppress(S, GW_SUPPRESSED_BY_DESIGN, true);
	assert_int_equal(gw_state_shown(&state), GW_STATE_NORMAL);
	condition_true(2 * S, true);
	assert_int_equal(gw_state_shown(&state), GW_STATE_SUPPRESSED);
	assert_int_equal(gw_state_due_ns(&state, &rules), INT64_MAX);
	pass(60 * S);
	assert_int_equal(transitions.n, 0);
	suppress(61 * S, GW_SUPPRESSED_BY_DESIGN, false);
	assert_int_equal(transitions.n, 1);
	expect(0, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED, 61 * S);
}

static void a_delay_runs_while_suppressed(void **unused)
{
	(void)unused;
	rules.on_delay_ns = 10 * S;
	suppress(S, GW_SUPPRESSED_BY_DESIGN, true);
	condition_true(2 * S, true);
	suppress(12 * S - 1, GW_SUPPRESSED_BY_DESIGN, false);
	assert_int_equal(transitions.n, 0);
	pass(12 * S);
	expect(0, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED, 12 * S);
	setup(NULL);
	rules.on_delay_ns = 10 * S;
	suppress(S, GW_SUPPRESSED_BY_DESIGN, true);
	condition_true(2 * S, true);
	suppress(12 * S, GW_SUPPRESSED_BY_DESIGN, false); /* both end at once */
	assert_int_equal(transitions.n, 1);
	expect(0, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED, 12 * S);
	setup(NULL);
	rules.on_delay_ns = 10 * S;
	condition_true(2 * S, true);
	suppress(12 * S, GW_SUPPRESSED_BY_DESIGN, true); /* it had fallen due */
	expect(0, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED, 12 * S);
}

static void a_condition_that_ends_while_suppressed_emits_nothing(void **unused)
{
	(void)unused;
	suppress(S, GW_SUPPRESSED_BY_DESIGN, true);
	condition_true(2 * S, true);
	condition_true(3 * S, false);
	assert_int_equal(gw_state_shown(&state), GW_STATE_NORMAL);
	suppress(4 * S, GW_SUPPRESSED_BY_DESIGN, false);
	assert_int_equal(transitions.n, 0);
}

static void suppression_takes_no_raise_back(void **unused)
{
	(void)unused;
	condition_true(S, true);
	suppress(2 * S, GW_SUPPRESSED_BY_DESIGN, true);
	assert_int_equal(transitions.n, 0);
	assert_int_equal(gw_state_shown(&state), GW_STATE_SUPPRESSED);
	assert_true(gw_state_active(&state));
	assert_null(gw_state_ack(&state, 3 * S, &transitions));
	condition_true(4 * S, false);
	expect(0, GW_CHANGE_CLEARED, GW_STATE_NORMAL, 4 * S);
	condition_true(5 * S, true);
	assert_int_equal(transitions.n, 0);
}

static void a_latched_alarm_is_shown_while_suppressed(void **unused)
{
	(void)unused;
	rules.latch = true;
	condition_true(S, true);
	condition_true(2 * S, false);
	suppress(3 * S, GW_SUPPRESSED_BY_DESIGN, true);
	assert_int_equal(gw_state_shown(&state), GW_STATE_LATCHED_UNACKED);
	condition_true(4 * S, true);
	assert_int_equal(transitions.n, 0);
	assert_int_equal(gw_state_shown(&state), GW_STATE_SUPPRESSED);
}

static void both_reasons_must_end(void **unused)
{
	(void)unused;
	suppress(S, GW_SUPPRESSED_BY_DESIGN, true);
	suppress(S, GW_SUPPRESSED_BY_SERVICE, true);
	condition_true(2 * S, true);
	assert_int_equal(gw_state_shown(&state), GW_STATE_OUT_OF_SERVICE);
	suppress(3 * S, GW_SUPPRESSED_BY_SERVICE, false);
	assert_int_equal(transitions.n, 0);
	assert_int_equal(gw_state_shown(&state), GW_STATE_SUPPRESSED);
	suppress(4 * S, GW_SUPPRESSED_BY_DESIGN, false);
	expect(0, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED, 4 * S);
}

static void out_of_service_clears_and_refuses_commands(void **unused)
{
	struct gw_transitions none = {0};

	(void)unused;
	rules.latch = true;
	condition_true(S, true);
	suppress(2 * S, GW_SUPPRESSED_BY_SERVICE, true);
	assert_int_equal(transitions.n, 1);
	expect(0, GW_CHANGE_CLEARED, GW_STATE_OUT_OF_SERVICE, 2 * S);
	assert_non_null(gw_state_ack(&state, 3 * S, &none));
	assert_non_null(gw_state_reset(&state, 3 * S, &none));
	assert_non_null(gw_state_shelve(&state, 3 * S, S, &none));
	assert_int_equal(none.n, 0);
	suppress(4 * S, GW_SUPPRESSED_BY_SERVICE, false); /* it is still true */
	expect(0, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED, 4 * S);
}

static void suppression_at_the_end_of_a_shelf_raises_at_its_own_end(void **unused)
{
	(void)unused;
	assert_null(gw_state_shelve(&state, S, 60 * S, &transitions));
	condition_true(2 * S, true);
	suppress(3 * S, GW_SUPPRESSED_BY_DESIGN, true);
	pass(61 * S);
	assert_int_equal(transitions.n, 1);
	expect(0, GW_CHANGE_UNSHELVED, GW_STATE_SUPPRESSED, 61 * S);
	assert_int_equal(transitions.at[0].underlying, GW_STATE_NORMAL);
	suppress(70 * S, GW_SUPPRESSED_BY_DESIGN, false);
	assert_int_equal(transitions.n, 1);
	expect(0, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED, 70 * S);
}

static void out_of_service_clears_no_unannounced_raise(void **unused)
{
	(void)unused;
	assert_null(gw_state_shelve(&state, S, 60 * S, &transitions));
	condition_true(2 * S, true);
	suppress(3 * S, GW_SUPPRESSED_BY_SERVICE, true);
	assert_int_equal(transitions.n, 1);
	expect(0, GW_CHANGE_UNSHELVED, GW_STATE_OUT_OF_SERVICE, 3 * S);
	suppress(4 * S, GW_SUPPRESSED_BY_SERVICE, false);
	expect(0, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED, 4 * S);
}

static void out_of_service_ends_a_shelf(void **unused)
{
	(void)unused;
	assert_null(gw_state_shelve(&state, S, 60 * S, &transitions));
	suppress(2 * S, GW_SUPPRESSED_BY_SERVICE, true);
	assert_int_equal(transitions.n, 1);
	expect(0, GW_CHANGE_UNSHELVED, GW_STATE_OUT_OF_SERVICE, 2 * S);
	assert_int_equal(gw_state_due_ns(&state, &rules), INT64_MAX);
	setup(NULL);
	condition_true(S, true);
	assert_null(gw_state_shelve(&state, S, 60 * S, &transitions));
	suppress(2 * S, GW_SUPPRESSED_BY_SERVICE, true);
	assert_int_equal(transitions.n, 1);
	expect(0, GW_CHANGE_CLEARED, GW_STATE_OUT_OF_SERVICE, 2 * S);
}

static void re_alarm_repeats_until_it_ends(void **unused)
{
	(void)unused;
	rules.re_alarm_ns = 30 * S;
	condition_true(S, true);
	assert_false(transitions.at[0].repeated);
	pass(31 * S - 1);
	assert_int_equal(transitions.n, 0);
	pass(31 * S);
	expect(0, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED, 31 * S);
	assert_true(transitions.at[0].repeated);
	pass(61 * S - 1);
	assert_int_equal(transitions.n, 0);
	pass(61 * S);
	assert_int_equal(transitions.n, 1);
	condition_true(62 * S, false);
	pass(200 * S);
	assert_int_equal(transitions.n, 0);
}

static void re_alarm_counts_from_the_acknowledge_and_takes_it_back(void **unused)
{
	(void)unused;
	rules.re_alarm_ns = 30 * S;
	condition_true(S, true);
	assert_null(gw_state_ack(&state, 20 * S, &transitions));
	pass(50 * S - 1);
	assert_int_equal(transitions.n, 0);
	pass(50 * S);
	expect(0, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED, 50 * S);
}

static void re_alarm_waits_for_shelf_and_suppression(void **unused)
{
	(void)unused;
	rules.re_alarm_ns = 30 * S;
	condition_true(S, true);
	assert_null(gw_state_shelve(&state, 2 * S, 100 * S, &transitions));
	pass(102 * S);
	assert_int_equal(transitions.n, 1);
	expect(0, GW_CHANGE_UNSHELVED, GW_STATE_ACTIVE_UNACKED, 102 * S);
	pass(132 * S - 1);
	assert_int_equal(transitions.n, 0);
	suppress(132 * S - 1, GW_SUPPRESSED_BY_DESIGN, true);
	pass(132 * S);
	assert_int_equal(transitions.n, 0);
}

static void after_a_suspend_one_repeat_is_enough(void **unused)
{
	(void)unused;
	rules.re_alarm_ns = 30 * S;
	condition_true(S, true);
	pass(1000 * S);
	assert_int_equal(transitions.n, 1);
	expect(0, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED, 1000 * S);
	assert_int_equal(gw_state_due_ns(&state, &rules), 1030 * S);
}

static void what_ended_during_a_suspend_is_not_repeated(void **unused)
{
	(void)unused;
	rules.re_alarm_ns = 30 * S;
	rules.off_delay_ns = 60 * S;
	condition_true(S, true);
	condition_true(20 * S, false);
	pass(1000 * S); /* due again at 31 s */
	assert_int_equal(transitions.n, 1);
	expect(0, GW_CHANGE_CLEARED, GW_STATE_RETURNED_UNACKED, 80 * S);
}

/* Active at 0, 30 and third_ns; it turns back after a second each. */
static void three(int64_t third_ns)
{
	const int64_t at_ns[] = {0, 30 * S, third_ns};

	for (int i = 0; i < 3; i++) {
		condition_true(at_ns[i], true);
		assert_int_equal(transitions.n, 1);
		assert_int_equal(state.chattering, i == 2 && third_ns < 60 * S);
		condition_true(at_ns[i] + S, false);
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
	assert_int_equal(gw_state_due_ns(&state, &rules), 120 * S);
	pass(120 * S - 1);
	assert_true(state.chattering);
	pass(120 * S);
	assert_false(state.chattering);
	assert_int_equal(transitions.n, 0);
	setup(NULL);
	three(59 * S);
	condition_true(119 * S, true);
	pass(179 * S - 1);
	assert_true(state.chattering);
	pass(179 * S);
	assert_false(state.chattering);
	assert_true(gw_state_active(&state));
}

static void two_far_and_one_near_are_not_chattering(void **unused)
{
	(void)unused;
	condition_true(0, true);
	condition_true(S, false);
	condition_true(70 * S, true);
	condition_true(71 * S, false);
	condition_true(72 * S, true);
	assert_false(state.chattering);
	condition_true(73 * S, false);
	condition_true(100 * S, true);
	assert_true(state.chattering);
}

static void chattering_stands_until_false_for_a_minute(void **unused)
{
	(void)unused;
	rules.hold_while_chattering = true;
	rules.off_delay_ns = 2 * S;
	condition_true(0, true);
	condition_true(S, false);
	pass(3 * S);
	assert_int_equal(transitions.n, 1);
	condition_true(10 * S, true);
	condition_true(11 * S, false);
	pass(13 * S);
	assert_int_equal(transitions.n, 1);
	condition_true(20 * S, true);
	assert_int_equal(transitions.n, 1); /* the third is told */
	condition_true(21 * S, false);
	condition_true(30 * S, true);
	condition_true(31 * S, false);
	pass(91 * S - 1);
	assert_int_equal(transitions.n, 0);
	pass(91 * S);
	assert_int_equal(transitions.n, 1);
	expect(0, GW_CHANGE_CLEARED, GW_STATE_RETURNED_UNACKED, 91 * S);
	assert_false(state.chattering);
}

static void an_off_delay_over_a_minute_holds_chattering_longer(void **unused)
{
	(void)unused;
	rules.hold_while_chattering = true;
	three(59 * S);
	rules.off_delay_ns = 90 * S;
	pass(150 * S - 1);
	assert_int_equal(transitions.n, 0);
	pass(150 * S);
	expect(0, GW_CHANGE_CLEARED, GW_STATE_RETURNED_UNACKED, 150 * S);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(raises_and_clears_at_once_without_delays, setup),
		cmocka_unit_test_setup(on_delay_counts_to_the_nanosecond, setup),
		cmocka_unit_test_setup(shorter_than_the_on_delay_raises_nothing, setup),
		cmocka_unit_test_setup(
			a_late_look_still_raises_and_clears_at_the_right_times, setup),
		cmocka_unit_test_setup(off_delay_bridges_a_dip, setup),
		cmocka_unit_test_setup(a_latch_holds_until_acknowledged_and_reset, setup),
		cmocka_unit_test_setup(a_latched_alarm_comes_back_unacknowledged, setup),
		cmocka_unit_test_setup(
			an_acknowledged_alarm_returns_to_normal_by_itself, setup),
		cmocka_unit_test_setup(
			a_returned_alarm_that_comes_back_raises_again, setup),
		cmocka_unit_test_setup(a_normal_alarm_refuses_ack_and_reset, setup),
		cmocka_unit_test_setup(
			a_shelf_hides_what_goes_on_and_ends_by_itself, setup),
		cmocka_unit_test_setup(
			what_was_raised_before_the_shelf_is_not_raised_at_its_end, setup),
		cmocka_unit_test_setup(what_went_away_on_the_shelf_is_not_raised, setup),
		cmocka_unit_test_setup(
			what_latched_on_the_shelf_is_raised_for_somebody_must_come, setup),
		cmocka_unit_test_setup(
			suppression_at_the_end_of_a_shelf_raises_at_its_own_end, setup),
		cmocka_unit_test_setup(out_of_service_clears_no_unannounced_raise, setup),
		cmocka_unit_test_setup(shelving_again_moves_the_end, setup),
		cmocka_unit_test_setup(
			a_delay_and_a_shelf_that_both_end_do_so_in_order, setup),
		cmocka_unit_test_setup(
			a_delay_that_ends_before_the_shelf_or_with_it_stays_hidden, setup),
		cmocka_unit_test_setup(
			a_delay_that_ends_now_is_seen_behind_a_shelf_that_ended, setup),
		cmocka_unit_test_setup(
			a_shelf_may_be_as_short_or_as_long_as_time_itself, setup),
		cmocka_unit_test_setup(a_suppressed_condition_raises_when_released, setup),
		cmocka_unit_test_setup(a_delay_runs_while_suppressed, setup),
		cmocka_unit_test_setup(
			a_condition_that_ends_while_suppressed_emits_nothing, setup),
		cmocka_unit_test_setup(suppression_takes_no_raise_back, setup),
		cmocka_unit_test_setup(a_latched_alarm_is_shown_while_suppressed, setup),
		cmocka_unit_test_setup(both_reasons_must_end, setup),
		cmocka_unit_test_setup(out_of_service_clears_and_refuses_commands, setup),
		cmocka_unit_test_setup(out_of_service_ends_a_shelf, setup),
		cmocka_unit_test_setup(re_alarm_repeats_until_it_ends, setup),
		cmocka_unit_test_setup(
			re_alarm_counts_from_the_acknowledge_and_takes_it_back, setup),
		cmocka_unit_test_setup(re_alarm_waits_for_shelf_and_suppression, setup),
		cmocka_unit_test_setup(after_a_suspend_one_repeat_is_enough, setup),
		cmocka_unit_test_setup(what_ended_during_a_suspend_is_not_repeated, setup),
		cmocka_unit_test_setup(
			three_activations_within_a_minute_are_chattering, setup),
		cmocka_unit_test_setup(
			chattering_ends_when_nothing_turned_for_a_minute, setup),
		cmocka_unit_test_setup(two_far_and_one_near_are_not_chattering, setup),
		cmocka_unit_test_setup(chattering_stands_until_false_for_a_minute, setup),
		cmocka_unit_test_setup(
			an_off_delay_over_a_minute_holds_chattering_longer, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
