/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A platform that is away for days at one alarm a second: OFFLINE_DAYS (1; a
 * night: 30). The database stays within 1.5 GB, nothing is lost, what is owed
 * is drained at 1,000 events a second or more, and a new red alarm is in the
 * next batch.
 */
#include "../unit/store/store_fixture.h"

#include <time.h>

#define DAY             UINT64_C(86400)
#define MOST_BYTES      INT64_C(1500000000)
#define DRAIN_LEAST     1000.0
#define OVERTAKE_MOST_S 1.0

static int64_t now_ns = 1000 * GW_NS_PER_SEC;

int64_t gw_clock_boot_ns(void)
{
	return now_ns;
}

int64_t gw_clock_wall_ms(void)
{
	return 1795300000000 + now_ns / GW_NS_PER_MS;
}

bool gw_clock_synced(void)
{
	return true;
}

void gw_clock_boot_id(char ret_id[37])
{
	snprintf(ret_id, 37, "00000000-0000-0000-0000-000000000000");
}

static uint64_t days(void)
{
	const char *text = getenv("OFFLINE_DAYS");

	return text ? strtoull(text, NULL, 10) : 1;
}

static double real_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static uint64_t fill(struct gw_store *s, uint64_t first, uint64_t n)
{
	for (uint64_t seq = first; seq < first + n; seq++) {
		struct gw_event e = make_event(
			s, seq, seq % 1000, (enum gw_level)(seq % 3));

		push(s, &e);
		now_ns += GW_NS_PER_SEC;
		if (seq % 512 == 0)
			turn(s);
	}
	turn(s);
	assert_int_equal(gw_store_committed(s), first + n - 1);
	return first + n;
}

/* A line for the report, beside those of the trials in Python. */
static void note(uint64_t events, double rate, double red_s)
{
	const char *path = getenv("TOCSIN_FAULTS_OUT");
	FILE *out = path ? fopen(path, "a") : NULL;

	if (!out)
		return;
	fprintf(out,
		"{\"kind\": \"long\", \"name\": \"offline\", \"fault\": \"platform away "
		"for %llu "
		"days at one alarm a second: %llu events, drained at %.0f a second, a new "
		"red "
		"alarm first\", \"trials\": 1, \"losses\": 0, \"duplicates\": 0, "
		"\"worst_ms\": %.0f, \"wrong\": []}\n",
		(unsigned long long)days(), (unsigned long long)events, rate, red_s * 1000);
	fclose(out);
}

/* Everything owed to sink 0, each once; half way a red alarm arises. */
static void drain(struct gw_store *s, uint64_t next, bool *seen)
{
	struct gw_owed_cursor after = {GW_LEVEL_RED + 1, 0};
	double began = real_s(), red_at = 0, red_s = -1;
	uint64_t got = 0;

	for (;;) {
		struct gw_batch *b = request_owed(
			s, 0, after.level, after.seq, GW_STORE_BATCH);

		assert_false(b->failed);
		if (b->n == 0) {
			gw_batch_free(b);
			break;
		}
		for (size_t i = 0; i < b->n; i++) {
			const struct gw_event *e = &b->events[i];

			assert_in_range(e->seq, 1, next);
			assert_false(seen[e->seq]);
			seen[e->seq] = true;
			got++;
			after = (struct gw_owed_cursor){e->level, e->seq};
			if (e->level == GW_LEVEL_RED && red_s < 0)
				red_s = real_s() - red_at;
			while (!gw_store_mark(s, 0, e->seq, GW_MARK_DELIVERED))
				turn(s);
		}
		gw_batch_free(b);
		turn(s);
		now_ns += GW_NS_PER_SEC;
		if (red_at <= 0 && got > next / 2) {
			struct gw_event e = make_event(s, next, 7, GW_LEVEL_RED);

			push(s, &e);
			red_at = real_s();
			/* what an uplink does with a new alarm: it asks from the top again */
			after = (struct gw_owed_cursor){GW_LEVEL_RED + 1, 0};
		}
	}
	note(got, (double)got / (real_s() - began), red_s);
	print_message("%llu events drained at %.0f a second, the red alarm after %.3f s\n",
		(unsigned long long)got, (double)got / (real_s() - began), red_s);
	assert_int_equal(got, next);
	assert_true((double)got / (real_s() - began) >= DRAIN_LEAST);
	assert_true(red_s >= 0 && red_s <= OVERTAKE_MOST_S);
}

static void days_at_one_alarm_a_second(void **state)
{
	struct gw_store *s = open_store(two_sinks, 2, MOST_BYTES);
	struct gw_store_status status;
	uint64_t next = fill(s, 1, days() * DAY);
	bool *seen = calloc((size_t)next + 2, sizeof(*seen));

	(void)state;
	assert_non_null(seen);
	gw_store_status(s, &status);
	print_message("%llu events in %lld bytes\n", (unsigned long long)(next - 1),
		(long long)status.file_bytes);
	assert_int_equal(status.lost, 0);
	assert_int_equal(status.refused, 0);
	assert_true(status.file_bytes <= MOST_BYTES);
	gw_store_free(s); /* and a start in the midst of it */
	now_ns += GW_NS_PER_SEC;
	s = open_store(two_sinks, 2, MOST_BYTES);
	assert_int_equal(gw_store_last_seq(s), next - 1);
	drain(s, next, seen);
	gw_store_free(s);
	free(seen);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			days_at_one_alarm_a_second, fixture_setup, fixture_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
