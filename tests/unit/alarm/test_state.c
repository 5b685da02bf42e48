/* SPDX-License-Identifier: Apache-2.0 */
/* The alarm state machine: delays at, before and after their edge, latch, re-alarm, chattering. */
#include "state_fixture.h"

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
	state_opts.on_delay_ns = 10 * S;
	condition_true(S, true);
	assert_int_equal(transitions.n, 0);
	assert_int_equal(gw_state_due_ns(&state, &state_opts), 11 * S);
	pass(11 * S - 1);
	assert_int_equal(transitions.n, 0);
	pass(11 * S);
	expect(0, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED, 11 * S);
	assert_int_equal(gw_state_due_ns(&state, &state_opts), INT64_MAX);
}

static void shorter_than_the_on_delay_raises_nothing(void **unused)
{
	(void)unused;
	state_opts.on_delay_ns = 10 * S;
	condition_true(S, true);
	condition_true(11 * S - 1, false);
	assert_int_equal(transitions.n, 0);
	condition_true(12 * S, true);
	pass(21 * S);
	assert_int_equal(transitions.n, 0);
	pass(22 * S);
	assert_int_equal(transitions.n, 1);
}

/* One spike on a sensor that is read once a minute: the sample that ends it comes at the moment at
 * which a delay of one minute ends. */
static void a_delay_ends_after_the_samples_of_its_moment(void **unused)
{
	(void)unused;
	state_opts.on_delay_ns = 60 * S;
	condition_true(60 * S, true);
	condition_true(120 * S, false);
	assert_int_equal(transitions.n, 0);
	pass(120 * S);
	assert_int_equal(transitions.n, 0);
	condition_true(180 * S, true);
	condition_true(
		240 * S, true); /* it lasts: raised at once, without another sample */
	assert_int_equal(transitions.n, 0);
	assert_int_equal(gw_state_due_ns(&state, &state_opts), 240 * S);
	pass(240 * S);
	expect(0, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED, 240 * S);
}

static void an_off_delay_ends_after_the_samples_of_its_moment(void **unused)
{
	(void)unused;
	state_opts.off_delay_ns = 60 * S;
	condition_true(S, true);
	condition_true(60 * S, false);
	condition_true(120 * S, true);
	assert_int_equal(transitions.n, 0);
	pass(120 * S);
	assert_int_equal(transitions.n, 0);
	assert_true(gw_state_active(&state));
}

/* A shelf, a hold of chattering, a re-alarm, a suppression. */
static void other_ends_come_after_the_samples_of_their_moment(void **unused)
{
	(void)unused;
	condition_true(S, true);
	condition_true(2 * S, false);
	assert_null(gw_state_shelve(&state, 3 * S, 10 * S, &transitions));
	condition_true(5 * S, true);
	condition_true(13 * S, false);
	pass(13 * S);
	assert_int_equal(transitions.n, 1);
	expect(0, GW_CHANGE_UNSHELVED, GW_STATE_RETURNED_UNACKED, 13 * S);
	setup(NULL);
	state_opts.re_alarm_ns = 60 * S;
	condition_true(S, true);
	condition_true(61 * S, false);
	assert_int_equal(transitions.n, 1);
	expect(0, GW_CHANGE_CLEARED, GW_STATE_RETURNED_UNACKED, 61 * S);
	setup(NULL);
	state_opts.on_delay_ns = 10 * S;
	condition_true(S, true);
	suppress(11 * S, GW_SUPPRESSED_BY_DESIGN, true);
	assert_int_equal(transitions.n, 0);
	pass(11 * S);
	assert_int_equal(transitions.n, 0);
}

static void a_late_look_still_raises_and_clears_at_the_right_times(void **unused)
{
	(void)unused;
	state_opts.on_delay_ns = 10 * S;
	condition_true(S, true);
	condition_true(20 * S, false); /* nobody looked at 11 s */
	assert_int_equal(transitions.n, 2);
	expect(0, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED, 11 * S);
	expect(1, GW_CHANGE_CLEARED, GW_STATE_RETURNED_UNACKED, 20 * S);
}

static void off_delay_bridges_a_dip(void **unused)
{
	(void)unused;
	state_opts.off_delay_ns = 30 * S;
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
	state_opts.latch = true;
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
	state_opts.latch = true;
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

static void re_alarm_repeats_until_it_ends(void **unused)
{
	(void)unused;
	state_opts.re_alarm_ns = 30 * S;
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
	state_opts.re_alarm_ns = 30 * S;
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
	state_opts.re_alarm_ns = 30 * S;
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
	state_opts.re_alarm_ns = 30 * S;
	condition_true(S, true);
	pass(1000 * S);
	assert_int_equal(transitions.n, 1);
	expect(0, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED, 1000 * S);
	assert_int_equal(gw_state_due_ns(&state, &state_opts), 1030 * S);
}

static void a_condition_that_ended_during_a_suspend_is_not_repeated(void **unused)
{
	(void)unused;
	state_opts.re_alarm_ns = 30 * S;
	state_opts.off_delay_ns = 60 * S;
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
	assert_int_equal(gw_state_due_ns(&state, &state_opts), 120 * S);
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
	state_opts.hold_while_chattering = true;
	state_opts.off_delay_ns = 2 * S;
	condition_true(0, true);
	condition_true(S, false);
	pass(3 * S);
	assert_int_equal(transitions.n, 1);
	condition_true(10 * S, true);
	condition_true(11 * S, false);
	pass(13 * S);
	assert_int_equal(transitions.n, 1);
	condition_true(20 * S, true);
	assert_int_equal(transitions.n, 1); /* the third is reported */
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
	state_opts.hold_while_chattering = true;
	three(59 * S);
	state_opts.off_delay_ns = 90 * S;
	pass(150 * S - 1);
	assert_int_equal(transitions.n, 0);
	pass(150 * S);
	expect(0, GW_CHANGE_CLEARED, GW_STATE_RETURNED_UNACKED, 150 * S);
}

/* From a backup: the platform may have it cleared. */
static void restore_unconfirmed(int64_t at_ns)
{
	state.condition_true = state.raise_again = true;
	state.underlying = GW_STATE_ACTIVE_ACKED;
	state.re_alarm_from_ns = at_ns;
}

static void an_unconfirmed_alarm_is_raised_again_once(void **unused)
{
	(void)unused;
	restore_unconfirmed(S);
	transitions.n = 0;
	gw_state_confirm(&state, 2 * S, &transitions);
	assert_int_equal(transitions.n, 1);
	expect(0, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED, 2 * S);
	assert_true(transitions.at[0].repeated && transitions.at[0].confirmed);
	transitions.n = 0;
	gw_state_confirm(&state, 3 * S, &transitions);
	assert_int_equal(transitions.n, 0);
	assert_int_equal(gw_state_due_ns(&state, &state_opts), INT64_MAX);
}

/* No sensor says anything. */
static void an_unconfirmed_alarm_is_raised_again_after_a_minute(void **unused)
{
	(void)unused;
	restore_unconfirmed(S);
	assert_int_equal(gw_state_due_ns(&state, &state_opts), S + GW_CONFIRM_NS);
	pass(S + GW_CONFIRM_NS - 1);
	assert_int_equal(transitions.n, 0);
	pass(S + GW_CONFIRM_NS);
	assert_int_equal(transitions.n, 1);
	expect(0, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED, S + GW_CONFIRM_NS);
	state_opts.re_alarm_ns = S; /* sooner */
	restore_unconfirmed(100 * S);
	assert_int_equal(gw_state_due_ns(&state, &state_opts), 101 * S);
}

static void what_ends_or_tells_an_unconfirmed_alarm_raises_it_no_more(void **unused)
{
	(void)unused;
	restore_unconfirmed(S);
	condition_true(2 * S, false);
	assert_int_equal(transitions.n, 1);
	expect(0, GW_CHANGE_CLEARED, GW_STATE_NORMAL, 2 * S);
	assert_false(state.raise_again);
	restore_unconfirmed(S);
	state.underlying = GW_STATE_ACTIVE_UNACKED;
	assert_null(gw_state_ack(&state, 3 * S, &(struct gw_transitions){0}));
	assert_false(state.raise_again);
	restore_unconfirmed(S);
	suppress(4 * S, GW_SUPPRESSED_BY_SERVICE, true);
	assert_false(state.raise_again);
}

static void not_while_it_is_shelved_or_suppressed(void **unused)
{
	(void)unused;
	restore_unconfirmed(S);
	suppress(S, GW_SUPPRESSED_BY_DESIGN, true);
	transitions.n = 0;
	gw_state_confirm(&state, 2 * S, &transitions);
	assert_int_equal(transitions.n, 0);
	suppress(3 * S, GW_SUPPRESSED_BY_DESIGN, false);
	assert_null(gw_state_shelve(&state, 4 * S, 10 * S, &(struct gw_transitions){0}));
	transitions.n = 0;
	gw_state_confirm(&state, 5 * S, &transitions);
	assert_int_equal(transitions.n, 0);
	pass(14 * S);
	transitions.n = 0;
	gw_state_confirm(&state, 15 * S, &transitions);
	assert_int_equal(transitions.n, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(raises_and_clears_at_once_without_delays, setup),
		cmocka_unit_test_setup(a_delay_ends_after_the_samples_of_its_moment, setup),
		cmocka_unit_test_setup(
			an_off_delay_ends_after_the_samples_of_its_moment, setup),
		cmocka_unit_test_setup(
			other_ends_come_after_the_samples_of_their_moment, setup),
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
		cmocka_unit_test_setup(re_alarm_repeats_until_it_ends, setup),
		cmocka_unit_test_setup(
			re_alarm_counts_from_the_acknowledge_and_takes_it_back, setup),
		cmocka_unit_test_setup(re_alarm_waits_for_shelf_and_suppression, setup),
		cmocka_unit_test_setup(after_a_suspend_one_repeat_is_enough, setup),
		cmocka_unit_test_setup(
			a_condition_that_ended_during_a_suspend_is_not_repeated, setup),
		cmocka_unit_test_setup(
			three_activations_within_a_minute_are_chattering, setup),
		cmocka_unit_test_setup(
			chattering_ends_when_nothing_turned_for_a_minute, setup),
		cmocka_unit_test_setup(two_far_and_one_near_are_not_chattering, setup),
		cmocka_unit_test_setup(chattering_stands_until_false_for_a_minute, setup),
		cmocka_unit_test_setup(
			an_off_delay_over_a_minute_holds_chattering_longer, setup),
		cmocka_unit_test_setup(an_unconfirmed_alarm_is_raised_again_once, setup),
		cmocka_unit_test_setup(
			an_unconfirmed_alarm_is_raised_again_after_a_minute, setup),
		cmocka_unit_test_setup(
			what_ends_or_tells_an_unconfirmed_alarm_raises_it_no_more, setup),
		cmocka_unit_test_setup(not_while_it_is_shelved_or_suppressed, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
