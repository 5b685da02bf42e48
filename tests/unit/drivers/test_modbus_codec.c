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
	struct gw_modbus_request request = {.wire = GW_MODBUS_RTU,
		.unit = 1,
		.kind = GW_MODBUS_HOLDING,
		.addr = 8,
		.count = 2};
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

	request = (struct gw_modbus_request){.wire = GW_MODBUS_RTU,
		.unit = 255,
		.kind = GW_MODBUS_DISCRETE,
		.addr = 0,
		.count = 8};
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
	struct gw_modbus_request request = {.wire = GW_MODBUS_TCP,
		.transaction = 0xabcd,
		.unit = 0x11,
		.kind = GW_MODBUS_INPUT,
		.addr = 0x07d0,
		.count = 125};
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

static const struct gw_modbus_request ask_tcp = {.wire = GW_MODBUS_TCP,
	.transaction = 0x0102,
	.unit = 7,
	.kind = GW_MODBUS_HOLDING,
	.addr = 5,
	.count = 2};
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
	struct gw_modbus_request request = {.wire = GW_MODBUS_RTU,
		.unit = 7,
		.kind = GW_MODBUS_INPUT,
		.addr = 5,
		.count = 2};
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

static uint32_t random_state = 1;

static unsigned random_below(unsigned n)
{
	random_state = random_state * 1664525 + 1013904223;
	return (random_state >> 8) % n;
}

/* An answer of unit 7 with n registers, which hold 0xa0a0 and up. */
static size_t good_answer(const struct gw_modbus_request *request, uint8_t *a)
{
	size_t at = 0;

	if (request->wire == GW_MODBUS_TCP) {
		memcpy(a,
			(const uint8_t[]){1, 2, 0, 0, 0, (uint8_t)(3 + 2 * request->count)},
			6);
		at = 6;
	}
	a[at++] = request->unit;
	a[at++] = request->kind;
	a[at++] = (uint8_t)(2 * request->count);
	for (unsigned i = 0; i < request->count; i++) {
		a[at++] = 0xa0;
		a[at++] = (uint8_t)(0xa0 + i);
	}
	return request->wire == GW_MODBUS_TCP ? at : gw_modbus_codec_add_crc(a, at);
}

/* Whatever stands around it, 10,000 times. */
static void test_an_answer_is_found_in_noise(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 10000; i++) {
		struct gw_modbus_request request = {
			.wire = i & 1 ? GW_MODBUS_TCP : GW_MODBUS_RTU,
			.transaction = 0x0102,
			.unit = 7,
			.kind = GW_MODBUS_HOLDING,
			.addr = (uint16_t)random_below(65536),
			.count = (uint16_t)(1 + random_below(8))};
		size_t before = random_below(30), after = random_below(10), n;
		struct gw_modbus_response answer = {0};
		uint8_t bytes[100];

		for (size_t k = 0; k < sizeof(bytes); k++)
			bytes[k] = (uint8_t)random_below(4) * 0x55;
		if (random_below(4) == 0) { /* an echo before it */
			uint8_t echo[14];

			n = gw_modbus_codec_encode(&request, echo);
			before = gw_modbus_codec_add_crc(echo, n);
			memcpy(bytes, echo, before);
		}
		n = good_answer(&request, bytes + before);
		for (size_t k = 0; k < before + n; k++)
			if (gw_modbus_codec_find(&request, bytes, k, &answer) !=
				GW_MODBUS_INCOMPLETE)
				fail_msg("trial %u: found in %zu bytes", i, k);
		if (gw_modbus_codec_find(&request, bytes, before + n + after, &answer) !=
			GW_MODBUS_DATA)
			fail_msg("trial %u: not found", i);
		assert_ptr_equal(answer.data,
			bytes + before + (request.wire == GW_MODBUS_TCP ? 9 : 3));
	}
}

/* A frame of RTU that lost, got or changed bytes is no answer, in 10,000 ways. */
static void test_a_damaged_answer_is_not_found(void **state)
{
	struct gw_modbus_request request = {.wire = GW_MODBUS_RTU,
		.unit = 7,
		.kind = GW_MODBUS_HOLDING,
		.addr = 5,
		.count = 4};

	(void)state;
	for (unsigned i = 0; i < 10000; i++) {
		struct gw_modbus_response answer = {0};
		uint8_t a[40], good[40];
		size_t n = good_answer(&request, a), at = random_below((unsigned)n);

		memcpy(good, a, n);
		switch (random_below(3)) {
		case 0: /* one burst of at most 16 bits */
			a[at] ^= (uint8_t)(1 + random_below(255));
			break;
		case 1: /* a byte is lost */
			memmove(a + at, a + at + 1, n - at - 1);
			n--;
			break;
		default: /* a byte too many */
			memmove(a + at + 1, a + at, n - at);
			a[at] = (uint8_t)random_below(256);
			n++;
			break;
		}
		if (gw_modbus_codec_find(&request, a, n, &answer) == GW_MODBUS_DATA &&
			memcmp(answer.data, good + 3, 8) != 0)
			fail_msg("trial %u: a value that was not there", i);
	}
}

static void test_two_answers_that_differ_are_none(void **state)
{
	struct gw_modbus_request request = {
		.wire = GW_MODBUS_RTU, .unit = 7, .kind = GW_MODBUS_HOLDING, .count = 2};
	struct gw_modbus_response answer = {0};
	uint8_t a[40];
	size_t n = good_answer(&request, a);

	(void)state;
	memcpy(a + n, a, n);
	assert_int_equal(gw_modbus_codec_find(&request, a, 2 * n, &answer), GW_MODBUS_DATA);
	a[n + 4] ^= 1;
	gw_modbus_codec_add_crc(a + n, n - 2);
	assert_int_equal(gw_modbus_codec_find(&request, a, 2 * n, &answer), GW_MODBUS_BAD);
	assert_string_equal(answer.why, "two answers that differ");
	/* A refusal and a value, too. */
	a[n + 1] |= 0x80;
	a[n + 2] = 2;
	gw_modbus_codec_add_crc(a + n, 3);
	assert_int_equal(gw_modbus_codec_find(&request, a, n + 5, &answer), GW_MODBUS_BAD);
}

/* The echoes of some requests are, with the byte after them, whole answers with a good checksum. */
static void test_an_echo_is_no_answer(void **state)
{
	struct gw_modbus_request request = {
		.wire = GW_MODBUS_RTU, .kind = GW_MODBUS_HOLDING, .count = 2};
	struct gw_modbus_response answer = {0};
	unsigned seen = 0;

	(void)state;
	for (unsigned i = 0; i < 247 * 256; i++) {
		uint8_t a[14];
		unsigned crc;
		size_t n;

		request.unit = (uint8_t)(1 + i / 256);
		request.addr = (uint16_t)(0x0400 + i % 256); /* 4 is the byte count */
		n = gw_modbus_codec_add_crc(a, gw_modbus_codec_encode(&request, a));
		crc = gw_modbus_codec_crc(a, 7);
		if ((crc & 0xff) != a[7])
			continue;
		a[n] = (uint8_t)(crc >> 8);
		seen++;
		assert_int_equal(
			gw_modbus_codec_check(&request, a, n + 1, &answer), GW_MODBUS_DATA);
		assert_int_equal(gw_modbus_codec_find(&request, a, n + 1, &answer),
			GW_MODBUS_INCOMPLETE);
		assert_non_null(strstr(answer.why, "echo"));
	}
	assert_true(seen > 50);
}

static void test_late_answers_are_passed_over(void **state)
{
	static const uint8_t late[] = {1, 1, 0, 0, 0, 7, 9, 4, 4, 1, 2, 3, 4};
	struct gw_modbus_request request = {.wire = GW_MODBUS_TCP,
		.transaction = 0x0102,
		.unit = 7,
		.kind = GW_MODBUS_HOLDING,
		.addr = 5,
		.count = 2,
		.unanswered = {0x0100, 0x0101}};
	struct gw_modbus_response answer = {0};
	uint8_t a[40];
	size_t n;

	(void)state;
	memcpy(a, late, sizeof(late));
	n = sizeof(late) + good_answer(&request, a + sizeof(late));
	assert_int_equal(gw_modbus_codec_find(&request, a, sizeof(late), &answer),
		GW_MODBUS_INCOMPLETE);
	assert_int_equal(answer.late, sizeof(late));
	assert_null(answer.why);
	assert_int_equal(gw_modbus_codec_find(&request, a, n, &answer), GW_MODBUS_DATA);
	/* The ids come round again: what answers this request is not late. */
	request.unanswered[2] = request.transaction;
	assert_int_equal(gw_modbus_codec_find(&request, a, n, &answer), GW_MODBUS_DATA);
	request.unanswered[1] = 0; /* it was answered: whose is this? */
	assert_int_equal(gw_modbus_codec_find(&request, a, sizeof(late), &answer),
		GW_MODBUS_INCOMPLETE);
	assert_int_equal(answer.late, 0);
	assert_non_null(strstr(answer.why, "another request"));
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
		cmocka_unit_test(test_an_answer_is_found_in_noise),
		cmocka_unit_test(test_a_damaged_answer_is_not_found),
		cmocka_unit_test(test_two_answers_that_differ_are_none),
		cmocka_unit_test(test_an_echo_is_no_answer),
		cmocka_unit_test(test_late_answers_are_passed_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
