/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/modbus_codec.h"

#include <math.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* From public documents of devices: a gas detector, an alarm separator, a broadcast query. */
static void test_vectors_of_real_devices(void **state)
{
	static const uint8_t gas[] = {0x01, 0x03, 0x04, 0x00, 0x00, 0x00, 0xd1, 0x3a, 0x6f};
	static const uint8_t ask_gas[] = {0x01, 0x03, 0x00, 0x08, 0x00, 0x02, 0x45, 0xc9};
	static const uint8_t separator[] = {0xff, 0x02, 0x01, 0x01, 0x51, 0xa0};
	struct gw_modbus_request request = {GW_MODBUS_RTU, 0, 1, GW_MODBUS_HOLDING, 8, 2};
	struct gw_modbus_response answer;
	struct gw_modbus_field f = {
		.kind = GW_MODBUS_HOLDING, .addr = 8, .width = 2, .type = GW_TYPE_U32};
	uint8_t adu[12];
	uint64_t bits;

	(void)state;
	assert_int_equal(gw_modbus_codec_encode(&request, adu), 6);
	assert_memory_equal(adu, ask_gas, 6);
	assert_int_equal(gw_modbus_codec_crc(ask_gas, 6), 0xc945);
	assert_int_equal(gw_modbus_codec_response_size(&request), sizeof(gas));
	assert_int_equal(
		gw_modbus_codec_check(&request, gas, sizeof(gas), &answer), GW_MODBUS_DATA);
	assert_true(gw_modbus_codec_raw(&f, 8, answer.data, &bits) == 209);

	request = (struct gw_modbus_request){
		GW_MODBUS_RTU, 0, 255, GW_MODBUS_DISCRETE, 0, 8};
	assert_int_equal(
		gw_modbus_codec_check(&request, separator, sizeof(separator), &answer),
		GW_MODBUS_DATA);
	f.kind = GW_MODBUS_DISCRETE;
	f.addr = 0;
	assert_true(gw_modbus_codec_raw(&f, 0, answer.data, &bits) == 1);
	f.addr = 1;
	assert_true(gw_modbus_codec_raw(&f, 0, answer.data, &bits) == 0);
}

static void test_a_tcp_request_is_encoded(void **state)
{
	static const uint8_t want[] = {
		0xab, 0xcd, 0, 0, 0, 6, 0x11, 0x04, 0x07, 0xd0, 0x00, 0x7d};
	struct gw_modbus_request request = {
		GW_MODBUS_TCP, 0xabcd, 0x11, GW_MODBUS_INPUT, 0x07d0, 125};
	uint8_t adu[12];

	(void)state;
	assert_int_equal(gw_modbus_codec_encode(&request, adu), 12);
	assert_memory_equal(adu, want, 12);
	assert_int_equal(gw_modbus_codec_response_size(&request), 9 + 250);
	request.kind = GW_MODBUS_COIL;
	request.count = 2000;
	assert_int_equal(gw_modbus_codec_response_size(&request), 9 + 250);
	request.count = 9;
	assert_int_equal(gw_modbus_codec_response_size(&request), 9 + 2);
}

static const struct gw_modbus_request ask_tcp = {
	GW_MODBUS_TCP, 0x0102, 7, GW_MODBUS_HOLDING, 5, 2};
static const uint8_t good_tcp[] = {1, 2, 0, 0, 0, 7, 7, 3, 4, 0x11, 0x22, 0x33, 0x44};
static const uint8_t refusal_tcp[] = {1, 2, 0, 0, 0, 3, 7, 0x83, 2};

static void test_tcp_answer_is_exact(void **state)
{
	struct gw_modbus_response answer = {0};

	(void)state;
	for (size_t n = 0; n < sizeof(good_tcp); n++)
		assert_int_equal(gw_modbus_codec_check(&ask_tcp, good_tcp, n, &answer),
			GW_MODBUS_INCOMPLETE);
	assert_int_equal(
		gw_modbus_codec_check(&ask_tcp, good_tcp, sizeof(good_tcp), &answer),
		GW_MODBUS_DATA);
	assert_ptr_equal(answer.data, good_tcp + 9);
	for (size_t n = 0; n < sizeof(refusal_tcp); n++)
		assert_int_equal(gw_modbus_codec_check(&ask_tcp, refusal_tcp, n, &answer),
			GW_MODBUS_INCOMPLETE);
	assert_int_equal(
		gw_modbus_codec_check(&ask_tcp, refusal_tcp, sizeof(refusal_tcp), &answer),
		GW_MODBUS_EXCEPTION);
	assert_int_equal(answer.code, 2);
}

/* Every single byte of the header matters, in both answers: any other value is refused, at the
 * first prefix that holds it or when the frame is whole. */
static void test_tcp_every_header_byte_counts(void **state)
{
	(void)state;
	for (size_t at = 0; at < 9; at++) {
		for (unsigned v = 0; v < 256; v++) {
			struct gw_modbus_response answer = {0};
			uint8_t a[sizeof(good_tcp)];
			enum gw_modbus_frame_status got;

			if (v == good_tcp[at])
				continue;
			memcpy(a, good_tcp, sizeof(a));
			a[at] = (uint8_t)v;
			got = gw_modbus_codec_check(&ask_tcp, a, sizeof(a), &answer);
			if (got != GW_MODBUS_BAD)
				fail_msg("byte %zu = %02x passed", at, v);
			assert_non_null(answer.why);
		}
	}
	for (size_t at = 0; at < 8; at++) {
		for (unsigned v = 0; v < 256; v++) {
			struct gw_modbus_response answer = {0};
			uint8_t a[sizeof(refusal_tcp)];

			if (v == refusal_tcp[at])
				continue;
			memcpy(a, refusal_tcp, sizeof(a));
			a[at] = (uint8_t)v;
			/* Length 7 of the good answer is only known to be a lie later. */
			assert_true(gw_modbus_codec_check(&ask_tcp, a, sizeof(a),
					    &answer) == GW_MODBUS_BAD);
		}
	}
}

static void test_more_than_the_answer_is_bad(void **state)
{
	struct gw_modbus_response answer = {0};
	uint8_t a[sizeof(good_tcp) + 1] = {0};

	(void)state;
	memcpy(a, good_tcp, sizeof(good_tcp));
	assert_int_equal(
		gw_modbus_codec_check(&ask_tcp, a, sizeof(a), &answer), GW_MODBUS_BAD);
}

static size_t rtu_answer(uint8_t *a, const uint8_t *pdu, size_t n)
{
	unsigned crc = gw_modbus_codec_crc(pdu, n);

	memcpy(a, pdu, n);
	a[n] = (uint8_t)crc;
	a[n + 1] = (uint8_t)(crc >> 8);
	return n + 2;
}

static void test_rtu_every_byte_counts(void **state)
{
	static const uint8_t pdu[] = {7, 4, 4, 0x11, 0x22, 0x33, 0x44};
	static const uint8_t refusal[] = {7, 0x84, 6};
	struct gw_modbus_request request = {GW_MODBUS_RTU, 0, 7, GW_MODBUS_INPUT, 5, 2};
	struct gw_modbus_response answer = {0};
	uint8_t a[16];
	size_t n = rtu_answer(a, pdu, sizeof(pdu));

	(void)state;
	for (size_t k = 0; k < n; k++)
		assert_int_equal(gw_modbus_codec_check(&request, a, k, &answer),
			GW_MODBUS_INCOMPLETE);
	assert_int_equal(gw_modbus_codec_check(&request, a, n, &answer), GW_MODBUS_DATA);
	for (size_t at = 0; at < n; at++) {
		for (unsigned bit = 0; bit < 8; bit++) {
			a[at] ^= (uint8_t)(1U << bit);
			assert_int_not_equal(gw_modbus_codec_check(&request, a, n, &answer),
				GW_MODBUS_DATA);
			a[at] ^= (uint8_t)(1U << bit);
		}
	}
	/* A frame with a good checksum that answers something else. */
	for (size_t at = 0; at < 3; at++) {
		uint8_t other[sizeof(pdu)];

		memcpy(other, pdu, sizeof(pdu));
		other[at] ^= 1;
		n = rtu_answer(a, other, sizeof(other));
		assert_int_equal(
			gw_modbus_codec_check(&request, a, n, &answer), GW_MODBUS_BAD);
	}
	n = rtu_answer(a, refusal, sizeof(refusal));
	for (size_t k = 0; k < n; k++)
		assert_int_equal(gw_modbus_codec_check(&request, a, k, &answer),
			GW_MODBUS_INCOMPLETE);
	assert_int_equal(
		gw_modbus_codec_check(&request, a, n, &answer), GW_MODBUS_EXCEPTION);
	assert_int_equal(answer.code, 6);
	a[n - 1] ^= 1;
	assert_int_equal(gw_modbus_codec_check(&request, a, n, &answer), GW_MODBUS_BAD);
}

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
	static const uint8_t widths[] = {[GW_TYPE_U32] = 2,
		[GW_TYPE_S32] = 2,
		[GW_TYPE_F32] = 2,
		[GW_TYPE_U64] = 4,
		[GW_TYPE_S64] = 4,
		[GW_TYPE_F64] = 4};

	return (struct gw_modbus_field){.addr = 100,
		.kind = GW_MODBUS_HOLDING,
		.width = widths[type] ? widths[type] : 1,
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
		v = gw_modbus_codec_raw(&f, 98, data, &bits);
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
		v = gw_modbus_codec_raw(&f, 0, word, &bits);
		assert_true(v == (b == 0 || b == 3 || b == 15));
		assert_int_equal(bits, 0x8009); /* all of them, for `invalid` */
		assert_int_equal(gw_modbus_codec_width(&f), 16);
	}
	f.order = GW_MODBUS_BADC;
	f.bit = 8;
	v = gw_modbus_codec_raw(&f, 0, word, &bits);
	assert_true(v == 1);
	f = field(GW_TYPE_BOOL, GW_MODBUS_ABCD);
	f.kind = GW_MODBUS_COIL;
	for (unsigned a = 0; a < 24; a++) {
		f.addr = (uint16_t)(200 + a);
		v = gw_modbus_codec_raw(&f, 200, coils, &bits);
		assert_int_equal(gw_modbus_codec_width(&f), 1);
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
	assert_true(!isfinite(gw_modbus_codec_raw(&f, 0, nan32, &bits)));
	assert_int_equal(bits, 0x7fc00000);
	assert_int_equal(gw_modbus_codec_width(&f), 32);
	assert_true(!isfinite(gw_modbus_codec_raw(&f, 0, inf32, &bits)));
	f = field(GW_TYPE_F64, GW_MODBUS_ABCD);
	f.addr = 0;
	assert_true(!isfinite(gw_modbus_codec_raw(&f, 0, nan64, &bits)));
	assert_true(bits == UINT64_C(0x7ff8000000000000));
	assert_int_equal(gw_modbus_codec_width(&f), 64);

	f = field(GW_TYPE_S16, GW_MODBUS_ABCD);
	f.addr = 0;
	for (int raw = -32768; raw < 32768; raw++) {
		uint8_t data[2] = {(uint8_t)((unsigned)raw >> 8), (uint8_t)raw};

		assert_true(gw_modbus_codec_raw(&f, 0, data, &bits) == raw);
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
		assert_true(gw_modbus_codec_raw(&f, 0, data, &raw) == i / 1000.0);
		assert_int_equal(raw, bits);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors_of_real_devices),
		cmocka_unit_test(test_a_tcp_request_is_encoded),
		cmocka_unit_test(test_tcp_answer_is_exact),
		cmocka_unit_test(test_tcp_every_header_byte_counts),
		cmocka_unit_test(test_more_than_the_answer_is_bad),
		cmocka_unit_test(test_rtu_every_byte_counts),
		cmocka_unit_test(test_each_type_and_order_is_decoded),
		cmocka_unit_test(test_bits_are_read_from_words_and_coils),
		cmocka_unit_test(test_not_a_number_and_its_bits),
		cmocka_unit_test(test_a_float_means_its_shortest_decimal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
