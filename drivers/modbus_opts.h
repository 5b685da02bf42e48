/* SPDX-License-Identifier: Apache-2.0 */
/*
 * modbus_opts.h: what the configuration says about a Modbus source, device and point.
 *
 * Owner: the configuration. Thread: any; pure. Addresses are protocol addresses from 0 (Modbus
 * Application Protocol V1.1b3, 4.4).
 */
#ifndef GW_DRIVERS_MODBUS_OPTS_H
#define GW_DRIVERS_MODBUS_OPTS_H

#include "base/setting.h"

#include <stdbool.h>
#include <stdint.h>

/* The value is the function code that reads it. */
enum gw_modbus_kind {
	GW_MODBUS_COIL = 1,
	GW_MODBUS_DISCRETE = 2,
	GW_MODBUS_HOLDING = 3,
	GW_MODBUS_INPUT = 4,
};

/* The order of the bytes of a value on the wire, A the most significant: three bits, any sum of
 * them. Of 16-bit values only the order within the word counts. */
enum gw_modbus_order {
	GW_MODBUS_ABCD = 0,
	GW_MODBUS_CDAB = 1, /* the last word first: of 64 bits GHEFCDAB */
	GW_MODBUS_BADC = 2, /* bytes of each word swapped */
	GW_MODBUS_DCBA = 3,
	GW_MODBUS_EFGHABCD = 4, /* the two halves of 64 bits swapped, after the above */
};

struct gw_modbus_register {
	uint16_t addr;
	uint16_t kind; /* enum gw_modbus_kind */
};

struct gw_modbus_point_opts {
	struct gw_modbus_register reg;
	struct gw_modbus_register scale_register; /* kind 0: none */
	int order;   /* index into the choices; its low three bits: enum gw_modbus_order */
	int byte;    /* for types u8 and s8: 1 is the high one */
	int64_t bit; /* for type bit: 0 is the least significant */
};

struct gw_modbus_device_opts {
	int64_t unit;
	int64_t bridge; /* unmapped registers (or bits) a request may read across */
	int registers;  /* 1: they have 32 bits, as Enron's and Daniel's */
};

struct gw_modbus_rtu_opts {
	const char *device;
	int baud;   /* index into the choices 1200 ..., see gw_modbus_opts_baud */
	int format; /* index into the choices 8N1 ... */
	int rs485;  /* enum gw_modbus_rs485 */
	int64_t timeout_ns, turnaround_ns;
};

enum gw_modbus_rs485 {
	GW_MODBUS_RS485_NONE = 0, /* the adapter turns the line by itself */
	GW_MODBUS_RS485_KERNEL,
	GW_MODBUS_RS485_RTS_HIGH,
	GW_MODBUS_RS485_RTS_LOW,
};

struct gw_modbus_tcp_opts {
	const char *host;
	int64_t port;
	int64_t timeout_ns, connect_timeout_ns;
	int64_t connect_delay_ns, turnaround_ns;
	int framing; /* 1: RTU frames with their CRC over the connection */
	struct gw_strings lenient;
};

extern const struct gw_setting gw_modbus_opts_rtu_settings[];
extern const struct gw_setting gw_modbus_opts_tcp_settings[];
extern const struct gw_setting gw_modbus_opts_rtu_device_settings[];
extern const struct gw_setting gw_modbus_opts_tcp_device_settings[];
extern const struct gw_setting gw_modbus_opts_point_settings[];

/* What the indexes of the choices mean. */
int gw_modbus_opts_baud(const struct gw_modbus_rtu_opts *opts);
void gw_modbus_opts_format(
	const struct gw_modbus_rtu_opts *opts, char *ret_parity, int *ret_stop_bits);

/* Whether `lenient` of a TCP source has this word: "unit" or "transaction". */
bool gw_modbus_opts_is_lenient(const struct gw_modbus_tcp_opts *opts, const char *word);

/* KIND:ADDRESS, such as holding:0x07D0, into a struct gw_modbus_register. */
enum gw_err gw_modbus_opts_parse(const char *text, void *field, struct gw_error *err);

/* "holding" ... of an enum gw_modbus_kind; "CDAB" ... of the index that point options hold. */
const char *gw_modbus_opts_kind_name(unsigned kind);
const char *gw_modbus_opts_order_name(int order);

#endif
