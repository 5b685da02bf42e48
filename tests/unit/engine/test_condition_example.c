/* SPDX-License-Identifier: Apache-2.0 */
/* The example at the head of alarm/condition.h, played: which calls a kind gets, and with what. */
#include "engine_fixture.h"

#define MINUTES_10 (600 * S)

/* `stuck` itself, with a note of each call. */
static struct gw_condition_kind noted;
static char calls[32][80];
static size_t n_calls;
static int64_t second; /* of the sample being fed */

#define NOTE(...) \
	do { \
		assert_true(n_calls < sizeof(calls) / sizeof(calls[0])); \
		snprintf(calls[n_calls++], sizeof(calls[0]), __VA_ARGS__); \
	} while (0)

static long long seconds(int64_t boot_ns)
{
	return (boot_ns - FIXTURE_START_NS) / S;
}

static bool note_absorb(const struct gw_condition_opts *o, void *memory,
	const struct gw_sample *sample, int64_t now_ns)
{
	bool ask = gw_condition_stuck.absorb(o, memory, sample, now_ns);

	NOTE("%lld absorb %.1f%s", (long long)second, sample->value, ask ? ": ask" : "");
	return ask;
}

static bool note_band(const struct gw_condition_opts *o, const void *memory,
	struct gw_quiet_band *ret_band)
{
	bool has = gw_condition_stuck.history_quiet_band(o, memory, ret_band);

	if (has)
		NOTE("%lld band until %lld", (long long)second,
			seconds(ret_band->until_ns));
	return has;
}

static void note_buffered(void *memory, const struct gw_buffered_run *run)
{
	NOTE("%lld absorb_buffered %zu, %.1f since %lld", (long long)second, run->n,
		run->value, run->since_ns ? seconds(run->since_ns) : -1);
	gw_condition_stuck.absorb_buffered(memory, run);
}

static void note_evaluate(const struct gw_condition_opts *o, void *memory,
	const struct gw_condition_input *in, struct gw_condition_result *result)
{
	gw_condition_stuck.evaluate(o, memory, in, result);
	NOTE("%lld evaluate: %s", (long long)second,
		result->condition_true ? "true" : "false");
}

static void the_example_of_the_contract_is_what_happens(void **state)
{
	static const char *const expected[] = {"0 absorb 20.0", "0 evaluate: false",
		"0 band until 600", "255 absorb_buffered 255, 20.1 since 5",
		"510 absorb_buffered 255, 20.1 since -1",
		"600 absorb_buffered 89, 20.1 since -1", "600 absorb 20.1",
		"600 band until 605", "605 absorb_buffered 4, 20.1 since -1",
		"605 absorb 20.1: ask", "605 evaluate: true"};

	(void)state;
	noted = gw_condition_stuck;
	noted.absorb = note_absorb;
	noted.history_quiet_band = note_band;
	noted.absorb_buffered = note_buffered;
	noted.evaluate = note_evaluate;
	fixture_when(fixture_alarm("stuck", 0, &noted))->window_ns = MINUTES_10;
	fixture_start();
	n_calls = 0;
	for (second = 0; second <= 605; second++)
		fixture_feed(second * S, 0, second < 5 ? 20.0 : 20.1);
	for (size_t i = 0; i < n_calls && i < sizeof(expected) / sizeof(expected[0]); i++)
		assert_string_equal(calls[i], expected[i]);
	assert_int_equal(n_calls, sizeof(expected) / sizeof(expected[0]));
	assert_int_equal(fixture.n_events, 1);
	assert_event(0, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_example_of_the_contract_is_what_happens,
			fixture_setup, fixture_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
