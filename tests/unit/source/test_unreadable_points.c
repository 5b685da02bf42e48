/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the log says of a point whose device answers without a value of it: a line at the
 * beginning, a line at the end, and not many of one that goes to and fro. And what a reading is
 * worth, through the same emit that every driver uses.
 */
#include "base/clock.h"
#include "base/log.h"
#include "source/emit.h"
#include "source/quality.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define S GW_NS_PER_SEC

static char line[512];
static unsigned lines;

void gw_log(enum gw_log_level level, const char *fmt, ...)
{
	va_list ap;

	(void)level;
	va_start(ap, fmt);
	vsnprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	lines++;
}

static struct gw_emit emit;
static struct gw_ring ring;
static const struct gw_point_info info = {.key = "plant/gas/ch4"};
static struct gw_point_opts point;

static int setup(void **unused)
{
	(void)unused;
	lines = 0;
	point = (struct gw_point_opts){
		.info = &info, .name = "ch4", .index = 1, .scale = 1};
	return gw_ring_init(&ring, 1024, sizeof(struct gw_sample), NULL) != GW_OK ||
		gw_emit_init(&emit,
			&(struct gw_emit_opts){
				.source = "plant", .n_points = 3, .ring = &ring},
			NULL) != GW_OK;
}

static int teardown(void **unused)
{
	(void)unused;
	gw_emit_fini(&emit);
	gw_ring_fini(&ring);
	return 0;
}

/* The newest sample. */
static struct gw_sample last(void)
{
	struct gw_sample s = {0};

	gw_emit_flush(&emit);
	while (gw_ring_pop(&ring, &s, 1, sizeof s))
		continue;
	return s;
}

static void refuse_at(int64_t at_ns)
{
	gw_emit_unreadable(&emit, &point, GW_QUALITY_BAD_REFUSED,
		"illegal data address (exception 2)", NULL, 0, at_ns);
	assert_int_equal(last().quality, GW_QUALITY_BAD_REFUSED);
}

static void read_at(int64_t at_ns)
{
	gw_emit_raw(&emit, &point, GW_QUALITY_GOOD, 7, at_ns, 0);
	assert_int_equal(last().quality, GW_QUALITY_GOOD);
}

static void unreadable_is_logged_once_and_its_end_once(void **unused)
{
	(void)unused;
	read_at(1 * S);
	assert_int_equal(lines, 0);
	for (int t = 2; t < 3725; t++)
		refuse_at(t * S);
	assert_int_equal(lines, 1);
	assert_string_equal(
		line, "plant/gas/ch4: no value: illegal data address (exception 2)");
	gw_emit_sample(&emit, 0, GW_QUALITY_GOOD, 1, 3725 * S, 0); /* another point */
	assert_int_equal(lines, 1);
	gw_emit_sample(&emit, 1, GW_QUALITY_BAD_TIMEOUT, 0, 3725 * S, 0);
	assert_int_equal(lines, 1);
	read_at(3726 * S);
	assert_int_equal(lines, 2);
	assert_string_equal(
		line, "plant/gas/ch4: readable again after 01:02:04, refused 3723 times");
	for (int t = 3727; t < 3800; t++)
		read_at(t * S);
	assert_int_equal(lines, 2);
}

/* A day of a point that is refused in every second sample is some lines, not 86,400. */
static void a_point_that_alternates_does_not_fill_the_log(void **unused)
{
	(void)unused;
	for (int t = 1; t < 86400; t += 2) {
		refuse_at(t * S);
		read_at((t + 1) * S);
	}
	assert_in_range(lines, 3, 3); /* and it stays refused: that is what the log says */
	for (int t = 86401; t < 86401 + 11; t++)
		read_at(t * S);
	assert_int_equal(lines, 4);
	/* minutes apart: fewer each time */
	lines = 0;
	for (int t = 100000; t < 186400; t += 120) {
		refuse_at(t * S);
		read_at((t + 60) * S);
	}
	assert_in_range(lines, 2, 16);
	/* once a day it is told each time */
	teardown(NULL);
	setup(NULL);
	for (int d = 10; d < 20; d++) {
		refuse_at(d * 86400 * S);
		read_at((d * 86400 + 1) * S);
	}
	assert_int_equal(lines, 20);
}

static void a_payload_is_shown_short_and_clean(void **unused)
{
	static const char *const rows[][2] = {
		{"{\"p\": null}", "x: {\"p\": null}"},
		{"a\nb\tc\x7f", "x: a?b?c?"},
		{"\xff\xfe", "x: ??"},
		{"\xc2\x9b"
		 "31m",
			"x: ?31m"}, /* a control character of Unicode */
		{"温度", "x: 温度"},
		{"0123456789012345678901234567890123456789012345678901234567890",
			"x: 012345678901234567890123456789012345678901234567..."},
	};

	(void)unused;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		lines = 0;
		gw_emit_unreadable(&emit, &point, GW_QUALITY_BAD_PAYLOAD, "x", rows[i][0],
			strlen(rows[i][0]), 1 * S);
		assert_int_equal(lines, 1);
		assert_string_equal(line + strlen("plant/gas/ch4: no value: "), rows[i][1]);
		teardown(NULL);
		setup(NULL);
	}
}

/* Each way to be no value, in number and in bits; and what is one all the same. */
static void readings_get_their_quality(void **unused)
{
	static const double range[] = {0, 100}, valid[] = {-50, 400};
	static const struct gw_code codes[] = {{.value = 85}, {.value = 3276.7},
		{.raw = 0x7fff, .is_raw = true}, {.raw = UINT64_MAX, .is_raw = true}};
	static const struct {
		double value;
		uint64_t bits;
		unsigned width;
		enum gw_quality quality;
	} rows[] = {
		{0, 0, 16, GW_QUALITY_GOOD},
		{100, 0, 16, GW_QUALITY_GOOD},
		{100.0001, 0, 16, GW_QUALITY_OVER_RANGE},
		{400, 0, 16, GW_QUALITY_OVER_RANGE},
		{-0.0001, 0, 16, GW_QUALITY_UNDER_RANGE},
		{-50, 0, 16, GW_QUALITY_UNDER_RANGE},
		{400.0001, 0, 16, GW_QUALITY_BAD_INVALID},
		{-50.0001, 0, 16, GW_QUALITY_BAD_INVALID},
		{85, 0, 16, GW_QUALITY_BAD_INVALID},
		{85.001, 0, 16, GW_QUALITY_GOOD},
		{5, 0x7fff, 16, GW_QUALITY_BAD_INVALID},
		{5, 0x7ffe, 16, GW_QUALITY_GOOD},
		{5, 0xffff, 16, GW_QUALITY_BAD_INVALID}, /* -1 in so many bits */
		{5, 0xffff, 32, GW_QUALITY_GOOD},
		{5, 0xffffffff, 32, GW_QUALITY_BAD_INVALID},
		{5, UINT64_MAX, 64, GW_QUALITY_BAD_INVALID},
		{5, 0x17fff, 32, GW_QUALITY_GOOD},
		{(double)NAN, 0, 32, GW_QUALITY_BAD_INVALID},
		{HUGE_VAL, 0, 32, GW_QUALITY_BAD_INVALID},
		{-HUGE_VAL, 0, 32, GW_QUALITY_BAD_INVALID},
	};

	(void)unused;
	point.range = (struct gw_table){1, 2, range};
	point.valid = (struct gw_table){1, 2, valid};
	point.invalid = (struct gw_codes){4, codes};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct gw_sample s;

		gw_emit_raw_bits(
			&emit, &point, rows[i].value, rows[i].bits, rows[i].width, 1 * S);
		s = last();
		if (s.quality != rows[i].quality)
			fail_msg("row %zu: %s", i, gw_quality_name(s.quality));
		assert_true(gw_quality_usable(s.quality) ? s.value == rows[i].value
							 : s.value == 0);
	}
	/* before scaling and after it, with the dust of a multiplication */
	point.valid = (struct gw_table){0};
	point.scale = 0.1;
	point.index = 2; /* another point: its scale is made once */
	assert_int_equal(gw_quality_of_value(&point, GW_QUALITY_GOOD, (double)NAN),
		GW_QUALITY_BAD_INVALID);
	point.invalid.n = 2; /* without those of bits */
	gw_emit_raw(&emit, &point, GW_QUALITY_GOOD, 32767, 2 * S, 0);
	assert_int_equal(last().quality, GW_QUALITY_BAD_INVALID);
	gw_emit_raw(&emit, &point, GW_QUALITY_GOOD, 32766, 2 * S, 0);
	assert_int_equal(last().quality, GW_QUALITY_OVER_RANGE);
	gw_emit_raw(&emit, &point, GW_QUALITY_UNCERTAIN, 5, 2 * S, 0);
	assert_int_equal(last().quality, GW_QUALITY_UNCERTAIN);
	point.invalid.n = 4;
	gw_emit_raw(&emit, &point, GW_QUALITY_GOOD, 0x7fff, 2 * S, 0);
	assert_int_equal(last().quality, GW_QUALITY_BAD_INVALID);
	point.type = GW_TYPE_BOOL; /* 0xFFFF of a contact is no contact */
	gw_emit_raw_bits(&emit, &point, 1, 0xffff, 16, 3 * S);
	assert_int_equal(last().quality, GW_QUALITY_BAD_INVALID);
	gw_emit_raw_bits(&emit, &point, 1, 1, 16, 3 * S);
	assert_int_equal(last().quality, GW_QUALITY_GOOD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		TEST(unreadable_is_logged_once_and_its_end_once),
		TEST(a_point_that_alternates_does_not_fill_the_log),
		TEST(a_payload_is_shown_short_and_clean),
		TEST(readings_get_their_quality),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
