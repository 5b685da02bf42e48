/* SPDX-License-Identifier: Apache-2.0 */
#include "engine_fixture.h"
#include "tests/unit/fixture/temp_dir.h"

#include "flow/recording.h"
#include "replay/input.h"

#include <string.h>

#define N_POINTS 5

static const struct gw_point_info points[N_POINTS] = {
	{.key = "s/a/p", .unit_of_measure = "%LEL"},
	{.key = "s/b/p", .unit_of_measure = ""},
	{.key = "泵/一/压力", .unit_of_measure = "MPa"},
	{.key = "s/d/p", .unit_of_measure = ""},
	{.key = "s/e/p", .unit_of_measure = ""},
};
static struct gw_recording rec;
static struct gw_error err;
static struct gw_reading got[200000];
static size_t n_got;
static struct gw_replay_input in;
static char dir[TEMP_DIR_MAX], path[96];

static int setup(void **unused)
{
	(void)unused;
	if (temp_dir_make(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/recording", dir);
	rec = (struct gw_recording){0};
	gw_recording_begin(
		&rec, (struct gw_time){.boot_ns = 5 * S, .wall_ms = FIXTURE_WALL_MS});
	gw_recording_points(&rec, points, N_POINTS);
	return 0;
}

static int teardown(void **unused)
{
	(void)unused;
	gw_recording_fini(&rec);
	gw_replay_input_close(&in);
	return temp_dir_remove(dir);
}

static void put(int64_t at_ns, uint32_t point, double value, enum gw_quality q)
{
	gw_recording_sample(&rec,
		&(struct gw_sample){.point = point,
			.quality = (uint16_t)q,
			.boot_ns = 5 * S + at_ns,
			.value = value});
}

/* Read the first n bytes of the recording as a file. */
static enum gw_err read_back(size_t n)
{
	const char *const files[] = {path, NULL};
	FILE *f = fopen(path, "wb");
	enum gw_err rc;
	size_t more = 1;

	assert_int_equal(fwrite(rec.out.at, 1, n, f), n);
	fclose(f);
	gw_replay_input_close(&in);
	n_got = 0;
	rc = gw_replay_input_open(&in, files, &err);
	while (!rc && more) {
		rc = gw_replay_input_next(&in, got + n_got,
			sizeof(got) / sizeof(got[0]) - n_got, &more, &err);
		n_got += rc ? 0 : more;
	}
	return rc;
}

static void a_recording_is_read_back(void **unused)
{
	static const double values[] = {0, -0.0, 52.3, -1, 1e-9, 1e300, 20.123, 20.1234567,
		-273.15, 4294967296.5, 0x1.fffffffffffffp1023, 5e-324};
	const size_t n = sizeof(values) / sizeof(values[0]);

	(void)unused;
	for (size_t i = 0; i < n; i++)
		put((int64_t)i * S, 2, values[i], GW_QUALITY_GOOD);
	put(20 * S, 2, 7, GW_QUALITY_BAD_TIMEOUT);
	put(21 * S, 2, 7, GW_QUALITY_UNCERTAIN);
	put(22 * S, 2, (double)NAN, GW_QUALITY_GOOD);
	gw_recording_end(&rec);
	assert_int_equal(read_back(rec.out.n), GW_OK);
	assert_int_equal(n_got, n + 3);
	for (size_t i = 0; i < n; i++) {
		assert_memory_equal(&got[i].value, &values[i], sizeof(double));
		assert_int_equal(
			got[i].time_ns, FIXTURE_WALL_MS * GW_NS_PER_MS + (int64_t)i * S);
		assert_int_equal(got[i].quality, GW_QUALITY_GOOD);
	}
	assert_string_equal(in.names.at[got[0].name].text, "泵/一/压力");
	assert_int_equal(in.names.n, 1); /* points that say nothing do not occur */
	assert_int_equal(got[n].quality, GW_QUALITY_BAD_TIMEOUT);
	assert_true(got[n].value == 0);
	assert_int_equal(got[n + 1].quality, GW_QUALITY_UNCERTAIN);
	assert_int_equal(got[n + 2].quality, GW_QUALITY_BAD_PAYLOAD);
	assert_int_equal(in.n_truncated, 0);
}

/* A constant value is small: a minute of it takes some bytes. */
static void a_constant_value_is_recorded_once(void **unused)
{
	size_t table = rec.out.n, jitter = 0;

	(void)unused;
	for (int64_t i = 0; i < 36000; i++, jitter = (jitter * 7 + 3) % 11)
		put(i * S / 10 + (int64_t)jitter * GW_NS_PER_MS, 0, 20.5, GW_QUALITY_GOOD);
	gw_recording_end(&rec);
	assert_true(rec.out.n - table < 60 * 48);
	assert_int_equal(read_back(rec.out.n), GW_OK);
	assert_int_equal(n_got, 36000);
	for (size_t i = 1; i < n_got; i++) {
		int64_t step_ns = got[i].time_ns - got[i - 1].time_ns;

		if (step_ns < 80 * GW_NS_PER_MS || step_ns > 120 * GW_NS_PER_MS)
			fail_msg("step %zu: %lld ns", i, (long long)step_ns);
	}
}

/* Silence differs from a constant value: the samples on both sides of a gap keep their times. */
static void a_gap_in_time_stays_where_it_is(void **unused)
{
	int64_t zero_ns = FIXTURE_WALL_MS * GW_NS_PER_MS;

	(void)unused;
	for (int64_t i = 0; i < 10; i++)
		put(i * S, 0, 1, GW_QUALITY_GOOD);
	for (int64_t i = 0; i < 10; i++)
		put((25 + i) * S, 0, 1, GW_QUALITY_GOOD);
	gw_recording_end(&rec);
	assert_int_equal(read_back(rec.out.n), GW_OK);
	assert_int_equal(n_got, 20);
	for (int64_t i = 0; i < 20; i++)
		assert_int_equal(got[i].time_ns - zero_ns, (i < 10 ? i : i + 15) * S);
}

/* Property: however samples mix, all come back, each with its value, in order of time. */
static void any_sample_survives_a_round_trip(void **unused)
{
	static struct {
		double value;
		int64_t last_ns;
		uint16_t quality;
	} sent[N_POINTS][40000];
	size_t n_sent[N_POINTS] = {0}, n_back[N_POINTS] = {0}, all = 0;
	uint64_t seed = 42;
	int64_t at_ns = 0;

	(void)unused;
	for (int i = 0; i < 100000; i++) {
		uint32_t p;
		double value;
		uint16_t q;

		seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
		p = (uint32_t)(seed >> 33) % N_POINTS;
		at_ns += (int64_t)(seed >> 40) % 20000000;
		value = p == 0 ? 1 : (double)((seed >> 50) % 4) + (p == 3 ? 1 / 3.0 : 0.1);
		q = (seed >> 20) % 16 == 0 ? GW_QUALITY_BAD_LINK : GW_QUALITY_GOOD;
		put(at_ns, p, value, (enum gw_quality)q);
		sent[p][n_sent[p]].value = q == GW_QUALITY_GOOD ? value : 0;
		sent[p][n_sent[p]].quality = q;
		sent[p][n_sent[p]++].last_ns = at_ns;
		all++;
	}
	gw_recording_end(&rec);
	assert_int_equal(read_back(rec.out.n), GW_OK);
	assert_int_equal(n_got, all);
	for (size_t i = 0; i < n_got; i++) {
		const char *key = in.names.at[got[i].name].text;
		uint32_t p = 0;
		size_t k;

		while (strcmp(points[p].key, key) != 0)
			p++;
		k = n_back[p]++;
		assert_true(k < n_sent[p]);
		assert_int_equal(got[i].quality, sent[p][k].quality);
		assert_memory_equal(&got[i].value, &sent[p][k].value, sizeof(double));
		assert_true(i == 0 || got[i].time_ns >= got[i - 1].time_ns);
	}
}

static void a_cut_file_is_good_to_its_last_whole_block(void **unused)
{
	size_t whole[8], n_whole = 0, table = rec.out.n, had = 0;

	(void)unused;
	whole[n_whole++] = table;
	for (int64_t i = 0; i < 150; i++) {
		put(i * S, (uint32_t)i % N_POINTS, (double)i, GW_QUALITY_GOOD);
		if (rec.out.n != whole[n_whole - 1])
			whole[n_whole++] = rec.out.n;
	}
	gw_recording_end(&rec);
	assert_int_equal(n_whole, 3);
	for (size_t n = GW_RECORDING_MAGIC_LEN; n < rec.out.n; n++) {
		size_t want = n >= rec.out.n - GW_RECORDING_BLOCK_HEAD ? 150
			: n >= whole[2]                                ? 120
			: n >= whole[1]                                ? 60
								       : 0;

		assert_int_equal(read_back(n), GW_OK);
		assert_int_equal(in.n_truncated, 1);
		if (n_got != want)
			fail_msg("%zu bytes: %zu samples, not %zu", n, n_got, want);
		assert_true(n_got >= had);
		had = n_got;
	}
	assert_int_equal(read_back(rec.out.n), GW_OK);
	assert_int_equal(in.n_truncated, 0);
}

static void a_damaged_file_is_reported(void **unused)
{
	(void)unused;
	for (int64_t i = 0; i < 20; i++)
		put(i * S, 1, (double)i / 3, GW_QUALITY_GOOD);
	gw_recording_end(&rec);
	for (size_t n = GW_RECORDING_MAGIC_LEN; n < rec.out.n; n++) {
		enum gw_err rc;

		rec.out.at[n] ^= 0x10;
		rc = read_back(rec.out.n);
		rec.out.at[n] ^= 0x10;
		/* a length that has grown looks like a file that was cut */
		if (rc == GW_OK && in.n_truncated == 0)
			fail_msg("byte %zu may be anything", n);
	}
	rec.out.at[GW_RECORDING_MAGIC_LEN - 1]++;
	assert_int_equal(read_back(rec.out.n), GW_ERR_PROTOCOL);
	assert_non_null(strstr(err.text, "version 2"));
}

static void gaps_and_new_tables_are_reported(void **unused)
{
	(void)unused;
	put(0, 0, 1, GW_QUALITY_GOOD);
	gw_recording_gap(&rec, 77);
	put(S, 0, 2, GW_QUALITY_GOOD);
	gw_recording_points(&rec, points + 1, 2); /* as after a reload */
	put(2 * S, 0, 3, GW_QUALITY_GOOD);
	put(2 * S, 4, 9, GW_QUALITY_GOOD); /* not in it */
	gw_recording_end(&rec);
	assert_int_equal(read_back(rec.out.n), GW_OK);
	assert_int_equal(n_got, 3);
	assert_int_equal(in.gaps, 1);
	assert_int_equal(in.lost, 77);
	assert_string_equal(in.names.at[got[1].name].text, "s/a/p");
	assert_string_equal(in.names.at[got[2].name].text, "s/b/p");
}

/* ---- the tap ---- */

static int fixture_up(void **state)
{
	return fixture_setup(state);
}

static void the_tap_never_blocks_the_engine(void **unused)
{
	struct gw_sample_tap tap = {.ring = NULL};
	struct gw_ring ring;
	struct gw_sample s;

	(void)unused;
	fixture_when(fixture_alarm("high", 1, &gw_condition_above))->limit = 50;
	fixture_start();
	gw_engine_set_tap(fixture.engine, &tap);
	assert_int_equal(fixture_feed(0, 1, 10), 0);
	assert_int_equal(gw_ring_init(&ring, 2, sizeof(struct gw_sample), NULL), GW_OK);
	atomic_store(&tap.ring, &ring);
	for (int i = 1; i <= 5; i++)
		fixture_feed(i * S, 1, i == 5 ? 60 : i);
	assert_int_equal(fixture.n_events, 1); /* of the fifth */
	assert_int_equal(atomic_load(&tap.lost), 3);
	assert_int_equal(gw_ring_pop(&ring, &s, 1, sizeof s), 1);
	assert_true(s.value == 1 && s.point == 1 && s.boot_ns == FIXTURE_START_NS + S);
	atomic_store(&tap.ring, NULL);
	fixture_feed(6 * S, 1, 1);
	assert_int_equal(fixture_state(0), GW_STATE_RETURNED_UNACKED);
	assert_int_equal(gw_ring_count(&ring), 1);
	gw_ring_fini(&ring);
}

/* Files of every age hold these numbers, and so does the database. */
static void the_numbers_of_qualities_never_change(void **unused)
{
	static const char *const names[] = {[1] = "good",
		[2] = "uncertain",
		[3] = "silent",
		[4] = "bad-timeout",
		[5] = "bad-link",
		[6] = "bad-protocol",
		[7] = "bad-refused",
		[8] = "bad-range",
		[9] = "bad-payload",
		[10] = "uncertain-over-range",
		[11] = "uncertain-under-range",
		[12] = "bad-invalid",
		[13] = "uncertain"};

	(void)unused;
	assert_int_equal(GW_QUALITY_COUNT, sizeof names / sizeof *names);
	for (unsigned q = 1; q < GW_QUALITY_COUNT; q++) {
		assert_string_equal(gw_quality_name((enum gw_quality)q), names[q]);
		assert_int_equal(gw_quality_usable(q),
			q == GW_QUALITY_GOOD || strncmp(names[q], "uncertain", 9) == 0);
	}
	for (unsigned q = GW_QUALITY_COUNT; q < 70; q++)
		assert_false(gw_quality_usable(q));
}

/* A value out of its range comes back as a value, one that is none without. */
static void out_of_range_is_recorded_as_a_value(void **unused)
{
	(void)unused;
	put(1 * S, 0, 105, GW_QUALITY_OVER_RANGE);
	put(2 * S, 0, -3, GW_QUALITY_UNDER_RANGE);
	put(3 * S, 0, 850, GW_QUALITY_BAD_INVALID);
	gw_recording_end(&rec);
	assert_int_equal(read_back(rec.out.n), GW_OK);
	assert_int_equal(n_got, 3);
	assert_int_equal(got[0].quality, GW_QUALITY_OVER_RANGE);
	assert_true(got[0].value == 105);
	assert_int_equal(got[1].quality, GW_QUALITY_UNDER_RANGE);
	assert_true(got[1].value == -3);
	assert_int_equal(got[2].quality, GW_QUALITY_BAD_INVALID);
	assert_true(got[2].value == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_numbers_of_qualities_never_change),
		cmocka_unit_test_setup_teardown(
			out_of_range_is_recorded_as_a_value, setup, teardown),
		cmocka_unit_test_setup_teardown(a_recording_is_read_back, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_constant_value_is_recorded_once, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_gap_in_time_stays_where_it_is, setup, teardown),
		cmocka_unit_test_setup_teardown(
			any_sample_survives_a_round_trip, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_cut_file_is_good_to_its_last_whole_block, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_damaged_file_is_reported, setup, teardown),
		cmocka_unit_test_setup_teardown(
			gaps_and_new_tables_are_reported, setup, teardown),
		cmocka_unit_test_setup_teardown(
			the_tap_never_blocks_the_engine, fixture_up, fixture_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
