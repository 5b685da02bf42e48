/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "drivers/sim.h"
#include "source/emit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define SEC GW_NS_PER_SEC

/* Displaces the library's clock: time is what the test says. */
static int64_t now_ns;

int64_t gw_clock_boot_ns(void)
{
	return now_ns;
}

int64_t gw_clock_wall_ms(void)
{
	return 0;
}

/* One source of one device; the driver's options are filled through its rows, as the config
 * reader does it. */
struct fixture {
	unsigned char source_mem[256], device_mem[256], point_mem[4][256];
	struct gw_source_opts source;
	struct gw_device_opts device;
	struct gw_point_opts points[4];
	void *state;
	struct gw_ring ring;
	struct gw_emit emit;
	struct gw_sample got[256];
	size_t n;
};

static const struct gw_setting *row(const struct gw_setting *rows, const char *key)
{
	while (rows->key && strcmp(rows->key, key) != 0)
		rows++;
	assert_non_null(rows->key);
	return rows;
}

static void set_double(
	void *mem, const struct gw_setting *rows, const char *key, double value)
{
	memcpy((char *)mem + row(rows, key)->offset, &value, sizeof(value));
}

static void set_int(
	void *mem, const struct gw_setting *rows, const char *key, int64_t value)
{
	memcpy((char *)mem + row(rows, key)->offset, &value, sizeof(value));
}

static void set_table(void *mem, const struct gw_setting *rows, const char *key,
	size_t n_rows, size_t n_columns, const double *cells)
{
	struct gw_table t = {.rows = n_rows, .columns = n_columns, .cells = cells};

	memcpy((char *)mem + row(rows, key)->offset, &t, sizeof(t));
}

#define SOURCE(b)   (b)->source_mem, gw_driver_sim.source_settings
#define DEVICE(b)   (b)->device_mem, gw_driver_sim.device_settings
#define POINT(b, i) (b)->point_mem[i], gw_driver_sim.point_settings

static void begin(struct fixture *b, uint32_t n_points)
{
	struct gw_emit_opts emit = {
		.source = "sim", .n_points = n_points + 1, .ring = &b->ring, .stop_fd = -1};

	memset(b, 0, sizeof(*b));
	now_ns = 1000 * SEC;
	assert_true(gw_driver_sim.source_opts_size <= sizeof(b->source_mem));
	assert_true(gw_driver_sim.point_opts_size <= sizeof(b->point_mem[0]));
	for (uint32_t i = 0; i < n_points; i++)
		b->points[i] = (struct gw_point_opts){
			.name = "p", .scale = 1, .index = i, .driver = b->point_mem[i]};
	b->device = (struct gw_device_opts){.name = "d",
		.points = b->points,
		.n_points = n_points,
		.driver = b->device_mem};
	b->source = (struct gw_source_opts){.name = "sim",
		.poll_ns = SEC,
		.devices = &b->device,
		.n_devices = 1,
		.n_points = n_points,
		.down_point = n_points,
		.driver = b->source_mem};
	set_int(SOURCE(b), "seed", 1);
	set_double(SOURCE(b), "speed", 1);
	b->state = calloc(1, gw_driver_sim.state_size);
	assert_int_equal(
		gw_ring_init(&b->ring, 256, sizeof(struct gw_sample), NULL), GW_OK);
	assert_int_equal(gw_emit_init(&b->emit, &emit, NULL), GW_OK);
}

static void end(struct fixture *b)
{
	gw_driver_sim.close(b->state);
	gw_driver_sim.close(b->state);
	free(b->state);
	gw_emit_fini(&b->emit);
	gw_ring_fini(&b->ring);
}

static enum gw_err open_link(struct fixture *b)
{
	return gw_driver_sim.open(b->state, &b->source, &b->emit, NULL);
}

static enum gw_err poll_at(struct fixture *b, double seconds)
{
	enum gw_err rc;

	now_ns = 1000 * SEC + (int64_t)(seconds * 1e9);
	rc = gw_driver_sim.poll(b->state, 0, &b->emit, NULL);
	gw_emit_flush(&b->emit);
	b->n = gw_ring_pop(&b->ring, b->got, 256, sizeof(b->got[0]));
	return rc;
}

static void a_script_steps_or_ramps(void **state)
{
	static const double script[] = {10e9, 5, 20e9, 15};
	struct fixture b;

	(void)state;
	begin(&b, 2);
	set_double(POINT(&b, 0), "value", 100);
	set_double(POINT(&b, 1), "value", 100);
	set_table(POINT(&b, 0), "script", 2, 2, script);
	set_table(POINT(&b, 1), "script", 2, 2, script);
	b.point_mem[1][row(gw_driver_sim.point_settings, "ramp")->offset] = true;
	assert_int_equal(open_link(&b), GW_OK);
	for (int t = 0; t < 30; t++) {
		assert_int_equal(poll_at(&b, t), GW_OK);
		assert_int_equal(b.n, 2);
		assert_true(b.got[0].value == (t < 10 ? 100 : t < 20 ? 105 : 115));
		assert_true(b.got[1].value == (t < 10 ? 100 : t < 20 ? 95 + t : 115));
		assert_int_equal(b.got[0].boot_ns, now_ns);
	}
	end(&b);
}

static void a_script_repeats_and_runs_fast(void **state)
{
	static const double script[] = {0, 1, 5e9, 0};
	struct fixture b;

	(void)state;
	begin(&b, 1);
	set_table(POINT(&b, 0), "script", 2, 2, script);
	set_int(POINT(&b, 0), "repeat", 10 * SEC);
	set_double(SOURCE(&b), "speed", 2.5);
	b.points[0].type = GW_TYPE_BOOL;
	assert_int_equal(open_link(&b), GW_OK);
	for (int t = 0; t < 40; t++) {
		poll_at(&b, t);
		assert_true(b.got[0].value == (t % 4 < 2 ? 1 : 0));
	}
	end(&b);
}

static void devices_are_read_when_due(void **state)
{
	struct fixture b;

	(void)state;
	begin(&b, 1);
	b.device.poll_ns = 2 * SEC;
	assert_int_equal(open_link(&b), GW_OK);
	poll_at(&b, 0.5);
	assert_int_equal(b.n, 1); /* at once */
	poll_at(&b, 1.9);
	assert_int_equal(b.n, 0);
	poll_at(&b, 2.1);
	assert_int_equal(b.n, 1);
	poll_at(&b, 9); /* late: once, not once for each period missed */
	assert_int_equal(b.n, 1);
	poll_at(&b, 9.9);
	assert_int_equal(b.n, 0);
	poll_at(&b, 10);
	assert_int_equal(b.n, 1);
	end(&b);
}

/* The same seed is the same day, even if the polls came late; another seed is another. */
static void noise_is_a_function_of_seed_and_time(void **state)
{
	double first[200], sum = 0, squares = 0;
	struct fixture b;

	(void)state;
	for (int run = 0; run < 3; run++) {
		begin(&b, 2);
		set_double(POINT(&b, 0), "noise", 2);
		set_double(POINT(&b, 1), "noise", 2);
		memcpy(b.point_mem[1] + row(gw_driver_sim.point_settings, "shape")->offset,
			&(int){1}, sizeof(int));
		set_int(SOURCE(&b), "seed", run == 2 ? 8 : 7);
		assert_int_equal(open_link(&b), GW_OK);
		for (int t = 0, equal = 0; t < 200; t++) {
			poll_at(&b, t + 0.3 * run);
			assert_true(fabs(b.got[0].value) < 2);
			equal += run > 0 && first[t] == b.got[0].value;
			if (run == 0)
				first[t] = b.got[0].value;
			if (t == 199)
				assert_int_equal(equal, run == 1 ? 200 : 0);
			sum += b.got[1].value;
			squares += b.got[1].value * b.got[1].value;
		}
		end(&b);
	}
	assert_true(fabs(sum / 600) < 0.4);
	assert_true(fabs(sqrt(squares / 600) - 2) < 0.3);
}

static void a_dead_device_times_out_and_a_lost_link_is_lost(void **state)
{
	static const double dead[] = {10e9, 20e9}, down[] = {30e9, 40e9};
	struct gw_error err = {0};
	struct fixture b;

	(void)state;
	begin(&b, 2);
	set_table(DEVICE(&b), "dead", 1, 2, dead);
	set_table(SOURCE(&b), "down", 1, 2, down);
	assert_int_equal(open_link(&b), GW_OK);
	for (int t = 0; t < 30; t++) {
		assert_int_equal(poll_at(&b, t), GW_OK);
		assert_int_equal(b.n, 2);
		assert_int_equal(b.got[1].quality,
			t >= 10 && t < 20 ? GW_QUALITY_BAD_TIMEOUT : GW_QUALITY_GOOD);
	}
	assert_int_equal(poll_at(&b, 31), GW_ERR_LINK);
	gw_driver_sim.close(b.state);
	now_ns = 1039 * SEC;
	assert_int_equal(
		gw_driver_sim.open(b.state, &b.source, &b.emit, &err), GW_ERR_LINK);
	assert_string_equal(err.text, "scripted to be down");
	now_ns = 1040 * SEC;
	assert_int_equal(open_link(&b), GW_OK);
	assert_int_equal(poll_at(&b, 40.1), GW_OK);
	assert_int_equal(b.n, 2);
	end(&b);
}

static void a_frozen_device_repeats_itself(void **state)
{
	static const double frozen[] = {10e9, 20e9}, wave[] = {5, 60e9};
	double at[30];
	struct fixture b;

	(void)state;
	begin(&b, 1);
	set_table(DEVICE(&b), "frozen", 1, 2, frozen);
	set_table(POINT(&b, 0), "wave", 1, 2, wave);
	set_double(POINT(&b, 0), "noise", 1);
	assert_int_equal(open_link(&b), GW_OK);
	for (int t = 0; t < 30; t++) {
		assert_int_equal(poll_at(&b, t), GW_OK);
		assert_int_equal(b.got[0].quality, GW_QUALITY_GOOD);
		assert_int_equal(b.got[0].boot_ns, now_ns);
		at[t] = b.got[0].value;
		assert_true(t == 0 || (at[t] == at[t - 1]) == (t > 10 && t < 20));
	}
	end(&b);
}

static void answers_are_dropped_now_and_then(void **state)
{
	unsigned lost = 0;
	struct fixture b;

	(void)state;
	begin(&b, 2);
	set_double(DEVICE(&b), "drops", 0.2);
	assert_int_equal(open_link(&b), GW_OK);
	for (int t = 0; t < 1000; t++) {
		assert_int_equal(poll_at(&b, t), GW_OK);
		assert_int_equal(b.n, 2);
		assert_int_equal(b.got[0].quality, b.got[1].quality);
		lost += b.got[0].quality == GW_QUALITY_BAD_TIMEOUT;
	}
	assert_true(lost > 150 && lost < 250);
	end(&b);
}

static void wander_is_slow_and_bounded(void **state)
{
	static const double wander[] = {3, 100e9};
	double lo = 0, hi = 0, before = 0;
	struct fixture b;

	(void)state;
	begin(&b, 1);
	set_table(POINT(&b, 0), "wander", 1, 2, wander);
	assert_int_equal(open_link(&b), GW_OK);
	for (int t = 0; t < 5000; t++) {
		double v;

		assert_int_equal(poll_at(&b, t), GW_OK);
		v = b.got[0].value;
		/* at most 1.5 times the mean slope of the widest move, 6 in 100 s */
		assert_true(t == 0 || fabs(v - before) < 0.091);
		before = v;
		lo = fmin(lo, v);
		hi = fmax(hi, v);
	}
	assert_true(lo < -1.5 && lo > -3 && hi > 1.5 && hi < 3);
	end(&b);
}

static void values_are_rounded_to_the_step(void **state)
{
	static const double steps[] = {0.1, 0.3, 25, 0};
	static const double wants[] = {0.3, 0.3, 0, 0.3333};
	struct fixture b;

	(void)state;
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		begin(&b, 2);
		set_double(POINT(&b, 0), "value", 0.3333);
		set_double(POINT(&b, 1), "value", 100.3333);
		set_double(POINT(&b, 0), "step", steps[i]);
		set_double(POINT(&b, 1), "step", steps[i]);
		assert_int_equal(open_link(&b), GW_OK);
		assert_int_equal(poll_at(&b, 0), GW_OK);
		assert_true(b.got[0].value == wants[i]);
		assert_true(fabs(b.got[1].value - 100.3333) <= steps[i] / 2);
		end(&b);
	}
}

static void count_complaint(struct gw_report *report, const void *where, const char *text)
{
	(void)report;
	assert_non_null(where);
	assert_true(strlen(text) > 10);
}

static void check_says_all_that_is_wrong(void **state)
{
	static const double backwards[] = {10, 1, 5, 2}, flat[] = {1, 0};
	struct gw_report report = {.add = count_complaint};
	struct fixture b;

	(void)state;
	begin(&b, 2);
	gw_driver_sim.check(&b.source, &report);
	assert_int_equal(report.n, 0);
	set_table(SOURCE(&b), "down", 1, 2, backwards);
	set_table(DEVICE(&b), "dead", 2, 2, backwards);
	set_table(DEVICE(&b), "frozen", 2, 2, backwards);
	set_double(DEVICE(&b), "drops", -1);
	set_table(POINT(&b, 0), "wander", 1, 2, flat);
	set_double(POINT(&b, 1), "step", -1);
	set_table(POINT(&b, 0), "script", 2, 2, backwards);
	set_table(POINT(&b, 0), "wave", 1, 2, flat);
	set_double(POINT(&b, 1), "noise", -1);
	set_int(POINT(&b, 1), "repeat", SEC);
	b.point_mem[1][row(gw_driver_sim.point_settings, "ramp")->offset] = true;
	gw_driver_sim.check(&b.source, &report);
	assert_int_equal(report.n, 11);
	end(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_script_steps_or_ramps),
		cmocka_unit_test(a_script_repeats_and_runs_fast),
		cmocka_unit_test(devices_are_read_when_due),
		cmocka_unit_test(noise_is_a_function_of_seed_and_time),
		cmocka_unit_test(a_dead_device_times_out_and_a_lost_link_is_lost),
		cmocka_unit_test(a_frozen_device_repeats_itself),
		cmocka_unit_test(answers_are_dropped_now_and_then),
		cmocka_unit_test(wander_is_slow_and_bounded),
		cmocka_unit_test(values_are_rounded_to_the_step),
		cmocka_unit_test(check_says_all_that_is_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
