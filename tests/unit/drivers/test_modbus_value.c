/* SPDX-License-Identifier: Apache-2.0 */
/* Registers become numbers: every type in every order of its bytes. */
#include "drivers/modbus_value.h"

#include <math.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

struct value_row {
	int type, order;
	uint8_t bytes[8];
	double value;
};

static const struct value_row values[] = {
	{GW_TYPE_U16, GW_MODBUS_ABCD, {0x12, 0x34}, 0x1234},
	{GW_TYPE_U16, GW_MODBUS_CDAB, {0x12, 0x34}, 0x1234},
	{GW_TYPE_U16, GW_MODBUS_BADC, {0x12, 0x34}, 0x3412},
	{GW_TYPE_U16, GW_MODBUS_DCBA, {0x12, 0x34}, 0x3412},
	{GW_TYPE_U16, GW_MODBUS_ABCD, {0xff, 0xff}, 65535},
	{GW_TYPE_S16, GW_MODBUS_ABCD, {0xff, 0x9b}, -101},
	{GW_TYPE_S16, GW_MODBUS_ABCD, {0x80, 0x00}, -32768},
	{GW_TYPE_S16, GW_MODBUS_BADC, {0x9b, 0xff}, -101},
	{GW_TYPE_U32, GW_MODBUS_ABCD, {0x12, 0x34, 0x56, 0x78}, 0x12345678},
	{GW_TYPE_U32, GW_MODBUS_CDAB, {0x56, 0x78, 0x12, 0x34}, 0x12345678},
	{GW_TYPE_U32, GW_MODBUS_BADC, {0x34, 0x12, 0x78, 0x56}, 0x12345678},
	{GW_TYPE_U32, GW_MODBUS_DCBA, {0x78, 0x56, 0x34, 0x12}, 0x12345678},
	{GW_TYPE_U32, GW_MODBUS_ABCD, {0xff, 0xff, 0xff, 0xff}, 4294967295.0},
	{GW_TYPE_S32, GW_MODBUS_ABCD, {0xff, 0xff, 0xff, 0xfe}, -2},
	{GW_TYPE_S32, GW_MODBUS_CDAB, {0xff, 0xfe, 0xff, 0xff}, -2},
	{GW_TYPE_S32, GW_MODBUS_ABCD, {0x80, 0, 0, 0}, -2147483648.0},
	{GW_TYPE_U64, GW_MODBUS_ABCD, {0, 1, 2, 3, 4, 5, 6, 7}, 0x1020304050607p0},
	{GW_TYPE_U64, GW_MODBUS_CDAB, {6, 7, 4, 5, 2, 3, 0, 1}, 0x1020304050607p0},
	{GW_TYPE_U64, GW_MODBUS_BADC, {1, 0, 3, 2, 5, 4, 7, 6}, 0x1020304050607p0},
	{GW_TYPE_U64, GW_MODBUS_DCBA, {7, 6, 5, 4, 3, 2, 1, 0}, 0x1020304050607p0},
	{GW_TYPE_U64, GW_MODBUS_ABCD, {255, 255, 255, 255, 255, 255, 255, 255}, 0x1p64},
	{GW_TYPE_S64, GW_MODBUS_ABCD, {255, 255, 255, 255, 255, 255, 255, 253}, -3},
	{GW_TYPE_S64, GW_MODBUS_DCBA, {253, 255, 255, 255, 255, 255, 255, 255}, -3},
	{GW_TYPE_F32, GW_MODBUS_ABCD, {0x3f, 0x80, 0, 0}, 1},
	{GW_TYPE_F32, GW_MODBUS_CDAB, {0, 0, 0x3f, 0x80}, 1},
	{GW_TYPE_F32, GW_MODBUS_BADC, {0x80, 0x3f, 0, 0}, 1},
	{GW_TYPE_F32, GW_MODBUS_DCBA, {0, 0, 0x80, 0x3f}, 1},
	/* 0.3f and 52.3f and 101325.5f mean 0.3, 52.3 and 101325.5. */
	{GW_TYPE_F32, GW_MODBUS_ABCD, {0x3e, 0x99, 0x99, 0x9a}, 0.3},
	{GW_TYPE_F32, GW_MODBUS_ABCD, {0x42, 0x51, 0x33, 0x33}, 52.3},
	{GW_TYPE_F32, GW_MODBUS_ABCD, {0x47, 0xc5, 0xe6, 0xc0}, 101325.5},
	{GW_TYPE_F32, GW_MODBUS_ABCD, {0xc2, 0x51, 0x33, 0x33}, -52.3},
	{GW_TYPE_F32, GW_MODBUS_ABCD, {0, 0, 0, 0}, 0},
	{GW_TYPE_F32, GW_MODBUS_ABCD, {0x7f, 0x7f, 0xff, 0xff}, 0x1.fffffep127},
	{GW_TYPE_F64, GW_MODBUS_ABCD, {0x40, 0x09, 0x21, 0xfb, 0x54, 0x44, 0x2d, 0x18},
		3.141592653589793},
	{GW_TYPE_F64, GW_MODBUS_CDAB, {0x2d, 0x18, 0x54, 0x44, 0x21, 0xfb, 0x40, 0x09},
		3.141592653589793},
	{GW_TYPE_F64, GW_MODBUS_DCBA, {0x18, 0x2d, 0x44, 0x54, 0xfb, 0x21, 0x09, 0x40},
		3.141592653589793},
	{GW_TYPE_BOOL, GW_MODBUS_ABCD, {0, 0}, 0},
	{GW_TYPE_BOOL, GW_MODBUS_ABCD, {1, 0}, 1},
};

static struct gw_modbus_field field(int type, int order)
{
	return (struct gw_modbus_field){.addr = 100,
		.kind = GW_MODBUS_HOLDING,
		.width = (uint8_t)gw_modbus_map_registers((unsigned)type, false),
		.type = (uint8_t)type,
		.order = (uint8_t)order};
}

static void test_each_type_and_order_is_decoded(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		struct gw_modbus_field f = field(values[i].type, values[i].order);
		uint8_t data[12] = {0xee, 0xee, 0xee, 0xee};
		uint64_t bits;
		double v;

		memcpy(data + 4, values[i].bytes, 8);
		v = gw_modbus_value_decode(&f, 98, data, &bits);
		if (v != values[i].value)
			fail_msg("row %zu: %.17g, not %.17g", i, v, values[i].value);
	}
}

static void test_bits_are_read_from_words_and_coils(void **state)
{
	struct gw_modbus_field f = field(GW_TYPE_BIT, GW_MODBUS_ABCD);
	static const uint8_t word[] = {0x80, 0x09};
	static const uint8_t coils[] = {0x01, 0x80, 0x02};
	uint64_t bits;
	double v;

	(void)state;
	f.addr = 0;
	for (unsigned b = 0; b < 16; b++) {
		f.bit = (uint8_t)b;
		v = gw_modbus_value_decode(&f, 0, word, &bits);
		assert_true(v == (b == 0 || b == 3 || b == 15));
		assert_int_equal(bits, 0x8009); /* all of them, for `invalid` */
		assert_int_equal(gw_modbus_value_bits(&f), 16);
	}
	f.order = GW_MODBUS_BADC;
	f.bit = 8;
	v = gw_modbus_value_decode(&f, 0, word, &bits);
	assert_true(v == 1);
	f = field(GW_TYPE_BOOL, GW_MODBUS_ABCD);
	f.kind = GW_MODBUS_COIL;
	for (unsigned a = 0; a < 24; a++) {
		f.addr = (uint16_t)(200 + a);
		v = gw_modbus_value_decode(&f, 200, coils, &bits);
		assert_int_equal(gw_modbus_value_bits(&f), 1);
		assert_true(v == (a == 0 || a == 15 || a == 17));
	}
}

static void test_not_a_number_and_its_bits(void **state)
{
	static const uint8_t nan32[] = {0x7f, 0xc0, 0, 0}, inf32[] = {0xff, 0x80, 0, 0};
	static const uint8_t nan64[] = {0x7f, 0xf8, 0, 0, 0, 0, 0, 0};
	struct gw_modbus_field f = field(GW_TYPE_F32, GW_MODBUS_ABCD);
	uint64_t bits;

	(void)state;
	f.addr = 0;
	assert_true(!isfinite(gw_modbus_value_decode(&f, 0, nan32, &bits)));
	assert_int_equal(bits, 0x7fc00000);
	assert_int_equal(gw_modbus_value_bits(&f), 32);
	assert_true(!isfinite(gw_modbus_value_decode(&f, 0, inf32, &bits)));
	f = field(GW_TYPE_F64, GW_MODBUS_ABCD);
	f.addr = 0;
	assert_true(!isfinite(gw_modbus_value_decode(&f, 0, nan64, &bits)));
	assert_true(bits == UINT64_C(0x7ff8000000000000));
	assert_int_equal(gw_modbus_value_bits(&f), 64);

	f = field(GW_TYPE_S16, GW_MODBUS_ABCD);
	f.addr = 0;
	for (int raw = -32768; raw < 32768; raw++) {
		uint8_t data[2] = {(uint8_t)((unsigned)raw >> 8), (uint8_t)raw};

		assert_true(gw_modbus_value_decode(&f, 0, data, &bits) == raw);
		assert_int_equal(bits, (uint16_t)raw);
	}
}

static void test_a_float_means_its_shortest_decimal(void **state)
{
	(void)state;
	for (int i = -100000; i <= 100000; i += 7) {
		struct gw_modbus_field f = field(GW_TYPE_F32, GW_MODBUS_ABCD);
		float x = (float)(i / 1000.0);
		uint32_t bits;
		uint8_t data[4];
		uint64_t raw;

		memcpy(&bits, &x, 4);
		for (int k = 0; k < 4; k++)
			data[k] = (uint8_t)(bits >> (24 - 8 * k));
		f.addr = 0;
		assert_true(gw_modbus_value_decode(&f, 0, data, &raw) == i / 1000.0);
		assert_int_equal(raw, bits);
	}
}

static void test_bits_that_are_no_number(void **state)
{
	static const struct {
		int type;
		uint8_t bytes[8];
		bool finite;
	} rows[] = {
		{GW_TYPE_BCD16, {0x12, 0x3a}, false},
		{GW_TYPE_BCD16, {0xf0, 0}, false},
		{GW_TYPE_BCD32, {0, 0, 0, 0x0b}, false},
		{GW_TYPE_BCD64, {0xa0}, false},
		{GW_TYPE_MOD10X2, {0, 0, 0x27, 0x10}, false}, /* 10,000 */
		{GW_TYPE_MOD10X2, {0, 0, 0x27, 0x0f}, true},
		{GW_TYPE_MOD10X2, {0xd8, 0xf0, 0, 0}, false}, /* -10,000 */
		{GW_TYPE_MOD10X2, {0, 1, 0xff, 0xff}, false}, /* 1 and -1 */
		{GW_TYPE_MOD10X2, {0, 0, 0xff, 0xff}, true},
		{GW_TYPE_WHOLE_TENTHS, {1, 10}, false},
		{GW_TYPE_F16, {0x7c, 0}, false},
		{GW_TYPE_F16, {0x7e, 0}, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct gw_modbus_field f = field(rows[i].type, GW_MODBUS_ABCD);
		uint64_t bits;

		f.addr = 0;
		if (isfinite(gw_modbus_value_decode(&f, 0, rows[i].bytes, &bits)) !=
			rows[i].finite)
			fail_msg("row %zu", i);
		assert_int_equal(bits >> (gw_modbus_value_bits(&f) - 8), rows[i].bytes[0]);
	}
}

static void test_bits_of_a_part_of_the_registers(void **state)
{
	static const uint8_t data[] = {0xab, 0xcd, 0xef, 0x01};
	struct gw_modbus_field f = field(GW_TYPE_U8, GW_MODBUS_ABCD);
	uint64_t bits;

	(void)state;
	f.addr = 0;
	assert_true(gw_modbus_value_decode(&f, 0, data, &bits) == 0xcd);
	assert_int_equal(bits, 0xcd);
	assert_int_equal(gw_modbus_value_bits(&f), 8);
	f.high_byte = true;
	assert_true(gw_modbus_value_decode(&f, 0, data, &bits) == 0xab);
	f = field(GW_TYPE_U24, GW_MODBUS_ABCD);
	f.addr = 0;
	assert_true(gw_modbus_value_decode(&f, 0, data, &bits) == 0xcdef01);
	assert_int_equal(bits, 0xcdef01);
	assert_int_equal(gw_modbus_value_bits(&f), 24);
}

static void test_a_half_means_its_shortest_decimal(void **state)
{
	struct gw_modbus_field f = field(GW_TYPE_F16, GW_MODBUS_ABCD);
	double before = -1;

	(void)state;
	f.addr = 0;
	for (unsigned raw = 0; raw < 0x7c00; raw++) { /* all that are finite, ascending */
		uint8_t data[2] = {(uint8_t)(raw >> 8), (uint8_t)raw};
		double exact = raw < 0x400
			? raw * 0x1p-24
			: ((raw & 0x3ff) + 1024.0) * exp2((int)(raw >> 10) - 25);
		double step = raw < 0x400 ? 0x1p-24 : exp2((int)(raw >> 10) - 25), v;
		uint64_t bits;

		v = gw_modbus_value_decode(&f, 0, data, &bits);
		assert_true(v > before);
		assert_true(fabs(v - exact) < step / 2);
		before = v;
		data[0] |= 0x80;
		assert_true(gw_modbus_value_decode(&f, 0, data, &bits) == -v);
	}
}

static void test_the_exponent_is_in_another_register(void **state)
{
	static const struct {
		unsigned value, exponent;
		double is; /* 0: no number */
	} rows[] = {{523, 0, 523}, {523, 0xffff, 52.3}, {523, 0xfffe, 5.23},
		{3, 0xffff, 0.3}, {523, 2, 52300}, {1, 10, 1e10}, {1, 0xfff6, 1e-10},
		{1, 11, 0}, {1, 0xfff5, 0}, {1, 0x8000, 0}, {0xffff, 0xffff, 6553.5}};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (int after = 0; after < 2; after++) {
			struct gw_modbus_field f = field(GW_TYPE_U16, GW_MODBUS_ABCD);
			uint8_t data[12] = {0x77, 0x77}; /* registers 98 to 103 */
			uint64_t bits;
			double v;

			f.has_exponent = true;
			f.width = 4;
			f.value_at = after ? 0 : 3;
			f.exponent_at = after ? 3 : 0;
			for (int k = 0; k < 2; k++) {
				unsigned at = 2U * (2U + (k ? f.exponent_at : f.value_at));
				unsigned word = k ? rows[i].exponent : rows[i].value;

				data[at] = (uint8_t)(word >> 8);
				data[at + 1] = (uint8_t)word;
			}
			v = gw_modbus_value_decode(&f, 98, data, &bits);
			assert_true(rows[i].is == 0 ? !isfinite(v) : v == rows[i].is);
			assert_int_equal(
				bits, rows[i].value); /* `invalid` is of the value */
		}
}

static void test_registers_of_32_bits(void **state)
{
	/* registers 7 to 9 */
	static const uint8_t data[] = {
		0, 0, 0xff, 0xff, 0, 0, 0xff, 0x9b, 0x42, 0x51, 0x33, 0x33};
	static const struct {
		int type;
		unsigned addr;
		double is;
	} rows[] = {{GW_TYPE_U32, 7, 65535}, {GW_TYPE_U16, 7, 65535},
		{GW_TYPE_S16, 8, -101}, {GW_TYPE_F32, 9, 52.3}, {GW_TYPE_U8, 8, 0x9b},
		{GW_TYPE_U64, 7, 0xffff0000ff9bp0}, {GW_TYPE_U48, 7, 0xffff0000ff9bp0}};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct gw_modbus_field f = field(rows[i].type, GW_MODBUS_ABCD);
		uint64_t bits;

		f.wide = true;
		f.addr = (uint16_t)rows[i].addr;
		if (gw_modbus_value_decode(&f, 7, data, &bits) != rows[i].is)
			fail_msg("row %zu", i);
	}
	assert_int_equal(gw_modbus_map_registers(GW_TYPE_F32, true), 1);
	assert_int_equal(gw_modbus_map_registers(GW_TYPE_U48, true), 2);
	assert_int_equal(gw_modbus_map_registers(GW_TYPE_U48, false), 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_type_and_order_is_decoded),
		cmocka_unit_test(test_bits_are_read_from_words_and_coils),
		cmocka_unit_test(test_not_a_number_and_its_bits),
		cmocka_unit_test(test_a_float_means_its_shortest_decimal),
		cmocka_unit_test(test_bits_that_are_no_number),
		cmocka_unit_test(test_bits_of_a_part_of_the_registers),
		cmocka_unit_test(test_a_half_means_its_shortest_decimal),
		cmocka_unit_test(test_the_exponent_is_in_another_register),
		cmocka_unit_test(test_registers_of_32_bits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
