/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "drivers/modbus_unit.h"

#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define MS  GW_NS_PER_MS
#define SEC GW_NS_PER_SEC
#define T0  (1000 * SEC)

/* A device: which registers it has, how long a request it takes, whether it answers. */
struct device {
	struct gw_modbus_unit unit;
	bool refuses[256];
	unsigned most;
	bool dead, silent; /* silent: says nothing where it should refuse */
	unsigned asked, refused;
	unsigned reads[256]; /* how often each register was read with success */
	int64_t now;
	struct gw_modbus_change last;
};

static struct device dev;

static void begin(unsigned n, int64_t period, bool serial, unsigned max_gap)
{
	struct gw_modbus_field fields[256] = {0};

	memset(&dev, 0, sizeof(dev));
	dev.most = 125;
	dev.now = T0;
	for (unsigned i = 0; i < n; i++)
		fields[i] = (struct gw_modbus_field){.kind = GW_MODBUS_HOLDING,
			.addr = (uint16_t)i,
			.width = 1,
			.type = GW_TYPE_U16,
			.period_ns = period,
			.point = i};
	assert_int_equal(
		gw_modbus_unit_init(&dev.unit, 3, serial, max_gap, fields, n, 42, T0, NULL),
		GW_OK);
}

static int end(void **state)
{
	(void)state;
	gw_modbus_unit_fini(&dev.unit);
	gw_modbus_unit_fini(&dev.unit);
	return 0;
}

static bool takes(const struct gw_modbus_block *r)
{
	if (r->count > dev.most)
		return false;
	for (unsigned i = r->addr; i < r->addr + r->count; i++)
		if (dev.refuses[i])
			return false;
	return true;
}

/* One request at the time it is due; returns its poll's index. */
static size_t once(void)
{
	struct gw_modbus_unit *u = &dev.unit;
	int64_t due = gw_modbus_unit_next_ns(u);
	struct gw_modbus_block r;
	size_t i;

	if (due > dev.now)
		dev.now = due;
	i = gw_modbus_unit_pick(u, dev.now);
	r = u->polls[i].block;
	gw_modbus_unit_on_sent(u, i, dev.now);
	dev.asked++;
	if (dev.dead) {
		dev.now += 100 * MS;
		gw_modbus_unit_on_failure(u, i, dev.now, &dev.last);
		return i;
	}
	if (dev.silent && !takes(&r)) {
		dev.now += 100 * MS;
		gw_modbus_unit_on_failure(u, i, dev.now, &dev.last);
		return i;
	}
	dev.now += MS;
	if (gw_modbus_unit_may_be_stale(u, i, !takes(&r), dev.now))
		return i;
	if (!takes(&r)) {
		dev.refused++;
		gw_modbus_unit_on_exception(u, i, 2, dev.now, &dev.last);
		return i;
	}
	for (unsigned k = r.addr; k < r.addr + r.count; k++)
		dev.reads[k]++;
	gw_modbus_unit_on_response(u, i, dev.now, &dev.last);
	return i;
}

static void run_until(int64_t t)
{
	while (gw_modbus_unit_next_ns(&dev.unit) < t)
		once();
	dev.now = t;
}

static void test_polls_do_not_drift(void **state)
{
	(void)state;
	begin(1, SEC, true, 0);
	for (int i = 0; i < 1000; i++) {
		assert_int_equal(gw_modbus_unit_next_ns(&dev.unit), T0 + i * SEC);
		once();
		dev.now += 3 * MS;
	}
}

static void test_missed_places_are_skipped_and_counted(void **state)
{
	struct gw_modbus_unit *u = &dev.unit;

	(void)state;
	begin(1, 100 * MS, true, 0);
	once();
	/* The bus was busy for 1.05 s: the places at 0.1 ... 1.0 s are one request and nine
	 * lost. */
	dev.now = T0 + 1050 * MS;
	assert_int_equal(gw_modbus_unit_pick(u, dev.now), 0);
	assert_int_equal(gw_modbus_unit_on_sent(u, 0, dev.now), 9);
	gw_modbus_unit_on_response(u, 0, dev.now, &dev.last);
	assert_int_equal(gw_modbus_unit_next_ns(u), T0 + 1100 * MS);
}

static void test_first_failure_is_tried_again_soon(void **state)
{
	(void)state;
	begin(1, 3600 * SEC, true, 0);
	dev.dead = true;
	once();
	assert_false(dev.last.unit_bad);
	assert_true(gw_modbus_unit_next_ns(&dev.unit) <= dev.now + SEC);
	once();
	assert_true(dev.last.died && dev.last.unit_bad);
}

static void test_a_dead_unit_is_probed_now_and_then(void **state)
{
	unsigned before;
	int64_t last;

	(void)state;
	begin(1, 100 * MS, true, 0);
	dev.dead = true;
	once();
	once();
	assert_true(dev.last.died);
	once();
	assert_false(dev.last.died);
	assert_true(dev.last.unit_bad); /* the slow cadence: with every probe */
	before = dev.asked;
	run_until(T0 + 600 * SEC);
	/* 30 s at most between probes, 15 s at least once it has settled. */
	assert_in_range(dev.asked - before, 20, 48);
	last = dev.now;
	dev.dead = false;
	once();
	if (!dev.last.revived)
		once(); /* the first answer was in doubt */
	assert_true(dev.last.revived);
	assert_true(dev.now - last <= 31 * SEC);
	last = dev.now;
	before = dev.asked;
	run_until(last + 10 * SEC);
	assert_in_range(dev.asked - before, 99, 102);
}

static void test_state_is_per_unit(void **state)
{
	struct gw_modbus_unit other;
	struct gw_modbus_field f = {
		.kind = GW_MODBUS_HOLDING, .width = 1, .period_ns = SEC};

	(void)state;
	begin(1, SEC, true, 0);
	assert_int_equal(
		gw_modbus_unit_init(&other, 3, true, 0, &f, 1, 42, T0, NULL), GW_OK);
	dev.dead = true;
	once();
	once();
	assert_true(dev.unit.dead);
	assert_false(other.dead);
	assert_int_equal(gw_modbus_unit_next_ns(&other), T0);
	gw_modbus_unit_fini(&other);
}

static void test_absent_registers_are_found_and_the_rest_joined_again(void **state)
{
	unsigned before;

	(void)state;
	begin(100, SEC, true, 0);
	dev.refuses[50] = true;
	run_until(T0 + 900 * MS);
	/* Within the first second: everything but the absent register was read, by bisection. */
	for (unsigned i = 0; i < 100; i++)
		assert_true(i == 50 ? dev.reads[i] == 0 : dev.reads[i] >= 1);
	assert_in_range(dev.asked, 3, 20);
	assert_int_equal(dev.unit.n_polls, 3);
	before = dev.asked;
	run_until(T0 + 10900 * MS);
	/* Two requests a second, and the absent register asked a few times, less and less often. */
	assert_in_range(dev.asked - before, 20, 24);
	/* The register appears: it is found, and one request reads all again. */
	dev.refuses[50] = false;
	run_until(T0 + 80 * SEC);
	assert_int_equal(dev.unit.n_polls, 1);
	assert_true(dev.reads[50] > 0);
}

static void test_a_device_that_is_silent_instead_of_refusing(void **state)
{
	struct gw_modbus_field fields[17] = {0};

	(void)state;
	begin(1, SEC, false, 0);
	gw_modbus_unit_fini(&dev.unit);
	for (unsigned i = 0; i < 17; i++)
		fields[i] = (struct gw_modbus_field){.kind = GW_MODBUS_HOLDING,
			.addr = (uint16_t)(i < 16 ? i : 100),
			.width = 1,
			.period_ns = i < 16 ? SEC : SEC / 10};
	assert_int_equal(
		gw_modbus_unit_init(&dev.unit, 3, false, 0, fields, 17, 1, T0, NULL),
		GW_OK);
	dev.refuses[7] = dev.silent = true;
	run_until(T0 + 60 * SEC);
	for (unsigned i = 0; i < 16; i++)
		assert_true(i == 7 ? dev.reads[i] == 0 : dev.reads[i] > 30);
	assert_int_equal(dev.unit.n_polls, 4);
	assert_true(dev.reads[100] > 500);
	gw_modbus_unit_fini(&dev.unit);
	/* A block that has worked is not taken apart by two lost answers. */
	begin(16, SEC, false, 0);
	once();
	dev.unit.failures = 0;
	for (int i = 0; i < 2; i++) {
		gw_modbus_unit_on_sent(&dev.unit, 0, T0 + SEC);
		gw_modbus_unit_on_failure(&dev.unit, 0, T0 + SEC, &dev.last);
		dev.unit.failures = 0; /* another request was answered between */
	}
	assert_true(dev.last.poll_bad);
	assert_int_equal(dev.unit.n_polls, 1);
}

static void test_a_refused_point_is_bad_and_only_it(void **state)
{
	(void)state;
	begin(4, SEC, true, 0);
	dev.refuses[2] = true;
	for (int i = 0; i < 20; i++) {
		once();
		if (dev.last.poll_bad) {
			assert_int_equal(dev.last.n, 1);
			assert_int_equal(dev.unit.fields[dev.last.first].addr, 2);
			return;
		}
	}
	fail();
}

static void test_a_device_that_takes_short_requests_only(void **state)
{
	unsigned before;

	(void)state;
	begin(100, SEC, true, 0);
	dev.most = 30;
	run_until(T0 + 5 * SEC);
	for (unsigned i = 0; i < 100; i++)
		assert_true(dev.reads[i] > 0);
	before = dev.refused;
	dev.asked = 0;
	run_until(T0 + 15 * SEC);
	assert_int_equal(dev.refused, before);
	assert_in_range(dev.asked, 40, 80); /* 4 to 8 requests a second */
}

static void test_a_bridged_gap_that_is_refused_is_given_up(void **state)
{
	struct gw_modbus_field fields[2] = {
		{.kind = GW_MODBUS_HOLDING, .addr = 0, .width = 1, .period_ns = SEC},
		{.kind = GW_MODBUS_HOLDING, .addr = 5, .width = 1, .period_ns = SEC}};

	(void)state;
	begin(1, SEC, true, 0);
	gw_modbus_unit_fini(&dev.unit);
	assert_int_equal(
		gw_modbus_unit_init(&dev.unit, 3, true, 10, fields, 2, 1, T0, NULL), GW_OK);
	assert_int_equal(dev.unit.n_polls, 1);
	dev.refuses[3] = true;
	run_until(T0 + 5 * SEC);
	assert_int_equal(dev.unit.n_polls, 2);
	assert_true(dev.reads[0] > 3 && dev.reads[5] > 3);
	dev.refused = 0;
	run_until(T0 + 15 * SEC);
	assert_int_equal(dev.refused, 0);
}

static void test_everything_refused_costs_little_and_heals(void **state)
{
	unsigned before;

	(void)state;
	begin(32, SEC, true, 0);
	memset(dev.refuses, true, sizeof(dev.refuses));
	run_until(T0 + 200 * SEC);
	before = dev.asked;
	run_until(T0 + 320 * SEC);
	assert_in_range(dev.asked - before, 32, 120);
	memset(dev.refuses, false, sizeof(dev.refuses));
	run_until(T0 + 400 * SEC);
	assert_int_equal(dev.unit.n_polls, 1);
}

static void test_busy_once_is_chance(void **state)
{
	struct gw_modbus_unit *u = &dev.unit;

	(void)state;
	begin(4, 10 * SEC, true, 0);
	gw_modbus_unit_on_sent(u, 0, T0);
	gw_modbus_unit_on_exception(u, 0, 6, T0, &dev.last);
	assert_false(dev.last.poll_bad);
	assert_int_equal(u->n_polls, 1);
	assert_true(gw_modbus_unit_next_ns(u) <= T0 + SEC);
	gw_modbus_unit_on_sent(u, 0, T0 + SEC);
	gw_modbus_unit_on_exception(u, 0, 4, T0 + SEC, &dev.last);
	assert_true(dev.last.poll_bad);
	assert_int_equal(dev.last.n, 4);
	assert_false(u->dead);
}

static void test_a_late_answer_is_not_believed(void **state)
{
	struct gw_modbus_unit *u = &dev.unit;

	(void)state;
	begin(2, SEC, true, 0);
	u->fields[1].addr = 200; /* two requests of the same shape */
	u->n_polls = 0;
	gw_modbus_unit_fini(u);
	{
		struct gw_modbus_field fields[2] = {{.kind = GW_MODBUS_HOLDING,
							    .addr = 100,
							    .width = 1,
							    .period_ns = SEC},
			{.kind = GW_MODBUS_HOLDING,
				.addr = 200,
				.width = 1,
				.period_ns = SEC}};

		assert_int_equal(
			gw_modbus_unit_init(u, 3, true, 0, fields, 2, 1, T0, NULL), GW_OK);
	}
	gw_modbus_unit_on_sent(u, 0, T0);
	gw_modbus_unit_on_failure(u, 0, T0 + 100 * MS, &dev.last);
	gw_modbus_unit_on_sent(u, 1, T0 + 200 * MS);
	assert_true(gw_modbus_unit_may_be_stale(u, 1, false, T0 + 201 * MS));
	/* Due at once, and believed then. */
	assert_true(u->polls[1].due_ns <= T0 + 201 * MS);
	gw_modbus_unit_on_sent(u, 1, T0 + 300 * MS);
	assert_false(gw_modbus_unit_may_be_stale(u, 1, false, T0 + 301 * MS));
	/* An exception has no shape of its own. */
	gw_modbus_unit_on_failure(u, 1, T0 + 400 * MS, &dev.last);
	assert_true(gw_modbus_unit_may_be_stale(u, 0, true, T0 + 500 * MS));
}

static void test_another_shape_is_believed_and_preferred(void **state)
{
	struct gw_modbus_unit *u = &dev.unit;
	struct gw_modbus_field fields[3] = {
		{.kind = GW_MODBUS_HOLDING, .addr = 100, .width = 1, .period_ns = SEC},
		{.kind = GW_MODBUS_HOLDING, .addr = 200, .width = 1, .period_ns = SEC},
		{.kind = GW_MODBUS_INPUT, .addr = 9, .width = 1, .period_ns = SEC}};
	size_t i;

	(void)state;
	begin(1, SEC, true, 0);
	gw_modbus_unit_fini(u);
	assert_int_equal(gw_modbus_unit_init(u, 3, true, 0, fields, 3, 1, T0, NULL), GW_OK);
	for (size_t k = 0; k < 3; k++)
		if (u->polls[k].block.addr == 100) {
			gw_modbus_unit_on_sent(u, k, T0);
			gw_modbus_unit_on_failure(u, k, T0 + 100 * MS, &dev.last);
		}
	i = gw_modbus_unit_pick(u, T0 + 200 * MS);
	assert_int_equal(u->polls[i].block.kind, GW_MODBUS_INPUT);
	gw_modbus_unit_on_sent(u, i, T0 + 200 * MS);
	assert_false(gw_modbus_unit_may_be_stale(u, i, false, T0 + 201 * MS));
}

static void test_tcp_answers_need_no_doubt(void **state)
{
	(void)state;
	begin(1, SEC, false, 0);
	gw_modbus_unit_on_sent(&dev.unit, 0, T0);
	gw_modbus_unit_on_failure(&dev.unit, 0, T0 + MS, &dev.last);
	assert_false(gw_modbus_unit_may_be_stale(&dev.unit, 0, false, T0 + 2 * MS));
}

static void test_one_request_that_never_works_is_bad_though_the_unit_lives(void **state)
{
	struct gw_modbus_unit *u = &dev.unit;
	struct gw_modbus_field fields[2] = {
		{.kind = GW_MODBUS_HOLDING, .addr = 100, .width = 1, .period_ns = SEC},
		{.kind = GW_MODBUS_INPUT, .addr = 9, .width = 2, .period_ns = SEC}};
	unsigned failures = 0, marked = 0;
	int64_t now = T0;

	(void)state;
	begin(1, SEC, true, 0);
	gw_modbus_unit_fini(u);
	assert_int_equal(gw_modbus_unit_init(u, 3, true, 0, fields, 2, 1, T0, NULL), GW_OK);
	while (now < T0 + 120 * SEC) {
		size_t i;

		now = gw_modbus_unit_next_ns(u) > now ? gw_modbus_unit_next_ns(u) : now;
		i = gw_modbus_unit_pick(u, now);
		gw_modbus_unit_on_sent(u, i, now);
		now += 10 * MS;
		if (u->polls[i].block.kind == GW_MODBUS_INPUT) {
			failures++;
			gw_modbus_unit_on_failure(u, i, now, &dev.last);
			marked += dev.last.poll_bad;
		} else if (!gw_modbus_unit_may_be_stale(u, i, false, now)) {
			gw_modbus_unit_on_response(u, i, now, &dev.last);
		}
		assert_false(u->dead);
	}
	assert_int_equal(marked, failures - 1);
	assert_in_range(failures, 4, 12);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_polls_do_not_drift, end),
		cmocka_unit_test_teardown(test_missed_places_are_skipped_and_counted, end),
		cmocka_unit_test_teardown(test_first_failure_is_tried_again_soon, end),
		cmocka_unit_test_teardown(test_a_dead_unit_is_probed_now_and_then, end),
		cmocka_unit_test_teardown(test_state_is_per_unit, end),
		cmocka_unit_test_teardown(
			test_absent_registers_are_found_and_the_rest_joined_again, end),
		cmocka_unit_test_teardown(
			test_a_device_that_is_silent_instead_of_refusing, end),
		cmocka_unit_test_teardown(test_a_refused_point_is_bad_and_only_it, end),
		cmocka_unit_test_teardown(
			test_a_device_that_takes_short_requests_only, end),
		cmocka_unit_test_teardown(
			test_a_bridged_gap_that_is_refused_is_given_up, end),
		cmocka_unit_test_teardown(
			test_everything_refused_costs_little_and_heals, end),
		cmocka_unit_test_teardown(test_busy_once_is_chance, end),
		cmocka_unit_test_teardown(test_a_late_answer_is_not_believed, end),
		cmocka_unit_test_teardown(
			test_another_shape_is_believed_and_preferred, end),
		cmocka_unit_test_teardown(test_tcp_answers_need_no_doubt, end),
		cmocka_unit_test_teardown(
			test_one_request_that_never_works_is_bad_though_the_unit_lives,
			end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
