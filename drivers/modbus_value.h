/* SPDX-License-Identifier: Apache-2.0 */
/*
 * modbus_value.h: from the registers of a response to the number of one field. What each type
 * is: the manual page tocsin.yaml(5), `type`.
 *
 * Thread: any; pure.
 */
#ifndef GW_DRIVERS_MODBUS_VALUE_H
#define GW_DRIVERS_MODBUS_VALUE_H

#include "drivers/modbus_map.h"

#include <stdint.h>

/* The number of f, before its scale, in the data of a response that began at address addr; not
 * finite if the bits are no number: a digit of BCD above 9, say, or an exponent beyond -10 to 10.
 * ret_bits: the bits of the value, most significant first, or its one bit; no exponent. */
double gw_modbus_value_decode(const struct gw_modbus_field *f, uint16_t addr,
	const uint8_t *data, uint64_t *ret_bits);
/* How many bits that are: 1 to 64. */
unsigned gw_modbus_value_bits(const struct gw_modbus_field *f);

#endif
