/* SPDX-License-Identifier: Apache-2.0 */
/*
 * modbus_codec.h: bytes of requests and responses. A response is taken only if it is exactly
 * the one to the request: libmodbus 3.1.6 accepts wrong unit ids, wrong lengths and other
 * protocols.
 *
 * Thread: any; pure. Frames: Modbus Messaging on TCP/IP V1.0b 3.1; Modbus over Serial Line V1.02.
 */
#ifndef GW_DRIVERS_MODBUS_CODEC_H
#define GW_DRIVERS_MODBUS_CODEC_H

#include "drivers/modbus_map.h"
#include <stddef.h>
#include <stdint.h>

#define GW_MODBUS_ADU_MAX 260

enum gw_modbus_wire { GW_MODBUS_RTU, GW_MODBUS_TCP };

struct gw_modbus_request {
	enum gw_modbus_wire wire;
	uint16_t transaction; /* TCP only */
	uint8_t unit;
	uint8_t kind;         /* enum gw_modbus_kind: the function code */
	uint16_t addr, count; /* count 1 .. 125 registers (62 wide ones) or 2000 bits */
	bool wide;            /* registers have 32 bits */
};

/* The request as it goes out; for RTU without its CRC, which libmodbus appends. Returns its
 * length: 12 or 6. */
size_t gw_modbus_codec_encode(const struct gw_modbus_request *request, uint8_t ret_adu[12]);

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
		*data;   /* registers, most significant byte first, or bits from bit 0 */
	uint8_t code;    /* exception code */
	const char *why; /* static text */
};

/* What the n bytes received so far are. BAD is returned at the first byte that cannot be right. */
enum gw_modbus_frame_status gw_modbus_codec_check(const struct gw_modbus_request *request,
	const uint8_t *adu, size_t n, struct gw_modbus_response *ret_response);

/* CRC-16/MODBUS; goes out low byte first. */
uint16_t gw_modbus_codec_crc(const uint8_t *bytes, size_t n);

/* "illegal data address" ...; static text. */
const char *gw_modbus_codec_exception(unsigned code);

#endif
