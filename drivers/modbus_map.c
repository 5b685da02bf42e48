/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/modbus_map.h"

#include <string.h>

static const uint8_t type_bits[] = {
	[GW_TYPE_NUMBER] = 16,
	[GW_TYPE_BOOL] = 16,
	[GW_TYPE_BIT] = 16,
	[GW_TYPE_U8] = 8,
	[GW_TYPE_S8] = 8,
	[GW_TYPE_U16] = 16,
	[GW_TYPE_S16] = 16,
	[GW_TYPE_U24] = 24,
	[GW_TYPE_S24] = 24,
	[GW_TYPE_U32] = 32,
	[GW_TYPE_S32] = 32,
	[GW_TYPE_U48] = 48,
	[GW_TYPE_S48] = 48,
	[GW_TYPE_U64] = 64,
	[GW_TYPE_S64] = 64,
	[GW_TYPE_F16] = 16,
	[GW_TYPE_F32] = 32,
	[GW_TYPE_F64] = 64,
	[GW_TYPE_BCD16] = 16,
	[GW_TYPE_BCD32] = 32,
	[GW_TYPE_BCD64] = 64,
	[GW_TYPE_SIGN_MAGNITUDE16] = 16,
	[GW_TYPE_SIGN_MAGNITUDE32] = 32,
	[GW_TYPE_MOD10X2] = 32,
	[GW_TYPE_MOD10X3] = 48,
	[GW_TYPE_MOD10X4] = 64,
	[GW_TYPE_WHOLE_TENTHS] = 16,
};

unsigned gw_modbus_map_type_bits(unsigned type)
{
	return type_bits[type];
}

unsigned gw_modbus_map_registers(unsigned type, bool wide)
{
	unsigned bits = wide ? 32 : 16;

	return (type_bits[type] + bits - 1) / bits;
}

static bool is_bits(unsigned kind)
{
	return kind == GW_MODBUS_COIL || kind == GW_MODBUS_DISCRETE;
}

static uint8_t effective_type(const struct gw_point_opts *point, bool wide)
{
	const struct gw_modbus_point_opts *own = point->driver;

	if (point->type != GW_TYPE_NUMBER)
		return (uint8_t)point->type;
	if (is_bits(own->reg.kind))
		return GW_TYPE_BOOL;
	return wide ? GW_TYPE_U32 : GW_TYPE_U16;
}

/* A code of more bits than the value has would never be met. Negative ones are sign-extended. */
static void check_codes(
	const struct gw_point_opts *point, unsigned width, struct gw_report *report)
{
	for (size_t i = 0; width < 64 && i < point->invalid.n; i++) {
		const struct gw_code *c = &point->invalid.at[i];
		int64_t above = (int64_t)c->raw >> (width > 1 ? width - 1 : 1);

		if (c->is_raw && c->raw >> width != 0 && above != -1)
			gw_report(report, &point->invalid,
				"raw:0x%llX does not fit into the %u bit%s of the value",
				(unsigned long long)c->raw, width, width == 1 ? "" : "s");
	}
}

static void check_exponent(const struct gw_modbus_point_opts *own, unsigned type, bool wide,
	struct gw_report *report)
{
	const struct gw_modbus_register *at = &own->scale_register;
	unsigned registers = gw_modbus_map_registers(type, wide);
	unsigned max = wide ? GW_MODBUS_MAX_WIDE_REGISTERS : GW_MODBUS_MAX_REGISTERS;
	unsigned first = own->reg.addr < at->addr ? own->reg.addr : at->addr;
	unsigned end = own->reg.addr + registers;

	if (at->addr >= end)
		end = at->addr + 1U;
	if (at->kind == 0)
		return;
	if (type == GW_TYPE_BOOL || type == GW_TYPE_BIT)
		gw_report(report, at, "a bool has no exponent");
	else if (at->kind != own->reg.kind)
		gw_report(report, at,
			"it is read together with the value: it must be a %s register, too",
			gw_modbus_opts_kind_name(own->reg.kind));
	else if (at->addr >= own->reg.addr && at->addr < own->reg.addr + registers)
		gw_report(report, at, "this register is a part of the value itself");
	else if (end - first > max)
		gw_report(report, at,
			"it is read together with the value, and one request reads at most %u registers; these are %u",
			max, end - first);
}

static void check_type_settings(const struct gw_modbus_point_opts *own, unsigned type,
	bool wide, struct gw_report *report)
{
	if (own->bit != 0 && type != GW_TYPE_BIT)
		gw_report(report, &own->bit, "bit needs type: bit");
	else if (own->bit > 15 && !wide)
		gw_report(report, &own->bit, "a register has bits 0 to 15");
	if (own->byte != 0 && type != GW_TYPE_U8 && type != GW_TYPE_S8)
		gw_report(report, &own->byte, "byte needs type: u8 or type: s8");
	if (own->order != GW_MODBUS_ABCD &&
		(is_bits(own->reg.kind) || type == GW_TYPE_BOOL))
		gw_report(report, &own->order, "order means nothing for a bool");
	else if (own->order >= GW_MODBUS_EFGHABCD && gw_modbus_map_type_bits(type) != 64)
		gw_report(report, &own->order,
			"order: %s is for a value of 64 bits; this one has %u",
			gw_modbus_opts_order_name(own->order),
			gw_modbus_map_type_bits(type));
}

static void check_point(
	const struct gw_point_opts *point, bool wide, struct gw_report *report)
{
	const struct gw_modbus_point_opts *own = point->driver;
	unsigned type = effective_type(point, wide);
	bool bits = is_bits(own->reg.kind);
	unsigned last = own->reg.addr + (bits ? 1 : gw_modbus_map_registers(type, wide)) -
		1U;

	if (own->reg.kind == 0)
		return; /* not given or not read: said already */
	if (bits && type != GW_TYPE_BOOL)
		gw_report(report, &point->type, "a %s is one bit: its type is bool",
			gw_modbus_opts_kind_name(own->reg.kind));
	else if (last > 65535)
		gw_report(report, &own->reg,
			"the value would end at address %u; the last one is 65535", last);
	check_codes(point, bits ? 1 : gw_modbus_map_type_bits(type), report);
	check_type_settings(own, type, wide, report);
	check_exponent(own, type, wide, report);
}

/* The devices of one unit share its requests. */
static void check_register_size(
	const struct gw_source_opts *opts, size_t d, struct gw_report *report)
{
	const struct gw_modbus_device_opts *own = opts->devices[d].driver;

	for (size_t other = 0; other < d; other++)
		if (gw_modbus_map_unit(&opts->devices[other]) == own->unit &&
			gw_modbus_map_wide(&opts->devices[other]) !=
				(own->registers == 1)) {
			gw_report(report, &own->registers,
				"device \"%s\" is the same unit and says otherwise",
				opts->devices[other].name);
			return;
		}
}

static void check_lenient(const struct gw_modbus_tcp_opts *own, struct gw_report *report)
{
	for (size_t i = 0; i < own->lenient.n; i++)
		if (strcmp(own->lenient.at[i], "unit") != 0 &&
			strcmp(own->lenient.at[i], "transaction") != 0)
			gw_report(report, &own->lenient,
				"\"%s\" is not unit or transaction", own->lenient.at[i]);
}

void gw_modbus_map_check_tcp(const struct gw_source_opts *opts, struct gw_report *report)
{
	check_lenient(opts->driver, report);
	gw_modbus_map_check(opts, report);
}

void gw_modbus_map_check(const struct gw_source_opts *opts, struct gw_report *report)
{
	for (size_t d = 0; d < opts->n_devices; d++) {
		const struct gw_device_opts *device = &opts->devices[d];

		check_register_size(opts, d, report);
		for (size_t p = 0; p < device->n_points; p++)
			check_point(&device->points[p], gw_modbus_map_wide(device), report);
	}
}

/* One request reads the value and its exponent. */
static void cover_exponent(
	struct gw_modbus_field *f, const struct gw_modbus_register *exponent)
{
	unsigned end = (unsigned)f->addr + f->width;

	if (exponent->addr < f->addr) {
		f->value_at = (uint8_t)(f->addr - exponent->addr);
		f->addr = exponent->addr;
	} else {
		f->exponent_at = (uint8_t)(exponent->addr - f->addr);
		end = exponent->addr + 1U;
	}
	f->width = (uint8_t)(end - f->addr);
	f->has_exponent = true;
}

void gw_modbus_map_field(const struct gw_source_opts *source,
	const struct gw_device_opts *device, const struct gw_point_opts *point,
	struct gw_modbus_field *ret_field)
{
	const struct gw_modbus_point_opts *own = point->driver;
	bool wide = gw_modbus_map_wide(device);
	struct gw_modbus_field f = {
		.opts = point,
		.period_ns = device->poll_ns > 0 ? device->poll_ns : source->poll_ns,
		.point = point->index,
		.addr = own->reg.addr,
		.kind = (uint8_t)own->reg.kind,
		.type = effective_type(point, wide),
		.order = (uint8_t)(own->order & 7),
		.bit = (uint8_t)own->bit,
		.high_byte = own->byte == 1,
		.wide = wide,
		.width = 1,
	};

	if (!is_bits(f.kind))
		f.width = (uint8_t)gw_modbus_map_registers(f.type, wide);
	if (own->scale_register.kind != 0)
		cover_exponent(&f, &own->scale_register);
	*ret_field = f;
}
