/* SPDX-License-Identifier: Apache-2.0 */
/* The alarm state machine: shelving. */
#include "state_fixture.h"

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
	assert_int_equal(gw_state_due_ns(&state, &state_opts), 61 * S);
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

static void raised_before_the_shelf_is_not_raised_at_its_end(void **unused)
{
	(void)unused;
	condition_true(S, true);
	assert_null(gw_state_shelve(&state, 2 * S, 60 * S, &transitions));
	pass(62 * S);
	assert_int_equal(transitions.n, 1);
	expect(0, GW_CHANGE_UNSHELVED, GW_STATE_ACTIVE_UNACKED, 62 * S);
	assert_null(gw_state_shelve(&state, 63 * S, 60 * S, &transitions));
	condition_true(64 * S, false); /* but a new activation is announced */
	condition_true(65 * S, true);
	transitions.n = 0;
	assert_null(gw_state_unshelve(&state, 66 * S, &transitions));
	assert_int_equal(transitions.n, 2);
	expect(0, GW_CHANGE_UNSHELVED, GW_STATE_RETURNED_UNACKED, 66 * S);
	expect(1, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED, 66 * S);
}

static void a_condition_that_ended_on_the_shelf_is_not_raised(void **unused)
{
	(void)unused;
	assert_null(gw_state_shelve(&state, S, 60 * S, &transitions));
	condition_true(2 * S, true);
	condition_true(3 * S, false);
	pass(61 * S);
	assert_int_equal(transitions.n, 1);
	expect(0, GW_CHANGE_UNSHELVED, GW_STATE_RETURNED_UNACKED, 61 * S);
}

static void an_alarm_that_latched_on_the_shelf_is_raised_at_its_end(void **unused)
{
	(void)unused;
	state_opts.latch = true;
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
	state_opts.on_delay_ns = 10 * S;
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
		state_opts.on_delay_ns = 10 * S;
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
	state_opts.on_delay_ns = 10 * S;
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
	assert_int_equal(gw_state_due_ns(&state, &state_opts), S + 1);
	assert_null(gw_state_shelve(&state, S, INT64_MAX, &transitions));
	assert_int_equal(state.shelf_end_ns, INT64_MAX);
	assert_null(gw_state_shelve(&state, S, INT64_MAX - S - 1, &transitions));
	assert_int_equal(state.shelf_end_ns, INT64_MAX - 1);
	state_opts.on_delay_ns = INT64_MAX;
	condition_true(2 * S, true);
	pass(INT64_MAX - 2);
	assert_int_equal(transitions.n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(
			a_shelf_hides_what_goes_on_and_ends_by_itself, setup),
		cmocka_unit_test_setup(
			raised_before_the_shelf_is_not_raised_at_its_end, setup),
		cmocka_unit_test_setup(
			a_condition_that_ended_on_the_shelf_is_not_raised, setup),
		cmocka_unit_test_setup(
			an_alarm_that_latched_on_the_shelf_is_raised_at_its_end, setup),
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
