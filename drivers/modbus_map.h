/* SPDX-License-Identifier: Apache-2.0 */
/*
 * modbus_map.h: what the configuration says about a Modbus source, device and point, and the
 * field a point becomes: where its bits lie in the device and how they turn into a value.
 *
 * Owner: options belong to the configuration; fields to the driver. Thread: any; pure.
 * Addresses are protocol addresses from 0 (Modbus Application Protocol V1.1b3, 4.4).
 */
#ifndef GW_DRIVERS_MODBUS_MAP_H
#define GW_DRIVERS_MODBUS_MAP_H

#include "base/setting.h"
#include "source/driver.h"

#include <stdbool.h>
#include <stdint.h>

/* Modbus Application Protocol V1.1b3, 6.1 and 6.3. */
#define GW_MODBUS_MAX_BITS      2000
#define GW_MODBUS_MAX_REGISTERS 125
/* Of 32 bits: as many as fit into the 250 bytes. */
#define GW_MODBUS_MAX_WIDE_REGISTERS 62

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
	int baud;   /* index into the choices 1200 ..., see gw_modbus_map_baud */
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

extern const struct gw_setting gw_modbus_map_rtu_settings[];
extern const struct gw_setting gw_modbus_map_tcp_settings[];
extern const struct gw_setting gw_modbus_map_rtu_device_settings[];
extern const struct gw_setting gw_modbus_map_tcp_device_settings[];
extern const struct gw_setting gw_modbus_map_point_settings[];

/* What the indexes of the choices mean. */
int gw_modbus_map_baud(const struct gw_modbus_rtu_opts *opts);
void gw_modbus_map_format(
	const struct gw_modbus_rtu_opts *opts, char *ret_parity, int *ret_stop_bits);

/* Whether `lenient` of a TCP source has this word: "unit" or "transaction". */
bool gw_modbus_map_is_lenient(const struct gw_modbus_tcp_opts *opts, const char *word);

/* KIND:ADDRESS, such as holding:0x07D0, into a struct gw_modbus_register. */
enum gw_err gw_modbus_map_parse(const char *text, void *field, struct gw_error *err);

/* Everything that is wrong with the points of the source, each at its place. */
void gw_modbus_map_check(const struct gw_source_opts *opts, struct gw_report *report);
/* The same of a TCP source, with its own settings. */
void gw_modbus_map_check_tcp(const struct gw_source_opts *opts, struct gw_report *report);

/* Bits of a value of this type in registers: 8 to 64. GW_TYPE_NUMBER counts as u16. */
unsigned gw_modbus_map_type_bits(unsigned type);
/* How many registers it takes: 1 to 4. wide: registers have 32 bits. */
unsigned gw_modbus_map_registers(unsigned type, bool wide);

/* One point as the driver sees it. */
struct gw_modbus_field {
	const struct gw_point_opts *opts;
	int64_t period_ns;
	uint32_t point;
	uint16_t addr;
	uint8_t kind;  /* enum gw_modbus_kind */
	uint8_t width; /* registers, or 1 bit: all that one request must read for it */
	uint8_t type;  /* enum gw_point_type, never GW_TYPE_NUMBER */
	uint8_t order; /* enum gw_modbus_order */
	uint8_t bit;
	uint8_t value_at,
		exponent_at; /* registers from addr to the value, to its exponent */
	bool has_exponent;
	bool high_byte;
	bool wide;   /* registers have 32 bits */
	bool absent; /* learned: the device refuses it */
	bool known;  /* learned: the device answers it */
};

static inline bool gw_modbus_map_wide(const struct gw_device_opts *device)
{
	return ((const struct gw_modbus_device_opts *)device->driver)->registers == 1;
}

static inline uint8_t gw_modbus_map_unit(const struct gw_device_opts *device)
{
	return (uint8_t)((const struct gw_modbus_device_opts *)device->driver)->unit;
}

void gw_modbus_map_field(const struct gw_source_opts *source,
	const struct gw_device_opts *device, const struct gw_point_opts *point,
	struct gw_modbus_field *ret_field);

#endif
