/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/modbus_plan.h"

#include <stdio.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define MOST 3000

static struct gw_modbus_field fields[MOST];
static size_t n_fields;
static char text[4096];

static void add(int kind, unsigned addr, unsigned width, int64_t period)
{
	fields[n_fields] = (struct gw_modbus_field){.kind = (uint8_t)kind,
		.addr = (uint16_t)addr,
		.width = (uint8_t)width,
		.period_ns = period,
		.point = (uint32_t)n_fields};
	n_fields++;
}

/* The plan as text: "kind:addr+count" by a space, in the order of the fields. */
static const char *plan(unsigned max_gap, unsigned most)
{
	static struct gw_modbus_block requests[MOST];
	size_t n = gw_modbus_plan_make(fields, n_fields, max_gap, most, requests), seen = 0;

	text[0] = '\0';
	for (size_t i = 0; i < n; i++) {
		const struct gw_modbus_block *r = &requests[i];

		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%d:%d+%d",
			i ? " " : "", r->kind, r->addr, r->count);
		assert_int_equal(r->first, seen);
		seen += r->n;
		for (uint32_t k = r->first; k < r->first + r->n; k++) {
			assert_true(fields[k].addr >= r->addr);
			assert_true(fields[k].addr + fields[k].width <= r->addr + r->count);
		}
	}
	assert_int_equal(seen, n_fields);
	return text;
}

static int begin(void **state)
{
	(void)state;
	n_fields = 0;
	return 0;
}

static void test_adjacent_fields_share_a_request(void **state)
{
	(void)state;
	add(GW_MODBUS_HOLDING, 12, 1, 1);
	add(GW_MODBUS_HOLDING, 10, 2, 1);
	add(GW_MODBUS_HOLDING, 13, 4, 1);
	gw_modbus_plan_sort(fields, n_fields);
	assert_string_equal(plan(0, 125), "3:10+7");
}

static void test_a_gap_is_not_read_unless_bridged(void **state)
{
	(void)state;
	add(GW_MODBUS_HOLDING, 0, 1, 1);
	add(GW_MODBUS_HOLDING, 2, 1, 1);
	add(GW_MODBUS_HOLDING, 6, 1, 1);
	assert_string_equal(plan(0, 125), "3:0+1 3:2+1 3:6+1");
	assert_string_equal(plan(1, 125), "3:0+3 3:6+1");
	assert_string_equal(plan(3, 125), "3:0+7");
}

static void test_kinds_and_periods_do_not_mix(void **state)
{
	(void)state;
	add(GW_MODBUS_HOLDING, 0, 1, 5);
	add(GW_MODBUS_INPUT, 1, 1, 5);
	add(GW_MODBUS_COIL, 0, 1, 5);
	add(GW_MODBUS_DISCRETE, 1, 1, 5);
	add(GW_MODBUS_HOLDING, 1, 1, 9);
	gw_modbus_plan_sort(fields, n_fields);
	assert_string_equal(plan(100, 125), "1:0+1 2:1+1 3:0+1 4:1+1 3:1+1");
}

static void test_overlapping_fields_share_a_request(void **state)
{
	(void)state;
	/* A 32-bit value, its two halves, and two bits of one word. */
	add(GW_MODBUS_HOLDING, 10, 2, 1);
	add(GW_MODBUS_HOLDING, 10, 1, 1);
	add(GW_MODBUS_HOLDING, 11, 1, 1);
	add(GW_MODBUS_HOLDING, 11, 1, 1);
	/* A long one that ends behind the start of the next. */
	add(GW_MODBUS_HOLDING, 12, 4, 1);
	add(GW_MODBUS_HOLDING, 13, 1, 1);
	add(GW_MODBUS_HOLDING, 16, 1, 1);
	gw_modbus_plan_sort(fields, n_fields);
	assert_string_equal(plan(0, 125), "3:10+7");
}

static void test_125_registers_and_not_126(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 125; i++)
		add(GW_MODBUS_INPUT, i, 1, 1);
	assert_string_equal(plan(0, 125), "4:0+125");
	add(GW_MODBUS_INPUT, 125, 1, 1);
	assert_string_equal(plan(0, 125), "4:0+125 4:125+1");
}

static void test_a_value_is_never_cut_at_the_limit(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 124; i++)
		add(GW_MODBUS_HOLDING, i, 1, 1);
	add(GW_MODBUS_HOLDING, 124, 2, 1);
	assert_string_equal(plan(0, 125), "3:0+124 3:124+2");
	n_fields--;
	add(GW_MODBUS_HOLDING, 122, 2, 1);
	add(GW_MODBUS_HOLDING, 123, 2, 1);
	gw_modbus_plan_sort(fields, n_fields);
	assert_string_equal(plan(0, 125), "3:0+125");
}

static void test_2000_bits_and_not_2001(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2000; i++)
		add(GW_MODBUS_COIL, 100 + i, 1, 1);
	assert_string_equal(plan(0, 125), "1:100+2000");
	add(GW_MODBUS_COIL, 2100, 1, 1);
	assert_string_equal(plan(0, 125), "1:100+2000 1:2100+1");
}

static void test_a_request_ends_with_the_map(void **state)
{
	(void)state;
	add(GW_MODBUS_HOLDING, 65532, 4, 1);
	add(GW_MODBUS_HOLDING, 65535, 1, 1);
	assert_string_equal(plan(120, 125), "3:65532+4");
}

static void test_a_unit_that_allows_less(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 10; i++)
		add(GW_MODBUS_HOLDING, i, 1, 1);
	assert_string_equal(plan(0, 4), "3:0+4 3:4+4 3:8+2");
}

static void test_a_hole_is_asked_by_itself(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 5; i++)
		add(GW_MODBUS_HOLDING, i, 1, 1);
	fields[2].absent = true;
	assert_string_equal(plan(0, 125), "3:0+2 3:2+1 3:3+2");
	assert_string_equal(plan(50, 125), "3:0+2 3:2+1 3:3+2");
	/* The bits of one refused word are refused together; the next word by itself. */
	fields[3] = fields[2];
	fields[4].absent = true;
	assert_string_equal(plan(0, 125), "3:0+2 3:2+1 3:4+1");
}

static void test_a_request_is_split_in_halves(void **state)
{
	struct gw_modbus_block r, half[2];

	(void)state;
	for (unsigned i = 0; i < 5; i++)
		add(GW_MODBUS_HOLDING, 20 + i, 1, 1);
	assert_int_equal(gw_modbus_plan_make(fields, n_fields, 0, 125, &r), 1);
	assert_true(gw_modbus_plan_split(fields, &r, half));
	assert_int_equal(half[0].addr, 20);
	assert_int_equal(half[0].count, 2);
	assert_int_equal(half[0].n, 2);
	assert_int_equal(half[1].addr, 22);
	assert_int_equal(half[1].count, 3);
	assert_int_equal(half[1].first, 2);
	assert_int_equal(half[1].n, 3);
	/* Bits of one word stay together; when there is nothing else, there is no split. */
	for (unsigned i = 0; i < 4; i++)
		fields[i].addr = 23;
	fields[4].addr = 24;
	assert_int_equal(gw_modbus_plan_make(fields, n_fields, 0, 125, &r), 1);
	assert_true(gw_modbus_plan_split(fields, &r, half));
	assert_int_equal(half[0].n, 4);
	assert_int_equal(half[0].count, 1);
	assert_int_equal(half[1].n, 1);
	assert_false(gw_modbus_plan_split(fields, &half[0], half));
	assert_false(gw_modbus_plan_split(fields, &half[1], half));
}

static size_t equal_neighbours(const struct gw_modbus_block *r, size_t n)
{
	size_t equal = 0;

	for (size_t i = 1; i < n; i++)
		equal += gw_modbus_plan_signature(&r[i]) ==
			gw_modbus_plan_signature(&r[i - 1]);
	return equal;
}

static void test_neighbours_differ_where_possible(void **state)
{
	static const struct {
		unsigned counts[8];
		size_t n, equal;
	} rows[] = {
		{{10, 10, 5, 5}, 4, 0},
		{{10, 10, 10, 5, 5}, 5, 0},
		{{1, 2, 2, 2, 2, 3, 3, 3}, 8, 0},
		{{10, 10, 10, 5}, 4, 1},
		{{7, 7, 7}, 3, 2},
		{{7}, 1, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct gw_modbus_block r[8];
		unsigned sum = 0;

		for (size_t k = 0; k < rows[i].n; k++)
			r[k] = (struct gw_modbus_block){.kind = GW_MODBUS_HOLDING,
				.count = (uint16_t)rows[i].counts[k],
				.addr = (uint16_t)(1U << k)};
		gw_modbus_plan_order(r, rows[i].n);
		assert_int_equal(equal_neighbours(r, rows[i].n), rows[i].equal);
		for (size_t k = 0; k < rows[i].n; k++)
			sum += r[k].addr;
		assert_int_equal(sum, (1U << rows[i].n) - 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_adjacent_fields_share_a_request, begin),
		cmocka_unit_test_setup(test_a_gap_is_not_read_unless_bridged, begin),
		cmocka_unit_test_setup(test_kinds_and_periods_do_not_mix, begin),
		cmocka_unit_test_setup(test_overlapping_fields_share_a_request, begin),
		cmocka_unit_test_setup(test_125_registers_and_not_126, begin),
		cmocka_unit_test_setup(test_a_value_is_never_cut_at_the_limit, begin),
		cmocka_unit_test_setup(test_2000_bits_and_not_2001, begin),
		cmocka_unit_test_setup(test_a_request_ends_with_the_map, begin),
		cmocka_unit_test_setup(test_a_unit_that_allows_less, begin),
		cmocka_unit_test_setup(test_a_hole_is_asked_by_itself, begin),
		cmocka_unit_test_setup(test_a_request_is_split_in_halves, begin),
		cmocka_unit_test_setup(test_neighbours_differ_where_possible, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
