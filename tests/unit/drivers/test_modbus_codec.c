/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/modbus_codec.h"
#include "drivers/modbus_value.h"

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
	struct gw_modbus_request request = {
		GW_MODBUS_RTU, 0, 1, GW_MODBUS_HOLDING, 8, 2, false};
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
	assert_true(gw_modbus_value_decode(&f, 8, answer.data, &bits) == 209);

	request = (struct gw_modbus_request){
		GW_MODBUS_RTU, 0, 255, GW_MODBUS_DISCRETE, 0, 8, false};
	assert_int_equal(
		gw_modbus_codec_check(&request, separator, sizeof(separator), &answer),
		GW_MODBUS_DATA);
	f.kind = GW_MODBUS_DISCRETE;
	f.addr = 0;
	assert_true(gw_modbus_value_decode(&f, 0, answer.data, &bits) == 1);
	f.addr = 1;
	assert_true(gw_modbus_value_decode(&f, 0, answer.data, &bits) == 0);
}

static void test_a_tcp_request_is_encoded(void **state)
{
	static const uint8_t want[] = {
		0xab, 0xcd, 0, 0, 0, 6, 0x11, 0x04, 0x07, 0xd0, 0x00, 0x7d};
	struct gw_modbus_request request = {
		GW_MODBUS_TCP, 0xabcd, 0x11, GW_MODBUS_INPUT, 0x07d0, 125, false};
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
	GW_MODBUS_TCP, 0x0102, 7, GW_MODBUS_HOLDING, 5, 2, false};
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
	struct gw_modbus_request request = {
		GW_MODBUS_RTU, 0, 7, GW_MODBUS_INPUT, 5, 2, false};
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors_of_real_devices),
		cmocka_unit_test(test_a_tcp_request_is_encoded),
		cmocka_unit_test(test_tcp_answer_is_exact),
		cmocka_unit_test(test_tcp_every_header_byte_counts),
		cmocka_unit_test(test_more_than_the_answer_is_bad),
		cmocka_unit_test(test_rtu_every_byte_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
