/* SPDX-License-Identifier: Apache-2.0 */
/* Decisions of the engine when a point cannot be read: which silent alarm stands for a device,
 * which members of a vote still count, and that a history shared with another alarm loses no
 * samples. */
#include "engine_fixture.h"

#define W (10 * S)

static void add_silent(const char *name, uint32_t n_points)
{
	struct gw_alarm_opts *a = fixture_alarm(name, 0, &gw_condition_silent);

	a->n_points = n_points;
	fixture_when(a)->window_ns = W;
}

static void add_unreadable(int point)
{
	struct gw_alarm_opts *a = fixture_alarm(
		"unreadable", point, &gw_condition_unreadable);

	fixture_when(a)->window_ns = W;
	fixture_when(a)->polled = true;
	fixture_when(a)->never_current_ns = W;
}

/* When an event of that alarm comes first while all points but `refused` speak; -1: never. */
static int64_t first_event(const char *name, uint32_t refused, enum gw_quality as, int to_s)
{
	for (int t = 1; t <= to_s; t++) {
		for (uint32_t p = 0; p < 3; p++) {
			fixture_feed_quality(
				t * S, p, 1, p == refused && t > 1 ? as : GW_QUALITY_GOOD);
			for (size_t i = 0; i < fixture.n_events; i++)
				if (strcmp(fixture.event[i].info->name, name) == 0)
					return fixture.event[i].boot_ns - FIXTURE_START_NS;
		}
	}
	return -1;
}

/* Of several silent alarms on a point the one with the most points stands for its device,
 * in whatever order they are configured: one of this point alone would be silent itself. */
static void the_silent_alarm_with_the_most_points_stands_for_the_device(void **unused)
{
	static const uint32_t orders[][3] = {{1, 2, 3}, {3, 2, 1}, {2, 3, 1}};
	static const char *const names[] = {"", "one", "two", "three"};

	(void)unused;
	for (size_t i = 0; i < 3; i++) {
		fixture.n_alarms = 0;
		for (size_t k = 0; k < 3; k++)
			add_silent(names[orders[i][k]], orders[i][k]);
		add_unreadable(0);
		fixture_start();
		assert_int_equal(
			first_event("unreadable", 0, GW_QUALITY_BAD_REFUSED, 30), 11 * S);
		gw_engine_free(fixture.engine);
		fixture.engine = NULL;
	}
}

/* Nobody says whether its device speaks: nobody can say that only the point is refused. */
static void without_a_silent_alarm_of_its_device_no_point_is_unreadable(void **unused)
{
	(void)unused;
	add_unreadable(0);
	fixture_start();
	assert_int_equal(first_event("unreadable", 0, GW_QUALITY_BAD_REFUSED, 30), -1);
}

/* Only ever a retained value: it was said, so its point exists; a vote that counts the point, too,
 * is no alarm on it. */
static void points_with_retained_values_only_are_unreadable(void **unused)
{
	static struct gw_member member = {false, 2, 2, "s/d2/p"};
	struct gw_alarm_opts *vote = fixture_alarm("vote", -1, &gw_condition_at_least);
	unsigned seen[3] = {0};

	(void)unused;
	fixture_when(vote)->members = &member;
	fixture_when(vote)->n_members = 1;
	fixture_when(vote)->at_least = 1;
	add_silent("silent", 3);
	add_unreadable(1);
	add_unreadable(2);
	fixture_start();
	fixture_feed_quality(S, 1, 1, GW_QUALITY_RETAINED);
	for (int t = 1; t <= 40; t++) {
		fixture_feed(t * S, 0, 1);
		for (size_t i = 0; i < fixture.n_events; i++)
			seen[fixture.event[i].info->key[3] - '0']++;
	}
	assert_int_equal(seen[1], 0);
	assert_int_equal(seen[2], 1);
}

/* ---- votes that hold back ---- */

static struct gw_member members[3], gate;

/* An alarm on point 5 under `unless` a vote of two of points 0 and 1 (of one device) and 2. */
static void under_a_vote(void)
{
	struct gw_alarm_opts *a = fixture_alarm("vote", -1, &gw_condition_at_least);

	for (uint32_t i = 0; i < 3; i++)
		members[i] = (struct gw_member){
			.index = i, .device = i / 2, .key = fixture.point_key[i]};
	fixture_when(a)->members = members;
	fixture_when(a)->n_members = 3;
	fixture_when(a)->at_least = 2;
	gate = (struct gw_member){.is_alarm = true, .index = 0, .key = "vote"};
	a = fixture_alarm("held", 5, &gw_condition_above);
	fixture_when(a)->limit = 50;
	a->unless = &gate;
	a->n_unless = 1;
	a->unless_stale_ns = 2 * S;
	fixture_start();
}

static bool held(int64_t at_ns)
{
	fixture_feed(at_ns, 5, 60);
	return fixture_state(1) == GW_STATE_SUPPRESSED;
}

/* One of two points on a device cannot be read: the other one counts for the device, once. */
static void a_device_counts_by_what_can_be_read(void **unused)
{
	(void)unused;
	under_a_vote();
	fixture_feed(S, 0, 1);
	fixture_feed(S, 1, 1);
	fixture_feed(S, 2, 1);
	assert_true(held(2 * S));
	fixture_feed_quality(3 * S, 0, 0, GW_QUALITY_BAD_TIMEOUT);
	fixture_pass(20 * S);
	assert_true(held(21 * S));
	fixture_feed_quality(
		22 * S, 1, 0, GW_QUALITY_BAD_TIMEOUT); /* now one device is left */
	fixture_pass(24 * S - 1);
	assert_int_equal(fixture_state(1), GW_STATE_SUPPRESSED);
	assert_int_equal(fixture_pass(24 * S), 1);
	assert_event(0, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED);
}

/* The first point of a device is false and the second true; the third cannot be read. */
static void a_false_point_does_not_count_for_its_device(void **unused)
{
	(void)unused;
	under_a_vote();
	fixture_feed(S, 0, 0);
	fixture_feed(S, 1, 1);
	fixture_feed(S, 2, 1);
	assert_true(held(2 * S));
	fixture_feed_quality(3 * S, 2, 0, GW_QUALITY_BAD_TIMEOUT);
	fixture_pass(4 * S);
	assert_int_equal(fixture_state(1), GW_STATE_SUPPRESSED);
	assert_int_equal(fixture_pass(5 * S), 1);
	assert_event(0, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED);
}

/* That a point cannot be read is known of what cannot be read: it holds. */
static void an_unreadable_alarm_suppresses(void **unused)
{
	struct gw_alarm_opts *a;

	(void)unused;
	add_silent("silent", 3);
	add_unreadable(0);
	gate = (struct gw_member){.is_alarm = true, .index = 1, .key = "x"};
	a = fixture_alarm("held", 5, &gw_condition_above);
	fixture_when(a)->limit = 50;
	a->unless = &gate;
	a->n_unless = 1;
	a->unless_stale_ns = 2 * S;
	fixture_start();
	assert_int_equal(first_event("unreadable", 0, GW_QUALITY_BAD_REFUSED, 30), 11 * S);
	assert_int_equal(fixture_feed(12 * S, 5, 60), 0);
	assert_int_equal(fixture_state(2), GW_STATE_SUPPRESSED);
	for (int t = 13; t < 30; t++)
		for (uint32_t p = 1; p < 3; p++)
			fixture_feed(t * S, p, 1);
	assert_int_equal(fixture_state(2), GW_STATE_SUPPRESSED);
}

/* ---- a history that keeps samples beside another alarm ---- */

/* The limit's state moves by time while the forecast has samples that it has not taken in: they
 * are not lost, and the forecast comes at the time at which it comes by itself. */
static void a_forecast_beside_a_delayed_limit(void **unused)
{
	int64_t raised_ns[2] = {0, 0};

	(void)unused;
	for (int beside = 0; beside < 2; beside++) {
		struct gw_alarm_opts *a;

		fixture.n_alarms = 0;
		a = fixture_alarm("soon", 0, &gw_condition_reaches);
		fixture_when(a)->limit = 100;
		fixture_when(a)->window_ns = 600 * S;
		fixture_when(a)->fit_ns = 120 * S;
		if (beside) {
			a = fixture_alarm("low", 0, &gw_condition_below);
			fixture_when(a)->limit = 10;
			a->off_delay_ns = 7 * S + S / 2;
		}
		fixture_start();
		for (int t = 1; t < 1000 && !raised_ns[beside]; t++) {
			double value = t < 5 ? 5 : t < 300 ? 20 : 20 + 0.1 * (t - 300);

			fixture_pass(t * S - S / 2);
			fixture_feed(t * S, 0, value);
			for (size_t i = 0; i < fixture.n_events; i++)
				if (strcmp(fixture.event[i].info->name, "soon") == 0)
					raised_ns[beside] = fixture.event[i].boot_ns;
		}
		gw_engine_free(fixture.engine);
		fixture.engine = NULL;
	}
	assert_true(raised_ns[0] > 0);
	assert_int_equal(raised_ns[0], raised_ns[1]);
}

#define IT(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IT(the_silent_alarm_with_the_most_points_stands_for_the_device),
		IT(without_a_silent_alarm_of_its_device_no_point_is_unreadable),
		IT(points_with_retained_values_only_are_unreadable),
		IT(a_device_counts_by_what_can_be_read),
		IT(a_false_point_does_not_count_for_its_device),
		IT(an_unreadable_alarm_suppresses),
		IT(a_forecast_beside_a_delayed_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
