/* SPDX-License-Identifier: Apache-2.0 */
/*
 * modbus_codec.h: bytes of requests and responses. A response is taken only if it is exactly
 * the one to the request: libmodbus 3.1.6 accepts wrong unit ids, wrong lengths and other
 * protocols. What stands around it is passed over: gw_modbus_codec_find.
 *
 * Thread: any; pure. Frames: Modbus Messaging on TCP/IP V1.0b 3.1; Modbus over Serial Line V1.02.
 */
#ifndef GW_DRIVERS_MODBUS_CODEC_H
#define GW_DRIVERS_MODBUS_CODEC_H

#include "drivers/modbus_map.h"
#include <stddef.h>
#include <stdint.h>

#define GW_MODBUS_ADU_MAX    260
#define GW_MODBUS_UNANSWERED 8

enum gw_modbus_wire { GW_MODBUS_RTU, GW_MODBUS_TCP };

struct gw_modbus_request {
	enum gw_modbus_wire wire;
	uint16_t transaction; /* TCP only; not 0 */
	uint8_t unit;
	uint8_t kind;         /* enum gw_modbus_kind: the function code */
	uint16_t addr, count; /* count 1 .. 125 registers (62 wide ones) or 2000 bits */
	bool wide;            /* registers have 32 bits */
	/* TCP: the answers of this device may say 0 instead */
	bool lenient_unit, lenient_transaction;
	/* TCP: transactions of this connection that were not answered in time, 0: none */
	uint16_t unanswered[GW_MODBUS_UNANSWERED];
};

/* The request as it goes out; for RTU without its CRC. Returns its length: 12 or 6. */
size_t gw_modbus_codec_encode(const struct gw_modbus_request *request, uint8_t ret_adu[12]);
/* Writes the CRC of the n bytes behind them, low byte first. Returns n + 2. */
size_t gw_modbus_codec_add_crc(uint8_t *adu, size_t n);

/* Length of the whole response, if it is no exception. */
size_t gw_modbus_codec_response_size(const struct gw_modbus_request *request);

enum gw_modbus_frame_status {
	GW_MODBUS_INCOMPLETE, /* good so far, more bytes must come */
	GW_MODBUS_DATA,       /* exactly the response: data points into adu */
	GW_MODBUS_EXCEPTION,  /* exactly an exception response: see code */
	GW_MODBUS_BAD,        /* not the response to this request: see why */
};

struct gw_modbus_response {
	const uint8_t
		*data; /* registers, most significant byte first, or bits from bit 0 */
	uint8_t code;  /* exception code */
	size_t late;   /* TCP: the first bytes that are whole answers to unanswered ones */
	const char *why; /* static text; NULL: nothing is wrong */
};

/* What the n bytes received so far are. BAD is returned at the first byte that cannot be right. */
enum gw_modbus_frame_status gw_modbus_codec_check(const struct gw_modbus_request *request,
	const uint8_t *adu, size_t n, struct gw_modbus_response *ret_response);

/* The response among the n bytes received so far, whatever stands before or after it: the edge of
 * an RS-485 driver, an echo of the request, frames of others, answers to earlier requests. A frame
 * of RTU must have our unit, function, byte count and CRC: 40 bits, one of TCP our transaction id
 * and the rest of its header: 64 bits. Two answers that differ are BAD, and so is one with our
 * transaction id that is not as asked for. INCOMPLETE: it may still come; why then says what is
 * wrong with what came, NULL if it may be the beginning of the answer. */
enum gw_modbus_frame_status gw_modbus_codec_find(const struct gw_modbus_request *request,
	const uint8_t *bytes, size_t n, struct gw_modbus_response *ret_response);

/* CRC-16/MODBUS; goes out low byte first. */
uint16_t gw_modbus_codec_crc(const uint8_t *bytes, size_t n);

/* "illegal data address" ...; static text. */
const char *gw_modbus_codec_exception(unsigned code);

#endif
