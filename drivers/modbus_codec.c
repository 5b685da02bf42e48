/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/modbus_codec.h"

#include <string.h>

#define MBAP 6 /* transaction, protocol and length; the unit id is counted in the length */

static unsigned get16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

static void put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static size_t data_bytes(const struct gw_modbus_request *request)
{
	if (request->kind <= GW_MODBUS_DISCRETE)
		return (request->count + 7U) / 8;
	return request->count * (size_t)(request->wide ? 4 : 2);
}

static const uint16_t crc_nibbles[16] = {0x0000, 0xcc01, 0xd801, 0x1400, 0xf001, 0x3c00,
	0x2800, 0xe401, 0xa001, 0x6c00, 0x7800, 0xb401, 0x5000, 0x9c01, 0x8801, 0x4400};

uint16_t gw_modbus_codec_crc(const uint8_t *bytes, size_t n)
{
	unsigned crc = 0xffff;

	for (size_t i = 0; i < n; i++) {
		crc ^= bytes[i];
		crc = crc >> 4 ^ crc_nibbles[crc & 15];
		crc = crc >> 4 ^ crc_nibbles[crc & 15];
	}
	return (uint16_t)crc;
}

size_t gw_modbus_codec_encode(const struct gw_modbus_request *request, uint8_t ret_adu[12])
{
	size_t at = 0;

	if (request->wire == GW_MODBUS_TCP) {
		put16(ret_adu, request->transaction);
		put16(ret_adu + 2, 0);
		put16(ret_adu + 4, 6);
		at = MBAP;
	}
	ret_adu[at++] = request->unit;
	ret_adu[at++] = request->kind;
	put16(ret_adu + at, request->addr);
	put16(ret_adu + at + 2, request->count);
	return at + 4;
}

size_t gw_modbus_codec_add_crc(uint8_t *adu, size_t n)
{
	unsigned crc = gw_modbus_codec_crc(adu, n);

	adu[n] = (uint8_t)crc;
	adu[n + 1] = (uint8_t)(crc >> 8);
	return n + 2;
}

size_t gw_modbus_codec_response_size(const struct gw_modbus_request *request)
{
	return data_bytes(request) + (request->wire == GW_MODBUS_TCP ? MBAP + 3 : 3 + 2);
}

static enum gw_modbus_frame_status reject(struct gw_modbus_response *ret, const char *why)
{
	ret->why = why;
	return GW_MODBUS_BAD;
}

static bool own_transaction(const struct gw_modbus_request *request, const uint8_t *adu)
{
	return get16(adu) == request->transaction ||
		(request->lenient_transaction && get16(adu) == 0);
}

static bool own_unit(const struct gw_modbus_request *request, uint8_t unit)
{
	return unit == request->unit || (request->lenient_unit && unit == 0);
}

static enum gw_modbus_frame_status check_mbap(const struct gw_modbus_request *request,
	const uint8_t *adu, size_t n, struct gw_modbus_response *ret)
{
	size_t good = data_bytes(request) + 3;

	if (n >= 2 && !own_transaction(request, adu))
		return reject(ret,
			get16(adu) == 0
				? "the answer has transaction id 0 (lenient: [transaction] takes it)"
				: "answer to another request (transaction id)");
	if (n >= 4 && get16(adu + 2) != 0)
		return reject(ret, "not Modbus (protocol id is not 0)");
	if (n >= MBAP && get16(adu + 4) != good && get16(adu + 4) != 3)
		return reject(ret, "wrong length in the header");
	return GW_MODBUS_INCOMPLETE;
}

enum gw_modbus_frame_status gw_modbus_codec_check(const struct gw_modbus_request *request,
	const uint8_t *adu, size_t n, struct gw_modbus_response *ret_response)
{
	bool tcp = request->wire == GW_MODBUS_TCP, exception;
	size_t head = tcp ? MBAP : 0, tail = tcp ? 0 : 2, length;
	const uint8_t *pdu = adu + head;

	if (tcp && check_mbap(request, adu, n, ret_response) == GW_MODBUS_BAD)
		return GW_MODBUS_BAD;
	if (n >= head + 1 && !own_unit(request, pdu[0]))
		return reject(ret_response,
			tcp && pdu[0] == 0
				? "the answer has unit id 0 (lenient: [unit] takes it)"
				: "answer of another unit");
	if (n < head + 2)
		return GW_MODBUS_INCOMPLETE;
	exception = pdu[1] == (request->kind | 0x80);
	if (!exception && pdu[1] != request->kind)
		return reject(ret_response, "answer to another function");
	length = exception ? 3 : 3 + data_bytes(request);
	if (tcp && get16(adu + 4) != length)
		return reject(ret_response, "wrong length in the header");
	if (n < head + 3)
		return GW_MODBUS_INCOMPLETE;
	if (!exception && pdu[2] != data_bytes(request))
		return reject(ret_response, "wrong byte count");
	if (n < head + length + tail)
		return GW_MODBUS_INCOMPLETE;
	if (n > head + length + tail)
		return reject(ret_response, "more bytes than the answer has");
	if (!tcp &&
		gw_modbus_codec_crc(pdu, length) != (pdu[length] | pdu[length + 1] << 8))
		return reject(ret_response, "checksum error");
	if (exception) {
		ret_response->code = pdu[2];
		return GW_MODBUS_EXCEPTION;
	}
	ret_response->data = pdu + 3;
	return GW_MODBUS_DATA;
}

/* A whole frame at `at`; extra bytes after it are none of it. */
static enum gw_modbus_frame_status check_at(const struct gw_modbus_request *request,
	const uint8_t *bytes, size_t n, size_t at, struct gw_modbus_response *ret)
{
	size_t head = request->wire == GW_MODBUS_TCP ? MBAP : 0, size = n - at;
	size_t tail = request->wire == GW_MODBUS_TCP ? 0 : 2, length;

	if (size >= head + 2) {
		length = bytes[at + head + 1] & 0x80
			? head + 3 + tail
			: gw_modbus_codec_response_size(request);
		size = size < length ? size : length;
	}
	ret->why = NULL;
	return gw_modbus_codec_check(request, bytes + at, size, ret);
}

static size_t frame_size(
	const struct gw_modbus_request *request, enum gw_modbus_frame_status status)
{
	if (status == GW_MODBUS_DATA)
		return gw_modbus_codec_response_size(request);
	return request->wire == GW_MODBUS_TCP ? MBAP + 3 : 3 + 2;
}

static bool is_echo(const struct gw_modbus_request *request, const uint8_t *at, size_t n)
{
	uint8_t sent[14];
	size_t length;

	if (n < 8 || at[0] != request->unit || at[1] != request->kind)
		return false; /* at nearly every place */
	length = gw_modbus_codec_add_crc(sent, gw_modbus_codec_encode(request, sent));
	return memcmp(at, sent, length) == 0;
}

/* The first frame at or after `at` that is an answer to the request; n: there is none. */
static size_t find_rtu(const struct gw_modbus_request *request, const uint8_t *bytes,
	size_t n, size_t at, enum gw_modbus_frame_status *ret_status,
	struct gw_modbus_response *ret)
{
	for (; at < n; at++) {
		/* Its beginning can look like one of an answer. */
		if (is_echo(request, bytes + at, n - at)) {
			at += 7;
			continue;
		}
		*ret_status = check_at(request, bytes, n, at, ret);
		if (*ret_status == GW_MODBUS_DATA || *ret_status == GW_MODBUS_EXCEPTION)
			return at;
	}
	return n;
}

static enum gw_modbus_frame_status search_rtu(const struct gw_modbus_request *request,
	const uint8_t *bytes, size_t n, struct gw_modbus_response *ret)
{
	enum gw_modbus_frame_status status = GW_MODBUS_INCOMPLETE, other;
	struct gw_modbus_response second;
	size_t at = find_rtu(request, bytes, n, 0, &status, ret), size, next;

	if (at == n) {
		if (is_echo(request, bytes, n))
			ret->why =
				"only an echo of the request came: the adapter repeats what it sends";
		else if (check_at(request, bytes, n, 0, ret) != GW_MODBUS_BAD)
			ret->why = NULL;
		return GW_MODBUS_INCOMPLETE;
	}
	size = frame_size(request, status);
	next = find_rtu(request, bytes, n, at + size, &other, &second);
	if (next < n && (other != status || memcmp(bytes + at, bytes + next, size) != 0))
		return reject(ret, "two answers that differ");
	return status;
}

/* Size of the frame that n bytes begin with, if it is the whole answer to a request that was not
 * answered in time; else 0. Ids come round again: one of this request is no late one. */
static size_t late_answer(
	const struct gw_modbus_request *request, const uint8_t *adu, size_t n)
{
	size_t length;

	if (n < MBAP || get16(adu) == 0 || get16(adu) == request->transaction ||
		get16(adu + 2) != 0)
		return 0;
	length = get16(adu + 4);
	if (length < 3 || length > GW_MODBUS_ADU_MAX - MBAP || n < MBAP + length)
		return 0;
	for (unsigned i = 0; i < GW_MODBUS_UNANSWERED; i++)
		if (request->unanswered[i] == get16(adu))
			return MBAP + length;
	return 0;
}

static enum gw_modbus_frame_status search_tcp(const struct gw_modbus_request *request,
	const uint8_t *bytes, size_t n, struct gw_modbus_response *ret)
{
	struct gw_modbus_response header;
	const char *why = NULL;
	size_t late;

	ret->late = 0;
	while ((late = late_answer(request, bytes + ret->late, n - ret->late)) > 0)
		ret->late += late;
	for (size_t at = ret->late; at < n; at++) {
		enum gw_modbus_frame_status status = check_at(request, bytes, n, at, ret);

		if (status == GW_MODBUS_INCOMPLETE)
			ret->why = why;
		if (status != GW_MODBUS_BAD)
			return status;
		/* Ours by its header, and still not what was asked for. */
		if (n - at >= MBAP + 2 &&
			check_mbap(request, bytes + at, MBAP, &header) != GW_MODBUS_BAD)
			return GW_MODBUS_BAD;
		if (!why)
			why = ret->why;
	}
	ret->why = why;
	return GW_MODBUS_INCOMPLETE;
}

enum gw_modbus_frame_status gw_modbus_codec_find(const struct gw_modbus_request *request,
	const uint8_t *bytes, size_t n, struct gw_modbus_response *ret_response)
{
	return request->wire == GW_MODBUS_TCP ? search_tcp(request, bytes, n, ret_response)
					      : search_rtu(request, bytes, n, ret_response);
}

const char *gw_modbus_codec_exception(unsigned code)
{
	static const char *const names[] = {
		[0x01] = "illegal function",
		[0x02] = "illegal data address",
		[0x03] = "illegal data value",
		[0x04] = "device failure",
		[0x05] = "acknowledge, busy with a long command",
		[0x06] = "device busy",
		[0x08] = "memory parity error",
		[0x0a] = "gateway path unavailable",
		[0x0b] = "no answer behind the gateway",
	};

	if (code < sizeof(names) / sizeof(names[0]) && names[code])
		return names[code];
	return "unknown exception";
}
