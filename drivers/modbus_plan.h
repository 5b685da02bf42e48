/* SPDX-License-Identifier: Apache-2.0 */
/*
 * modbus_plan.h: from the fields of one unit to the requests that read them. Adjacent and
 * overlapping fields of one kind and period share a request, up to what the protocol allows.
 *
 * Owner: the caller's arrays. Thread: any; pure.
 */
#ifndef GW_DRIVERS_MODBUS_PLAN_H
#define GW_DRIVERS_MODBUS_PLAN_H

#include "drivers/modbus_map.h"

#include <stddef.h>
#include <stdint.h>

struct gw_modbus_block {
	uint16_t addr, count;
	uint8_t kind;
	uint32_t first, n; /* the fields it reads, of the sorted array */
};

/* The order that make() needs: by period, kind, address. */
void gw_modbus_plan_sort(struct gw_modbus_field *fields, size_t n);

/* Requests for sorted fields, at most one per field; ret has room for n. A request reads across
 * at most max_gap registers (or bits) that no field covers: the setting `bridge`. Fields that are
 * absent are asked for by themselves (together only if they are the same registers). max_registers
 * is 125 (62 of 32 bits) or what the unit was found to allow, at least 4. Returns how many
 * requests. */
size_t gw_modbus_plan_make(const struct gw_modbus_field *fields, size_t n, unsigned max_gap,
	unsigned max_registers, struct gw_modbus_block *ret);

/* Two requests that together read what r does. False if r cannot be made smaller: all its fields
 * are the same registers (the bits of one status word, say). */
bool gw_modbus_plan_split(const struct gw_modbus_field *fields,
	const struct gw_modbus_block *b, struct gw_modbus_block ret[2]);

/* The signature of a response: function and length. On a serial line, which has no transaction id,
 * the responses to two requests of the same signature cannot be told apart. */
static inline uint32_t gw_modbus_plan_signature(const struct gw_modbus_block *b)
{
	return (uint32_t)b->kind << 16 | b->count;
}

/* Reorder so that successive requests differ in signature where possible. */
void gw_modbus_plan_order(struct gw_modbus_block *requests, size_t n);

#endif
