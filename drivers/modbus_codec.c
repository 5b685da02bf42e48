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

size_t gw_modbus_codec_response_size(const struct gw_modbus_request *request)
{
	return data_bytes(request) + (request->wire == GW_MODBUS_TCP ? MBAP + 3 : 3 + 2);
}

static enum gw_modbus_frame_status reject(struct gw_modbus_response *ret, const char *why)
{
	ret->why = why;
	return GW_MODBUS_BAD;
}

static enum gw_modbus_frame_status check_mbap(const struct gw_modbus_request *request,
	const uint8_t *adu, size_t n, struct gw_modbus_response *ret)
{
	size_t good = data_bytes(request) + 3;

	if (n >= 2 && get16(adu) != request->transaction)
		return reject(ret, "answer to another request (transaction id)");
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
	if (n >= head + 1 && pdu[0] != request->unit)
		return reject(ret_response, "answer of another unit");
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
