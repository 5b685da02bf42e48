/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine beside a slow and obvious reference, over random sequences: limits with
 * hysteresis, delays and bad samples must give the same events at the same times; a dose the
 * same as counting second by second; a rate must be true whenever the exact window says so, and
 * only if the window and one slice more do.
 *
 * REFERENCE_SEQUENCES sets how many (default 1000000 for limits, a tenth for the others).
 */
#include "engine_kit.h"

#define SAMPLES 24

static uint64_t state = 42;

static unsigned pick(unsigned n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (unsigned)((state >> 20) % n);
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SLOWER 20
#else
#define SLOWER 1
#endif

static unsigned long sequences(unsigned long otherwise)
{
	const char *set = getenv("REFERENCE_SEQUENCES");

	otherwise /= SLOWER;
	return set ? strtoul(set, NULL, 10) : otherwise;
}

struct input {
	int64_t at_ns;
	double value;
	bool good;
};

struct fact {
	int64_t at_ns;
	bool raised;
};

struct story {
	struct input in[SAMPLES];
	struct fact fact[4 * SAMPLES];
	size_t n_facts;
	int64_t end_ns;
};

/* ---- limits ---- */

static const struct gw_condition_kind *const kinds[] = {
	&gw_above, &gw_below, &gw_outside, &gw_is};
static double clear_cell[1], deadband_cell[1], band_cells[2];

static void random_limit(struct gw_alarm_opts *a)
{
	static const int64_t delays[] = {0, 0, S, 2 * S, 5 * S};

	a->when.kind = kinds[pick(4)];
	a->when.limit = 10 + pick(3);
	a->when.is = pick(2);
	band_cells[0] = 8;
	band_cells[1] = 12;
	a->when.band = (struct gw_table){1, 2, band_cells};
	clear_cell[0] = a->when.limit + (a->when.kind == &gw_below ? 1.0 : -1.0) * pick(3);
	deadband_cell[0] = pick(3);
	a->when.clear = (struct gw_table){0};
	a->when.deadband = (struct gw_table){0};
	if (pick(2) && a->when.kind != &gw_outside)
		a->when.clear = (struct gw_table){1, 1, clear_cell};
	else
		a->when.deadband = (struct gw_table){1, 1, deadband_cell};
	a->on_delay_ns = delays[pick(5)];
	a->off_delay_ns = delays[pick(5)];
	a->latch = pick(2);
}

/* +1: surely true, -1: surely false, 0: in the hysteresis. From the words of the manual. */
static int verdict(const struct gw_alarm_opts *a, double v)
{
	double deadband = a->when.deadband.rows ? deadband_cell[0] : 0;
	double clear = a->when.clear.rows ? clear_cell[0] : 0;

	if (a->when.kind == &gw_is)
		return (v > 0) == a->when.is ? 1 : -1;
	if (a->when.kind == &gw_above) {
		if (!a->when.clear.rows)
			clear = a->when.limit - deadband;
		return v > a->when.limit ? 1 : v <= clear ? -1 : 0;
	}
	if (a->when.kind == &gw_below) {
		if (!a->when.clear.rows)
			clear = a->when.limit + deadband;
		return v < a->when.limit ? 1 : v >= clear ? -1 : 0;
	}
	if (v < 8 || v > 12)
		return 1;
	return v >= 8 + deadband && v <= 12 - deadband ? -1 : 0;
}

/* Truth at input k: the latest good input up to k that was sure decides. */
static bool truth_at(const struct gw_alarm_opts *a, const struct story *s, size_t k)
{
	for (size_t i = k + 1; i-- > 0;)
		if (s->in[i].good && verdict(a, s->in[i].value))
			return verdict(a, s->in[i].value) > 0;
	return false;
}

static void expect_limit(const struct gw_alarm_opts *a, struct story *s)
{
	bool active = false, truth = false;
	int64_t since_ns = 0;

	s->n_facts = 0;
	for (size_t k = 0; k <= SAMPLES; k++) { /* one more: the end */
		int64_t now_ns = k < SAMPLES ? s->in[k].at_ns : s->end_ns;
		bool next = k < SAMPLES ? truth_at(a, s, k) : truth;
		int64_t delay_ns = truth ? a->on_delay_ns : a->off_delay_ns;

		if (truth != active && since_ns + delay_ns <= now_ns) {
			active = truth;
			s->fact[s->n_facts++] = (struct fact){since_ns + delay_ns, truth};
		}
		if (next == truth)
			continue;
		truth = next;
		since_ns = now_ns;
		delay_ns = truth ? a->on_delay_ns : a->off_delay_ns;
		if (truth != active && delay_ns == 0) {
			active = truth;
			s->fact[s->n_facts++] = (struct fact){now_ns, truth};
		}
	}
}

static void random_story(struct story *s, unsigned step_ds, unsigned values)
{
	int64_t at_ns = S;

	for (size_t i = 0; i < SAMPLES; i++) {
		at_ns += (int64_t)(1 + pick(step_ds)) * S / 10;
		s->in[i] = (struct input){
			.at_ns = at_ns, .value = pick(values), .good = pick(8) > 0};
	}
	s->end_ns = at_ns + 10 * S;
}

static void check_facts(const struct story *s, const struct gw_event *events, size_t n)
{
	assert_int_equal(n, s->n_facts);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(events[i].mono_ns - KIT_START_NS, s->fact[i].at_ns);
		assert_int_equal(events[i].change,
			s->fact[i].raised ? GW_CHANGE_RAISED : GW_CHANGE_CLEARED);
	}
}

/* Live or late: every sample by itself, or all of them in one batch long after. */
static size_t tell(const struct story *s, bool late, struct gw_event *events)
{
	struct gw_sample samples[SAMPLES];
	size_t n = 0;

	for (size_t i = 0; i < SAMPLES; i++)
		samples[i] = (struct gw_sample){
			.quality = s->in[i].good ? GW_QUALITY_GOOD : GW_QUALITY_BAD_TIMEOUT,
			.mono_ns = KIT_START_NS + s->in[i].at_ns,
			.value = s->in[i].good ? s->in[i].value : 0};
	if (late) {
		gw_engine_feed(kit.engine, samples, SAMPLES, kit_time(s->end_ns));
	} else {
		for (size_t i = 0; i < SAMPLES; i++) {
			gw_engine_step(kit.engine, kit_time(s->in[i].at_ns - 1));
			gw_engine_feed(
				kit.engine, &samples[i], 1, kit_time(s->in[i].at_ns));
			gw_engine_step(kit.engine, kit_time(s->in[i].at_ns));
			n += gw_ring_pop(&kit.out, events + n, 256 - n, sizeof *events);
		}
	}
	gw_engine_step(kit.engine, kit_time(s->end_ns));
	return n + gw_ring_pop(&kit.out, events + n, 256 - n, sizeof *events);
}

static void limits_give_the_events_of_the_reference(void **unused)
{
	static struct gw_event events[256];
	struct story s;

	(void)unused;
	for (unsigned long i = 0; i < sequences(1000000); i++) {
		struct gw_alarm_opts *a;

		kit.n_alarms = 0;
		a = kit_alarm("x", 0, &gw_above);
		random_limit(a);
		random_story(&s, 40, a->when.kind == &gw_is ? 2 : 22);
		expect_limit(a, &s);
		kit_start();
		check_facts(&s, events, tell(&s, pick(2), events));
		gw_engine_free(kit.engine);
		kit.engine = NULL;
	}
}

/* ---- dose, second by second ---- */

static void expect_dose(const double *rows, size_t n_rows, struct story *s)
{
	int64_t over[4] = {0};
	bool truth = false;
	double value = 0;
	size_t k = 0;

	s->n_facts = 0;
	for (int64_t t = s->in[0].at_ns / S; t <= s->end_ns / S; t++) {
		bool full = false, low = true;

		for (size_t r = 0; r < n_rows && t > s->in[0].at_ns / S; r++) {
			int64_t most = (int64_t)rows[2 * r + 1] / S;

			over[r] += value > rows[2 * r] ? 1 : -1;
			over[r] = over[r] < 0 ? 0 : over[r] > most ? most : over[r];
		}
		while (k < SAMPLES && s->in[k].at_ns / S == t)
			value = s->in[k].good ? s->in[k].value : value, k++;
		for (size_t r = 0; r < n_rows; r++) {
			full |= over[r] == (int64_t)rows[2 * r + 1] / S;
			low &= over[r] <= (int64_t)rows[2 * r + 1] / S / 2;
		}
		if (full && !truth)
			s->fact[s->n_facts++] = (struct fact){t * S, true};
		else if (truth && !full && low)
			s->fact[s->n_facts++] = (struct fact){t * S, false};
		truth = full || (truth && !low);
	}
}

static void a_dose_gives_the_events_of_counting_seconds(void **unused)
{
	static struct gw_event events[256];
	struct story s;

	(void)unused;
	for (unsigned long i = 0; i < sequences(1000000) / 10; i++) {
		double rows[4] = {10, (double)((2 + 2 * pick(10)) * S), 15,
			(double)((2 + 2 * pick(4)) * S)};

		kit.n_alarms = 0;
		kit_alarm("x", 0, &gw_dose)->when.rows = (struct gw_table){2, 2, rows};
		random_story(&s, 1, 22);
		for (size_t k = 0; k < SAMPLES; k++) /* whole seconds */
			s.in[k].at_ns = (k ? s.in[k - 1].at_ns : S) +
				(int64_t)(1 + pick(4)) * S;
		s.in[0].good = true;
		s.end_ns = s.in[SAMPLES - 1].at_ns + 30 * S;
		expect_dose(rows, 2, &s);
		kit_start();
		check_facts(&s, events, tell(&s, false, events));
		gw_engine_free(kit.engine);
		kit.engine = NULL;
	}
}

/* ---- rate, between two exact windows ---- */

static double median3(double a, double b, double c)
{
	double lo = fmin(a, b), hi = fmax(a, b);

	return fmax(lo, fmin(hi, c));
}

/* The change over the last window, exactly, from the medians of the last three samples; a gap
 * longer than `gap_ns` begins afresh. */
static double exact_change(
	const struct story *s, size_t k, double sign, int64_t window_ns, int64_t gap_ns)
{
	size_t first = k;
	double now, moved = 0;

	while (first > 0 && s->in[first].at_ns - s->in[first - 1].at_ns <= gap_ns)
		first--;
	if (k < first + 2)
		return -1;
	now = median3(s->in[k].value, s->in[k - 1].value, s->in[k - 2].value);
	for (size_t i = first + 2; i <= k; i++) {
		double was = median3(
			s->in[i].value, s->in[i - 1].value, s->in[i - 2].value);

		if (s->in[k].at_ns - s->in[i].at_ns <= window_ns)
			moved = fmax(moved, sign * (now - was));
	}
	return moved;
}

static void a_rate_lies_between_two_exact_windows(void **unused)
{
	struct story s;

	(void)unused;
	for (unsigned long i = 0; i < sequences(1000000) / 10; i++) {
		const struct gw_condition_kind *kind = pick(2) ? &gw_rises : &gw_falls;
		double sign = kind == &gw_rises ? 1 : -1;
		int64_t window_ns = (int64_t)(2 + pick(8)) * S,
			slice_ns = window_ns / 22 + 1;
		struct gw_alarm_opts *a;

		kit.n_alarms = 0;
		a = kit_alarm("x", 0, kind);
		a->when.limit = 4;
		a->when.window_ns = window_ns;
		random_story(&s, 20, 10);
		kit_start();
		for (size_t k = 0; k < SAMPLES; k++) {
			bool was = k && kit_state(0) == GW_STATE_ACTIVE_UNACKED, is;

			kit_feed(s.in[k].at_ns, 0, s.in[k].value);
			is = kit_state(0) == GW_STATE_ACTIVE_UNACKED;
			if (exact_change(&s, k, sign, window_ns - slice_ns, window_ns) >= 4)
				assert_true(is);
			if (is && !was)
				assert_true(exact_change(&s, k, sign, window_ns + slice_ns,
						    window_ns) >= 4);
		}
		gw_engine_free(kit.engine);
		kit.engine = NULL;
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, kit_setup, kit_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(limits_give_the_events_of_the_reference),
		TEST(a_dose_gives_the_events_of_counting_seconds),
		TEST(a_rate_lies_between_two_exact_windows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
