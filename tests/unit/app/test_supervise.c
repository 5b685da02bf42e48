/* SPDX-License-Identifier: Apache-2.0 */
/* Faults that main raises: a source whose driver hangs, and those of the gateway itself. */
#include "app/supervise.h"
#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define SEC     GW_NS_PER_SEC
#define DOWN    7  /* the point of the source's fault: its first point and its down_point */
#define GATEWAY 20 /* the first point of the gateway's own */

/* Displaces source/source.c: what main knows of the source, and what it asks of it. */
struct gw_source {
	struct gw_source_hang hang;
	bool shown_as_hanging;
	int requests; /* to emit its state */
	bool state_sent;
};

struct gw_source_hang *gw_source_hang(struct gw_source *s)
{
	return &s->hang;
}

void gw_source_set_hangs(struct gw_source *s, bool hangs)
{
	s->shown_as_hanging = hangs;
}

void gw_source_request_state(struct gw_source *s)
{
	s->requests++;
}

bool gw_source_state_sent(struct gw_source *s)
{
	return s->state_sent;
}

static struct gw_source_opts source_opts = {.name = "boiler", .down_point = 2};
static uint32_t first_point[] = {DOWN - 2};
static const struct gw_config config = {.sources = &source_opts,
	.n_sources = 1,
	.source_first_point = first_point,
	.gateway_first_point = GATEWAY};

static struct gw_wake wake;
static struct gw_supervisor supervisor;
static struct gw_source source;

static int begin(void **state)
{
	(void)state;
	source = (struct gw_source){.requests = 0};
	supervisor = (struct gw_supervisor){.engine_wake = NULL};
	return gw_wake_init(&wake, NULL) || gw_supervise_init(&supervisor, &wake, NULL);
}

static int end(void **state)
{
	(void)state;
	gw_supervise_fini(&supervisor);
	gw_supervise_fini(&supervisor);
	gw_wake_fini(&wake);
	return 0;
}

/* What the engine finds in main's ring. */
static size_t pop(struct gw_sample *ret_last)
{
	size_t n = 0;

	while (gw_ring_pop(&supervisor.ring, ret_last, 1, sizeof(*ret_last)) == 1)
		n++;
	return n;
}

static void check(int64_t beat_ns, int64_t now_ns)
{
	gw_supervise_source(&supervisor, &config, 0, &source, beat_ns, now_ns);
}

static void a_source_that_beats_is_left_alone(void **state)
{
	struct gw_sample s;

	(void)state;
	check(100 * SEC, 100 * SEC);
	check(100 * SEC, 115 * SEC); /* the longest time that is allowed */
	assert_int_equal(pop(&s), 0);
	assert_false(source.shown_as_hanging);
}

static void a_source_that_hangs_is_down_once(void **state)
{
	struct gw_sample s;

	(void)state;
	for (int i = 1; i <= 5; i++)
		check(100 * SEC, 115 * SEC + i);
	assert_int_equal(pop(&s), 1);
	assert_int_equal(s.point, DOWN);
	assert_int_equal(s.quality, GW_QUALITY_GOOD);
	assert_true(s.value == 1);
	assert_int_equal(s.boot_ns, 115 * SEC + 1);
	assert_true(source.shown_as_hanging);
	assert_int_equal(source.requests, 0);
}

/* Its own sample of the state must come last: after the engine has processed main's. */
static void a_source_that_runs_again_is_asked_for_its_state_after_the_engine_knew(
	void **state)
{
	struct gw_sample s;

	(void)state;
	check(100 * SEC, 120 * SEC);
	check(121 * SEC, 121 * SEC);
	assert_int_equal(pop(&s), 1); /* taken, not yet processed */
	check(122 * SEC, 122 * SEC);
	assert_int_equal(source.requests, 0);
	gw_ring_set_processed(&supervisor.ring, 1);
	check(122 * SEC, 140 * SEC); /* it hangs once more */
	assert_int_equal(source.requests, 0);
	check(141 * SEC, 141 * SEC);
	assert_int_equal(source.requests, 1);
	check(142 * SEC, 142 * SEC);
	assert_int_equal(source.requests, 1);
	assert_int_equal(pop(&s), 0); /* main itself never says that it is up */
}

static void a_source_counts_as_hanging_until_it_has_sent_its_state(void **state)
{
	struct gw_sample s;

	(void)state;
	check(100 * SEC, 120 * SEC);
	gw_ring_set_processed(&supervisor.ring, pop(&s));
	check(121 * SEC, 121 * SEC);
	check(122 * SEC, 122 * SEC);
	assert_true(source.shown_as_hanging);
	source.state_sent = true;
	check(123 * SEC, 123 * SEC);
	assert_false(source.shown_as_hanging);
	check(123 * SEC, 140 * SEC); /* the next time it hangs is one more fault */
	assert_int_equal(pop(&s), 1);
	assert_true(s.value == 1);
}

static void fill_ring(void)
{
	struct gw_sample s = {.point = 0};

	while (gw_ring_push(&supervisor.ring, &s, 1, sizeof(s)) == 1)
		;
}

static void a_fault_that_finds_the_ring_full_is_sent_later(void **state)
{
	struct gw_sample s;

	(void)state;
	fill_ring();
	check(100 * SEC, 120 * SEC);
	assert_false(source.shown_as_hanging);
	assert_false(gw_supervise_report(
		&supervisor, &config, GW_GATEWAY_POINT_CONFIG, true, 120 * SEC));
	pop(&s);
	check(100 * SEC, 121 * SEC);
	assert_int_equal(pop(&s), 1);
	assert_int_equal(s.point, DOWN);
	assert_true(gw_supervise_report(
		&supervisor, &config, GW_GATEWAY_POINT_CONFIG, true, 121 * SEC));
	assert_int_equal(pop(&s), 1);
	assert_int_equal(s.point, GATEWAY + GW_GATEWAY_POINT_CONFIG);
}

static void a_fault_of_the_gateway_is_sent_when_it_changes(void **state)
{
	static const struct {
		bool fault;
		size_t sent;
	} steps[] = {{false, 1}, {false, 0}, {true, 1}, {true, 0}, {false, 1}};
	struct gw_sample s;

	(void)state;
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		assert_true(gw_supervise_report(&supervisor, &config,
			GW_GATEWAY_POINT_EVENTS_LOST, steps[i].fault, (int64_t)i * SEC));
		assert_int_equal(pop(&s), steps[i].sent);
		if (steps[i].sent == 0)
			continue;
		assert_int_equal(s.point, GATEWAY + GW_GATEWAY_POINT_EVENTS_LOST);
		assert_true(s.value == steps[i].fault);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_source_that_beats_is_left_alone),
		TEST(a_source_that_hangs_is_down_once),
		TEST(a_source_that_runs_again_is_asked_for_its_state_after_the_engine_knew),
		TEST(a_source_counts_as_hanging_until_it_has_sent_its_state),
		TEST(a_fault_that_finds_the_ring_full_is_sent_later),
		TEST(a_fault_of_the_gateway_is_sent_when_it_changes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
