/* SPDX-License-Identifier: Apache-2.0 */
/*
 * modbus_map.h: the field that a point becomes: where its bits lie in the device and how they
 * turn into a value; and what of the options cannot be read so.
 *
 * Owner: options belong to the configuration; fields to the driver. Thread: any; pure.
 */
#ifndef GW_DRIVERS_MODBUS_MAP_H
#define GW_DRIVERS_MODBUS_MAP_H

#include "drivers/modbus_opts.h"
#include "source/driver.h"

#include <stdbool.h>
#include <stdint.h>

/* Modbus Application Protocol V1.1b3, 6.1 and 6.3. */
#define GW_MODBUS_MAX_BITS      2000
#define GW_MODBUS_MAX_REGISTERS 125
/* Of 32 bits: as many as fit into the 250 bytes. */
#define GW_MODBUS_MAX_WIDE_REGISTERS 62

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
