/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shipped profiles: each loads under every sort of driver with its points, and answers the
 * curves its numbers come from. The profiles are those of the source tree (TOCSIN_PROFILES).
 */
#include "conf/config.h"
#include "conf/load.h"
#include "source/quality.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SEC   GW_NS_PER_SEC
#define MIN   60.0
#define HOUR  3600.0
#define NEVER (-1.0)

static void say(void *arg, const char *line)
{
	(void)arg;
	print_error("%s\n", line);
}

static struct gw_config *load(const char *profile, const char *driver, const char *device)
{
	struct gw_complaints complaints = {.say = say};
	struct gw_config *c = NULL;
	char yaml[512];

	snprintf(yaml, sizeof yaml,
		"gateway: {id: box}\n"
		"sources:\n"
		"  - {name: s, driver: %s, devices: [{name: d, profile: %s%s}]}\n",
		driver, profile, device);
	assert_int_equal(
		gw_load_bytes("t.yaml", yaml, strlen(yaml), &c, &complaints), GW_OK);
	return c;
}

static const struct shipped {
	const char *profile;
	const char *points; /* name unit, in order */
} shipped[] = {
	{"gas-ch4-lel", "ch4 %LEL, sensor-fault , "},
	{"gas-co-ppm", "co ppm, "},
	{"smoke-contact", "smoke , "},
	{"smoke-obscuration", "obscuration %/m, "},
	{"heat-a1r", "temperature °C, "},
	{"heat-a2s", "temperature °C, "},
	{"heating-loop",
		"supply-temperature °C, return-temperature °C, supply-pressure MPa, "
		"return-pressure MPa, "},
	{"hydrant-pressure", "pressure MPa, "},
	{"residual-current", "current mA, "},
	{"cable-temperature", "temperature °C, "},
	{"indoor-temperature", "temperature °C, "},
	{"liquid-level", "level m, "},
};

static void every_profile_has_its_points_under_every_driver(void **unused)
{
	static const char *const drivers[][2] = {
		{"modbus-tcp, host: 127.0.0.1", ", unit: 1"},
		{"modbus-rtu, device: /dev/ttyUSB0", ", unit: 1"},
		{"mqtt, url: \"mqtt://127.0.0.1\"", ", topic: a/b"},
		{"sim", ""},
	};

	(void)unused;
	for (size_t i = 0; i < sizeof shipped / sizeof *shipped; i++)
		for (size_t k = 0; k < sizeof drivers / sizeof *drivers; k++) {
			struct gw_config *c = load(
				shipped[i].profile, drivers[k][0], drivers[k][1]);
			size_t n = c->sources[0].devices[0].n_points, own = 0;
			char points[256] = "";

			for (size_t p = 0; p < n; p++)
				snprintf(points + strlen(points),
					sizeof points - strlen(points), "%s %s, ",
					c->points[p].name, c->points[p].unit_of_measure);
			assert_string_equal(points, shipped[i].points);
			for (size_t a = 0; a < c->n_alarms; a++)
				own += c->alarms[a].info.point[0] != '\0';
			assert_true(own >= 1);
			gw_config_free(c);
		}
}

/* Readings of each profile at the ends of what it measures, and what devices send instead. */
static void out_of_range_drives_and_no_value_does_not(void **unused)
{
	static const struct {
		const char *profile, *point;
		double value;
		enum gw_quality quality;
	} rows[] = {
		{"gas-ch4-lel", "ch4", 100, GW_QUALITY_GOOD},
		{"gas-ch4-lel", "ch4", 105, GW_QUALITY_OVER_RANGE},
		{"gas-ch4-lel", "ch4", 2273, GW_QUALITY_OVER_RANGE}, /* pure methane */
		{"gas-ch4-lel", "ch4", 3276.7, GW_QUALITY_BAD_INVALID},
		{"gas-ch4-lel", "ch4", 6553.5, GW_QUALITY_BAD_INVALID},
		{"gas-co-ppm", "co", 2001, GW_QUALITY_OVER_RANGE},
		{"gas-co-ppm", "co", 12800, GW_QUALITY_OVER_RANGE},
		{"heat-a1r", "temperature", 151, GW_QUALITY_OVER_RANGE},
		{"heat-a1r", "temperature", -41, GW_QUALITY_UNDER_RANGE},
		{"heat-a1r", "temperature", 85, GW_QUALITY_BAD_INVALID},
		{"heat-a1r", "temperature", 84.9, GW_QUALITY_GOOD},
		{"heat-a1r", "temperature", -127, GW_QUALITY_BAD_INVALID},
		{"heat-a1r", "temperature", 850, GW_QUALITY_BAD_INVALID},
		{"heat-a1r", "temperature", -200, GW_QUALITY_BAD_INVALID},
		{"heat-a2s", "temperature", 300, GW_QUALITY_OVER_RANGE},
		{"heat-a2s", "temperature", 85, GW_QUALITY_BAD_INVALID},
		{"cable-temperature", "temperature", 85, GW_QUALITY_GOOD},
		{"cable-temperature", "temperature", 500, GW_QUALITY_OVER_RANGE},
		{"cable-temperature", "temperature", 850, GW_QUALITY_BAD_INVALID},
		{"indoor-temperature", "temperature", -127, GW_QUALITY_BAD_INVALID},
		{"indoor-temperature", "temperature", 90, GW_QUALITY_OVER_RANGE},
		{"heating-loop", "supply-temperature", 85, GW_QUALITY_GOOD},
		{"heating-loop", "supply-temperature", 160, GW_QUALITY_OVER_RANGE},
		{"heating-loop", "return-temperature", 0, GW_QUALITY_BAD_INVALID},
		{"heating-loop", "return-temperature", 0.1, GW_QUALITY_GOOD},
		{"heating-loop", "return-temperature", -200, GW_QUALITY_BAD_INVALID},
		{"heating-loop", "supply-pressure", 2.6, GW_QUALITY_OVER_RANGE},
		/* a quarter of the range below it: 0 mA */
		{"heating-loop", "supply-pressure", -0.75, GW_QUALITY_BAD_INVALID},
		{"heating-loop", "return-pressure", -0.12, GW_QUALITY_UNDER_RANGE},
		{"hydrant-pressure", "pressure", -0.75, GW_QUALITY_BAD_INVALID},
		{"hydrant-pressure", "pressure", 3, GW_QUALITY_OVER_RANGE},
		{"liquid-level", "level", -5.6, GW_QUALITY_BAD_INVALID},
		{"liquid-level", "level", 21, GW_QUALITY_OVER_RANGE},
		{"residual-current", "current", 30000, GW_QUALITY_OVER_RANGE},
		{"smoke-obscuration", "obscuration", 101, GW_QUALITY_OVER_RANGE},
		{"smoke-obscuration", "obscuration", -6, GW_QUALITY_UNDER_RANGE},
		{"smoke-obscuration", "obscuration", 850, GW_QUALITY_BAD_INVALID},
	};

	(void)unused;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct gw_config *c = load(rows[i].profile, "sim", "");
		const struct gw_device_opts *d = &c->sources[0].devices[0];
		size_t p = 0;

		while (strcmp(d->points[p].name, rows[i].point) != 0)
			p++;
		if (gw_quality_of_value(&d->points[p], GW_QUALITY_GOOD, rows[i].value) !=
			rows[i].quality)
			fail_msg("%s: %g", rows[i].profile, rows[i].value);
		gw_config_free(c);
	}
}

/* The bits that mean nothing, where they would be a value. */
static void bits_that_are_no_value(void **unused)
{
	static const char *const profiles[] = {"gas-co-ppm", "residual-current"};

	(void)unused;
	for (size_t i = 0; i < 2; i++) {
		struct gw_config *c = load(profiles[i], "modbus-tcp, host: h", ", unit: 1");
		const struct gw_point_opts *p = c->sources[0].devices[0].points;

		assert_true(gw_quality_invalid_bits(p, 0xffff, 16));
		assert_true(gw_quality_invalid_bits(p, 0x8000, 16));
		assert_true(gw_quality_invalid_bits(p, 0x7fff, 16));
		assert_false(gw_quality_invalid_bits(p, 0x7ffe, 16));
		gw_config_free(c);
		c = load(profiles[i], "mqtt, url: \"mqtt://h\"", ", topic: t");
		assert_int_equal(c->sources[0].devices[0].points->invalid.n, 0);
		gw_config_free(c);
	}
}

/* A straight line between corners; the last value holds. */
struct corner {
	double at_s, value;
};

static double value_at(const struct corner *c, size_t n, double at_s)
{
	size_t i = 0;

	while (i < n && c[i].at_s <= at_s)
		i++;
	if (i == 0)
		return c[0].value;
	if (i == n)
		return c[n - 1].value;
	return c[i - 1].value +
		(c[i].value - c[i - 1].value) * (at_s - c[i - 1].at_s) /
		(c[i].at_s - c[i - 1].at_s);
}

/* How long after from_s the alarm is raised on that curve; NEVER. Samples come as the profile
 * says, rounded to the step of an ordinary sensor. */
static double raised_after(const char *profile, const char *point, const char *alarm,
	double step, const struct corner *corners, size_t n, double from_s, double end_s)
{
	struct gw_config *c = load(profile, "sim", "");
	int64_t poll_ns = c->sources[0].devices[0].poll_ns;
	struct gw_ring events = {0};
	struct gw_engine *e;
	struct gw_event event;
	double found_s = NEVER;
	uint32_t at = 0;

	while (strcmp(c->points[at].name, point) != 0)
		at++;
	assert_int_equal(gw_engine_new(&(struct gw_engine_opts){.site = &c->site,
					       .points = c->points,
					       .n_points = c->n_points,
					       .alarms = c->alarms,
					       .n_alarms = c->n_alarms},
				 &e, NULL),
		GW_OK);
	gw_ring_init(&events, 64, sizeof event, NULL);
	gw_engine_add_output(e, &events, NULL, NULL);
	for (int64_t t = 0; t < (int64_t)end_s * SEC && found_s < 0; t += poll_ns) {
		struct gw_time now = {1000 * SEC + t, 1767225600000 + t / 1000000, true};
		double value = value_at(corners, n, (double)t / 1e9);

		value = nearbyint(value / step) * step;
		gw_engine_ingest(e,
			&(struct gw_sample){.point = at,
				.quality = GW_QUALITY_GOOD,
				.boot_ns = now.boot_ns,
				.value = value},
			1, now);
		gw_engine_step(e, now);
		while (gw_ring_pop(&events, &event, 1, sizeof event))
			if (found_s < 0 && event.change == GW_CHANGE_RAISED &&
				strcmp(event.info->name, alarm) == 0)
				found_s = (double)(event.boot_ns - 1000 * SEC) / 1e9 -
					from_s;
	}
	gw_engine_free(e);
	gw_ring_fini(&events);
	gw_config_free(c);
	return found_s;
}

/* The answer to a rise of so much per minute from 25 °C on, after five minutes of rest. */
static double heat_after(const char *profile, const char *alarm, double per_min)
{
	const struct corner rise[] = {{300, 25}, {300 + HOUR, 25 + 60 * per_min}};

	return raised_after(profile, "temperature", alarm, 0.1, rise, 2, 300, 300 + HOUR);
}

/* EN 54-5, table of response times, after standards bodies' summaries: lower and upper limit. */
static const struct en54 {
	double per_min, a1[2], a2[2];
} en54[] = {
	{1, {29 * 60, 40 * 60 + 20}, {29 * 60, 46 * 60}},
	{3, {7 * 60 + 13, 13 * 60 + 40}, {7 * 60 + 13, 16 * 60}},
	{5, {4 * 60 + 9, 8 * 60 + 20}, {4 * 60 + 9, 10 * 60}},
	{10, {60, 4 * 60 + 20}, {2 * 60, 5 * 60 + 30}},
	{20, {30, 2 * 60 + 20}, {60, 3 * 60 + 13}},
	{30, {20, 60 + 40}, {40, 2 * 60 + 25}},
};

static void heat_detectors_answer_inside_the_table_of_en_54_5(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < sizeof en54 / sizeof *en54; i++) {
		const struct en54 *row = &en54[i];
		double heat = heat_after("heat-a1r", "heat", row->per_min);
		double rate = heat_after("heat-a1r", "heat-rate", row->per_min);
		double first = rate >= 0 && rate < heat ? rate : heat;

		print_message("%g °C/min: heat-a1r after %g s", row->per_min, first);
		assert_true(first >= row->a1[0] && first <= row->a1[1]);
		assert_int_equal(rate >= 0, row->per_min >= 10);
		heat = heat_after("heat-a2s", "heat", row->per_min);
		print_message(", heat-a2s after %g s\n", heat);
		assert_true(heat >= row->a2[0] && heat <= row->a2[1]);
	}
}

/* 70 °C/min: ceilings in test fires get hot like this just before 57 °C (config/profiles). */
static void a_pre_alarm_comes_before_the_alarm(void **unused)
{
	(void)unused;
	for (double per_min = 5; per_min <= 70; per_min += 5) {
		double pre = heat_after("heat-a1r", "heat-pre", per_min);

		assert_true(pre >= 0 && pre < heat_after("heat-a1r", "heat", per_min));
	}
}

/* To the hottest place these classes are made for, 50 °C, slowly; and, for suffix S, at once. */
static void heat_detectors_do_not_answer_what_is_no_fire(void **unused)
{
	static const struct corner slow[] = {{300, 20}, {300 + 150 * MIN, 50}};
	static const struct corner door[] = {{300, 20}, {301, 29.5}, {900, 29.5}};
	static const struct corner plunge[] = {{300, 5}, {301, 50}};
	const char *const alarms[] = {"heat", "heat-rate"};

	(void)unused;
	for (int i = 0; i < 2; i++) {
		assert_true(raised_after("heat-a1r", "temperature", alarms[i], 0.1, slow, 2,
				    0, 4 * HOUR) == NEVER);
		assert_true(raised_after("heat-a1r", "temperature", alarms[i], 0.1, door, 3,
				    0, HOUR) == NEVER);
		assert_true(raised_after("heat-a2s", "temperature", alarms[i], 0.1, plunge,
				    2, 0, HOUR) == NEVER);
	}
	assert_true(raised_after("heat-a1r", "temperature", "heat-rate", 0.1, plunge, 2,
			    300, HOUR) >= 0);
}

static double co_after(double ppm)
{
	const struct corner at_once[] = {{60, 0}, {61, ppm}};

	return raised_after(
		"gas-co-ppm", "co", "co-dose", 1, at_once, 2, 61, 61 + 4 * HOUR);
}

static void co_answers_the_rows_of_en_50291(void **unused)
{
	(void)unused;
	assert_true(co_after(30) == NEVER); /* not before 120 min */
	assert_true(co_after(50) >= 60 * MIN && co_after(50) <= 90 * MIN);
	assert_true(co_after(100) >= 10 * MIN && co_after(100) <= 40 * MIN);
	assert_true(co_after(300) >= 0 && co_after(300) <= 3 * MIN);
}

#define RAISED(profile, point, alarm, step, curve, from_s) \
	raised_after(profile, point, alarm, step, curve, sizeof(curve) / sizeof *(curve), \
		from_s, 14 * HOUR)

static void gas_warns_before_its_limits(void **unused)
{
	static const struct corner leak[] = {{HOUR, 2}, {2 * HOUR, 62}}; /* 1 %LEL a min */
	double ahead = RAISED("gas-ch4-lel", "ch4", "ch4-rising", 0.1, leak, HOUR);

	(void)unused;
	/* 20 %LEL after 18 min, 50 after 48 */
	assert_true(ahead >= 6 * MIN && ahead <= 15 * MIN);
	assert_true(fabs(RAISED("gas-ch4-lel", "ch4", "ch4-low", 0.1, leak, HOUR) -
			    18.1 * MIN) < 10);
	assert_true(fabs(RAISED("gas-ch4-lel", "ch4", "ch4-high", 0.1, leak, HOUR) -
			    48.1 * MIN) < 10);
}

static void smoke_is_seen_at_once_and_smouldering_before(void **unused)
{
	static const struct corner smoulder[] = {{HOUR, 0.2}, {HOUR + 30 * MIN, 5}};
	static const struct corner puff[] = {
		{HOUR, 0.2}, {3602, 3}, {3608, 3}, {3610, 0.2}};
	static const struct corner fire[] = {{HOUR, 0.2}, {HOUR + 10, 12}};
	double ahead = RAISED(
		"smoke-obscuration", "obscuration", "smoke-ahead", 0.01, smoulder, HOUR);

	(void)unused;
	assert_true(ahead > 0 && ahead < 14 * MIN); /* 3.4 %/m after 20 min */
	assert_true(RAISED("smoke-obscuration", "obscuration", "smoke-pre", 0.01, puff,
			    0) == NEVER);
	assert_true(
		RAISED("smoke-obscuration", "obscuration", "smoke", 0.01, fire, HOUR) <= 6);
	assert_true(RAISED("smoke-contact", "smoke", "smoke", 1, fire, HOUR) <= 4);
}

static void a_heating_loop_raises_for_burst_leak_and_frost(void **unused)
{
	static const struct corner burst[] = {{HOUR, 0.4}, {HOUR + 45, 0.25}};
	static const struct corner leak[] = {{HOUR, 0.4}, {3 * HOUR, 0.1}};
	static const struct corner cooling[] = {{HOUR, 50}, {3 * HOUR, 0}};
	static const struct corner setback[] = {{HOUR, 60}, {2 * HOUR, 45}};
	static const struct corner lowered[] = {{HOUR, 45}, {HOUR + 30 * MIN, 34}};
	static const struct corner pump[] = {
		{HOUR, 0.4}, {3602, 0.33}, {3800, 0.33}, {3802, 0.4}};
	double ahead = RAISED(
		"heating-loop", "supply-pressure", "leak-ahead", 0.001, leak, HOUR);
	double low = RAISED(
		"heating-loop", "supply-pressure", "supply-low", 0.001, leak, HOUR);

	(void)unused;
	assert_true(RAISED("heating-loop", "supply-pressure", "burst", 0.001, burst,
			    HOUR) <= 45);
	assert_true(RAISED("heating-loop", "supply-pressure", "burst", 0.001, pump, 0) ==
		NEVER);
	assert_true(fabs(low - 80 * MIN) < 90);
	assert_true(ahead > 0 && low - ahead > 20 * MIN && low - ahead < 35 * MIN);
	ahead = RAISED(
		"heating-loop", "return-temperature", "freezing-ahead", 0.1, cooling, HOUR);
	low = RAISED("heating-loop", "return-temperature", "freezing", 0.1, cooling, HOUR);
	assert_true(ahead > 0 && low - ahead > 45 * MIN);
	assert_true(RAISED("heating-loop", "supply-temperature", "supply-cooling", 0.1,
			    setback, 0) == NEVER);
	assert_true(RAISED("heating-loop", "supply-temperature", "supply-cooling", 0.1,
			    lowered, 0) == NEVER);
	assert_true(RAISED("heating-loop", "supply-temperature", "supply-cooling", 0.1,
			    cooling, HOUR) > 0);
}

static void water_and_electricity_profiles_raise(void **unused)
{
	static const struct corner open[] = {{HOUR, 0.3}, {3606, 0.2}};
	static const struct corner decay[] = {{HOUR, 0.3}, {5 * HOUR, 0.06}};
	static const struct corner leaky[] = {{HOUR, 150}, {13 * HOUR, 550}};
	static const struct corner load_on[] = {
		{HOUR, 35}, {3900, 43}, {4500, 53}, {5400, 60}, {7200, 64}, {3 * HOUR, 65}};
	static const struct corner joint[] = {{HOUR, 50}, {2 * HOUR, 100}};
	static const struct corner drain[] = {{HOUR, 2}, {3 * HOUR, 0.2}};
	double ahead = RAISED(
		"hydrant-pressure", "pressure", "pressure-ahead", 0.001, decay, HOUR);
	double low = RAISED(
		"hydrant-pressure", "pressure", "pressure-lowlow", 0.001, decay, HOUR);

	(void)unused;
	assert_true(RAISED("hydrant-pressure", "pressure", "discharge", 0.001, open,
			    HOUR) <= 10);
	assert_true(RAISED("hydrant-pressure", "pressure", "discharge", 0.001, decay, 0) ==
		NEVER);
	assert_true(ahead > 0 && low - ahead > 40 * MIN && low - ahead < 70 * MIN);
	ahead = RAISED("residual-current", "current", "leakage-ahead", 1, leaky, HOUR);
	low = RAISED("residual-current", "current", "leakage-warning", 1, leaky, HOUR);
	assert_true(fabs(low - 270 * MIN) < 120 && ahead > 0 && low - ahead > HOUR);
	assert_true(fabs(RAISED("residual-current", "current", "leakage", 1, leaky, HOUR) -
			    630 * MIN) < 120);
	assert_true(RAISED("cable-temperature", "temperature", "hot-ahead", 0.1, load_on,
			    0) == NEVER);
	ahead = RAISED("cable-temperature", "temperature", "hot-ahead", 0.1, joint, HOUR);
	low = RAISED("cable-temperature", "temperature", "hot", 0.1, joint, HOUR);
	assert_true(ahead > 0 && low - ahead > 15 * MIN);
	ahead = RAISED("liquid-level", "level", "level-ahead", 0.01, drain, HOUR);
	low = RAISED("liquid-level", "level", "level-low", 0.01, drain, HOUR);
	assert_true(ahead > 0 && low - ahead > 10 * MIN);
}

static void a_cold_room_is_raised_after_an_hour(void **unused)
{
	static const struct corner window[] = {
		{HOUR, 21}, {3700, 14}, {HOUR + 50 * MIN, 14}, {2 * HOUR, 21}};
	static const struct corner cold[] = {{HOUR, 21}, {2 * HOUR, 17.9}};

	(void)unused;
	assert_true(RAISED("indoor-temperature", "temperature", "cold", 0.1, window, 0) ==
		NEVER);
	assert_true(
		fabs(RAISED("indoor-temperature", "temperature", "cold", 0.1, cold, HOUR) -
			2 * HOUR) < 4 * MIN);
	assert_true(RAISED("indoor-temperature", "temperature", "colder", 0.1, cold, 0) ==
		NEVER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_profile_has_its_points_under_every_driver),
		cmocka_unit_test(out_of_range_drives_and_no_value_does_not),
		cmocka_unit_test(bits_that_are_no_value),
		cmocka_unit_test(heat_detectors_answer_inside_the_table_of_en_54_5),
		cmocka_unit_test(a_pre_alarm_comes_before_the_alarm),
		cmocka_unit_test(heat_detectors_do_not_answer_what_is_no_fire),
		cmocka_unit_test(co_answers_the_rows_of_en_50291),
		cmocka_unit_test(gas_warns_before_its_limits),
		cmocka_unit_test(smoke_is_seen_at_once_and_smouldering_before),
		cmocka_unit_test(a_heating_loop_raises_for_burst_leak_and_frost),
		cmocka_unit_test(water_and_electricity_profiles_raise),
		cmocka_unit_test(a_cold_room_is_raised_after_an_hour),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
