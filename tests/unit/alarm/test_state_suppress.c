/* SPDX-License-Identifier: Apache-2.0 */
/* The alarm state machine: suppression by design and out of service. */
#include "state_fixture.h"

static void a_suppressed_condition_raises_when_released(void **unused)
{
	(void)unused;
	state_opts.on_delay_ns = 10 * S;
	suppress(S, GW_SUPPRESSED_BY_DESIGN, true);
	assert_int_equal(gw_state_shown(&state), GW_STATE_NORMAL);
	condition_true(2 * S, true);
	assert_int_equal(gw_state_shown(&state), GW_STATE_SUPPRESSED);
	assert_int_equal(gw_state_due_ns(&state, &state_opts), INT64_MAX);
	pass(60 * S);
	assert_int_equal(transitions.n, 0);
	suppress(61 * S, GW_SUPPRESSED_BY_DESIGN, false);
	assert_int_equal(transitions.n, 1);
	expect(0, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED, 61 * S);
}

static void a_delay_runs_while_suppressed(void **unused)
{
	(void)unused;
	state_opts.on_delay_ns = 10 * S;
	suppress(S, GW_SUPPRESSED_BY_DESIGN, true);
	condition_true(2 * S, true);
	suppress(12 * S - 1, GW_SUPPRESSED_BY_DESIGN, false);
	assert_int_equal(transitions.n, 0);
	pass(12 * S);
	expect(0, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED, 12 * S);
	setup(NULL);
	state_opts.on_delay_ns = 10 * S;
	suppress(S, GW_SUPPRESSED_BY_DESIGN, true);
	condition_true(2 * S, true);
	suppress(12 * S, GW_SUPPRESSED_BY_DESIGN, false); /* both end at once */
	assert_int_equal(transitions.n, 1);
	expect(0, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED, 12 * S);
	setup(NULL);
	state_opts.on_delay_ns = 10 * S;
	condition_true(2 * S, true);
	suppress(12 * S + 1, GW_SUPPRESSED_BY_DESIGN, true); /* it had fallen due */
	expect(0, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED, 12 * S);
	setup(NULL);
	state_opts.on_delay_ns = 10 * S;
	condition_true(2 * S, true);
	suppress(12 * S, GW_SUPPRESSED_BY_DESIGN, true); /* a sample comes first */
	pass(12 * S);
	assert_int_equal(transitions.n, 0);
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
	state_opts.latch = true;
	condition_true(S, true);
	condition_true(2 * S, false);
	suppress(3 * S, GW_SUPPRESSED_BY_DESIGN, true);
	assert_int_equal(gw_state_shown(&state), GW_STATE_LATCHED_UNACKED);
	condition_true(4 * S, true);
	assert_int_equal(transitions.n, 0);
	assert_int_equal(gw_state_shown(&state), GW_STATE_SUPPRESSED);
}

static void suppression_ends_when_both_reasons_have_ended(void **unused)
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
	state_opts.latch = true;
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
	assert_int_equal(gw_state_due_ns(&state, &state_opts), INT64_MAX);
	setup(NULL);
	condition_true(S, true);
	assert_null(gw_state_shelve(&state, S, 60 * S, &transitions));
	suppress(2 * S, GW_SUPPRESSED_BY_SERVICE, true);
	assert_int_equal(transitions.n, 1);
	expect(0, GW_CHANGE_CLEARED, GW_STATE_OUT_OF_SERVICE, 2 * S);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_suppressed_condition_raises_when_released, setup),
		cmocka_unit_test_setup(a_delay_runs_while_suppressed, setup),
		cmocka_unit_test_setup(
			a_condition_that_ends_while_suppressed_emits_nothing, setup),
		cmocka_unit_test_setup(suppression_takes_no_raise_back, setup),
		cmocka_unit_test_setup(a_latched_alarm_is_shown_while_suppressed, setup),
		cmocka_unit_test_setup(
			suppression_ends_when_both_reasons_have_ended, setup),
		cmocka_unit_test_setup(out_of_service_clears_and_refuses_commands, setup),
		cmocka_unit_test_setup(
			suppression_at_the_end_of_a_shelf_raises_at_its_own_end, setup),
		cmocka_unit_test_setup(out_of_service_clears_no_unannounced_raise, setup),
		cmocka_unit_test_setup(out_of_service_ends_a_shelf, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
