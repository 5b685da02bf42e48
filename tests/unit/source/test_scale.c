/* SPDX-License-Identifier: Apache-2.0 */
/* Scale and offset: exact for short decimals, and the same for every driver. */
#include "base/clock.h"
#include "source/emit.h"
#include "source/scale.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct {
	double raw, scale, offset, value;
} rows[] = {
	{523, 0.1, 0, 52.3},
	{523, 0.1, -40, 12.3},
	{7, 0.001, 0, 0.007},
	{3, 0.15, 0.05, 0.5},
	{1234567, 0.001, 0, 1234.567},
	{10, 1, 0, 10},
	{10, -0.1, 0, -1},
	{5, 0, 3, 3},
	{12, 2.5, 0, 30},
	{215, 0.1, 0, 21.5},
	{3, 0.1, 0, 0.3},
	{-0.0, 1, 0, 0},
	{-0.0, 0.1, 0, 0},
};

static void short_decimals_are_exact(void **state)
{
	struct gw_scale s;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		gw_scale_init(&s, rows[i].scale, rows[i].offset);
		assert_true(gw_scale_apply(&s, rows[i].raw) == rows[i].value);
	}
	gw_scale_init(&s, 0.1, 0);
	for (int raw = -32768; raw < 65536; raw++)
		assert_true(gw_scale_apply(&s, raw) == raw / 10.0);
}

static void other_scales_are_as_close_as_a_double(void **state)
{
	struct gw_scale s;

	(void)state;
	gw_scale_init(&s, 1.0 / 3, 1e-13);
	assert_true(fabs(gw_scale_apply(&s, 300) - 100) < 1e-9);
	gw_scale_init(&s, 1e12, -1e300);
	assert_true(gw_scale_apply(&s, 1) == 1e12 - 1e300);
}

/* A driver that hands over numbers (MQTT, sim) and one that hands over bits (Modbus) get the same
 * value; 0 is never -0. */
static void every_driver_gets_the_same_value(void **state)
{
	struct gw_sample got[2 * sizeof(rows) / sizeof(rows[0])];
	struct gw_ring ring;
	struct gw_emit emit;
	size_t n = sizeof(rows) / sizeof(rows[0]);

	(void)state;
	assert_int_equal(gw_ring_init(&ring, 64, sizeof(struct gw_sample), NULL), GW_OK);
	assert_int_equal(
		gw_emit_init(&emit,
			&(struct gw_emit_opts){
				.source = "s", .n_points = (uint32_t)n, .ring = &ring},
			NULL),
		GW_OK);
	for (size_t i = 0; i < n; i++) {
		struct gw_point_opts p = {.scale = rows[i].scale,
			.offset = rows[i].offset,
			.name = "p",
			.index = (uint32_t)i};
		uint64_t bits = (uint64_t)rows[i].raw;

		gw_emit_raw(&emit, &p, GW_QUALITY_GOOD, rows[i].raw, 1, 0);
		gw_emit_raw_bits(&emit, &p, rows[i].raw, bits, 32, 1);
	}
	gw_emit_flush(&emit);
	assert_int_equal(gw_ring_pop(&ring, got, 2 * n, sizeof(got[0])), 2 * n);
	for (size_t i = 0; i < 2 * n; i++)
		assert_true(got[i].value == rows[i / 2].value &&
			!signbit(got[i].value) == !signbit(rows[i / 2].value));
	gw_emit_fini(&emit);
	gw_ring_fini(&ring);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(short_decimals_are_exact),
		cmocka_unit_test(other_scales_are_as_close_as_a_double),
		cmocka_unit_test(every_driver_gets_the_same_value),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
