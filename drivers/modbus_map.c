/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/modbus_map.h"

#include "base/clock.h"
#include "base/parse.h"

#include <string.h>

#define MS ((double)GW_NS_PER_MS)

static const char *const kind_names[] = {
	[GW_MODBUS_COIL] = "coil",
	[GW_MODBUS_DISCRETE] = "discrete",
	[GW_MODBUS_HOLDING] = "holding",
	[GW_MODBUS_INPUT] = "input",
};

static const char *const orders[] = {"ABCD", "CDAB", "BADC", "DCBA", NULL};
static const char *const formats[] = {"8N1", "8E1", "8O1", "8N2", "8E2", "8O2", NULL};
static const char *const rs485s[] = {"none", "kernel", "rts-high", "rts-low", NULL};

/* Only what libmodbus knows: it silently takes 9600 for every other rate. */
static const char *const baud_names[] = {"1200", "2400", "4800", "9600", "19200", "38400",
	"57600", "115200", "230400", "460800", "921600", NULL};
static const int bauds[] = {
	1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200, 230400, 460800, 921600};

const struct gw_setting gw_modbus_map_rtu_settings[] = {
	{.key = "device",
		.type = GW_SET_STRING,
		.offset = offsetof(struct gw_modbus_rtu_opts, device),
		.required = true,
		.help = "Path of the serial port; take it from /dev/serial/by-id, which survives unplugging."},
	{.key = "baud",
		.type = GW_SET_CHOICE,
		.offset = offsetof(struct gw_modbus_rtu_opts, baud),
		.def = "9600",
		.choices = baud_names,
		.help = "Speed of the line in bits per second."},
	{.key = "format",
		.type = GW_SET_CHOICE,
		.offset = offsetof(struct gw_modbus_rtu_opts, format),
		.def = "8N1",
		.choices = formats,
		.help = "Data bits, parity (None, Even, Odd) and stop bits."},
	{.key = "timeout",
		.type = GW_SET_DURATION,
		.offset = offsetof(struct gw_modbus_rtu_opts, timeout_ns),
		.def = "300ms",
		.min = 10 * MS,
		.max = 10000 * MS,
		.help = "How long a unit may take to answer, not counting the time its bytes need on the line."},
	{.key = "turnaround",
		.type = GW_SET_DURATION,
		.offset = offsetof(struct gw_modbus_rtu_opts, turnaround_ns),
		.def = "0ms",
		.max = 5000 * MS,
		.help = "Extra silence between an answer and the next request, beyond the 3.5 characters of the standard."},
	{.key = "rs485",
		.type = GW_SET_CHOICE,
		.offset = offsetof(struct gw_modbus_rtu_opts, rs485),
		.def = "none",
		.choices = rs485s,
		.help = "Who turns the line to sending: none (the adapter does), kernel, or RTS held high or low while sending."},
	{.key = NULL},
};

const struct gw_setting gw_modbus_map_tcp_settings[] = {
	{.key = "host",
		.type = GW_SET_STRING,
		.offset = offsetof(struct gw_modbus_tcp_opts, host),
		.required = true,
		.help = "Address of the device or gateway; a name works, but then DNS must too."},
	{.key = "port",
		.type = GW_SET_INT,
		.offset = offsetof(struct gw_modbus_tcp_opts, port),
		.def = "502",
		.min = 1,
		.max = 65535,
		.help = "TCP port."},
	{.key = "timeout",
		.type = GW_SET_DURATION,
		.offset = offsetof(struct gw_modbus_tcp_opts, timeout_ns),
		.def = "1s",
		.min = 10 * MS,
		.max = 10000 * MS,
		.help = "How long a unit may take until its whole answer is here."},
	{.key = "connect_timeout",
		.type = GW_SET_DURATION,
		.offset = offsetof(struct gw_modbus_tcp_opts, connect_timeout_ns),
		.def = "3s",
		.min = 10 * MS,
		.max = 30000 * MS,
		.help = "How long finding the host and connecting to it may take."},
	{.key = NULL},
};

#define BRIDGE_ROW \
	{ \
		.key = "bridge", .type = GW_SET_INT, \
		.offset = offsetof(struct gw_modbus_device_opts, bridge), .def = "0", \
		.max = 120, \
		.help = "How many registers (or bits) nobody asked for one request may " \
			"read across; many devices refuse a block with a gap." \
	}

const struct gw_setting gw_modbus_map_rtu_device_settings[] = {
	{.key = "unit",
		.type = GW_SET_INT,
		.offset = offsetof(struct gw_modbus_device_opts, unit),
		.required = true,
		.min = 1,
		.max = 247,
		.help = "Modbus unit id (slave address)."},
	BRIDGE_ROW,
	{.key = NULL},
};

const struct gw_setting gw_modbus_map_tcp_device_settings[] = {
	{.key = "unit",
		.type = GW_SET_INT,
		.offset = offsetof(struct gw_modbus_device_opts, unit),
		.required = true,
		.min = 0,
		.max = 255,
		.help = "Modbus unit id; 255 (or 0) is the device itself, others lie behind it."},
	BRIDGE_ROW,
	{.key = NULL},
};

const struct gw_setting gw_modbus_map_point_settings[] = {
	{.key = "register",
		.type = GW_SET_CUSTOM,
		.offset = offsetof(struct gw_modbus_point_opts, reg),
		.required = true,
		.parse = gw_modbus_map_parse,
		.size = sizeof(struct gw_modbus_register),
		.help = "KIND:ADDRESS; KIND is coil, discrete, input or holding, ADDRESS the protocol address from 0 (what manuals call 40001 is holding:0)."},
	{.key = "order",
		.type = GW_SET_CHOICE,
		.offset = offsetof(struct gw_modbus_point_opts, order),
		.def = "ABCD",
		.choices = orders,
		.help = "Order of the bytes of a value on the line, A the most significant."},
	{.key = "bit",
		.type = GW_SET_INT,
		.offset = offsetof(struct gw_modbus_point_opts, bit),
		.def = "0",
		.max = 15,
		.help = "For type bit: which bit of the register, 0 is the least significant."},
	{.key = NULL},
};

int gw_modbus_map_baud(const struct gw_modbus_rtu_opts *opts)
{
	return bauds[opts->baud];
}

void gw_modbus_map_format(
	const struct gw_modbus_rtu_opts *opts, char *ret_parity, int *ret_stop_bits)
{
	*ret_parity = formats[opts->format][1];
	*ret_stop_bits = formats[opts->format][2] - '0';
}

static enum gw_err bad_kind(const char *text, const char *kind, struct gw_error *err)
{
	const char *nearest = "holding";
	unsigned best = 3;

	for (int i = GW_MODBUS_COIL; i <= GW_MODBUS_INPUT; i++) {
		unsigned d = gw_parse_distance(kind, kind_names[i]);

		if (d < best) {
			best = d;
			nearest = kind_names[i];
		}
	}
	return gw_fail(err, GW_ERR_CONFIG, 0,
		"\"%s\": \"%s\" is not coil, discrete, input or holding (did you mean %s?)",
		text, kind, nearest);
}

/* No colon. 40001 and its like are how manuals number registers: say what that is here. */
static enum gw_err no_kind(const char *text, struct gw_error *err)
{
	static const int kinds[] = {
		GW_MODBUS_COIL, GW_MODBUS_DISCRETE, 0, GW_MODBUS_INPUT, GW_MODBUS_HOLDING};
	int64_t number, base;

	if (gw_parse_int(text, 1, 465536, &number, NULL) == GW_OK) {
		base = number > 65536 ? 100000 : 10000;
		if (number / base < 5 && kinds[number / base] && number % base >= 1)
			return gw_fail(err, GW_ERR_CONFIG, 0,
				"\"%s\" is not KIND:ADDRESS (did you mean %s:%d?)", text,
				kind_names[kinds[number / base]], (int)(number % base - 1));
	}
	return gw_fail(err, GW_ERR_CONFIG, 0,
		"\"%s\" is not KIND:ADDRESS, such as holding:0 or input:0x10", text);
}

/* 0: unknown. */
static int kind_of(const char *name)
{
	for (int i = GW_MODBUS_COIL; i <= GW_MODBUS_INPUT; i++)
		if (strcmp(name, kind_names[i]) == 0)
			return i;
	return 0;
}

enum gw_err gw_modbus_map_parse(const char *text, void *field, struct gw_error *err)
{
	struct gw_modbus_register *reg = field;
	const char *colon = strchr(text, ':');
	char name[16];
	size_t n;
	int64_t addr;
	int kind;

	if (!colon)
		return no_kind(text, err);
	n = (size_t)(colon - text);
	n = n < sizeof(name) ? n : sizeof(name) - 1;
	memcpy(name, text, n);
	name[n] = '\0';
	kind = kind_of(name);
	if (kind == 0)
		return bad_kind(text, name, err);
	if (gw_parse_int(colon + 1, 0, 65535, &addr, err) != GW_OK)
		return gw_error_wrap(err, "the address of \"%s\"", text);
	reg->kind = (uint16_t)kind;
	reg->addr = (uint16_t)addr;
	return GW_OK;
}

static bool is_bits(unsigned kind)
{
	return kind == GW_MODBUS_COIL || kind == GW_MODBUS_DISCRETE;
}

static uint8_t effective_type(const struct gw_point_opts *point)
{
	const struct gw_modbus_point_opts *own = point->driver;

	if (point->type != GW_TYPE_NUMBER)
		return (uint8_t)point->type;
	return is_bits(own->reg.kind) ? GW_TYPE_BOOL : GW_TYPE_U16;
}

static uint8_t width_of(unsigned type)
{
	switch ((enum gw_point_type)type) {
	case GW_TYPE_U32:
	case GW_TYPE_S32:
	case GW_TYPE_F32: return 2;
	case GW_TYPE_U64:
	case GW_TYPE_S64:
	case GW_TYPE_F64: return 4;
	case GW_TYPE_NUMBER:
	case GW_TYPE_BOOL:
	case GW_TYPE_BIT:
	case GW_TYPE_U16:
	case GW_TYPE_S16: return 1;
	}
	return 1;
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

static void check_point(const struct gw_point_opts *point, struct gw_report *report)
{
	const struct gw_modbus_point_opts *own = point->driver;
	unsigned type = effective_type(point);
	unsigned last = own->reg.addr + width_of(type) - 1U;

	if (own->reg.kind == 0)
		return; /* not given or not read: said already */
	if (is_bits(own->reg.kind) && type != GW_TYPE_BOOL)
		gw_report(report, &point->type, "a %s is one bit: its type is bool",
			kind_names[own->reg.kind]);
	else if (last > 65535)
		gw_report(report, &own->reg,
			"the value would end at address %u; the last one is 65535", last);
	check_codes(point, is_bits(own->reg.kind) ? 1 : 16U * width_of(type), report);
	if (own->bit != 0 && type != GW_TYPE_BIT)
		gw_report(report, &own->bit, "bit needs type: bit");
	if (own->order != GW_MODBUS_ABCD &&
		(is_bits(own->reg.kind) || type == GW_TYPE_BOOL))
		gw_report(report, &own->order, "order means nothing for a bool");
}

void gw_modbus_map_check(const struct gw_source_opts *opts, struct gw_report *report)
{
	for (size_t d = 0; d < opts->n_devices; d++)
		for (size_t p = 0; p < opts->devices[d].n_points; p++)
			check_point(&opts->devices[d].points[p], report);
}

void gw_modbus_map_field(const struct gw_source_opts *source,
	const struct gw_device_opts *device, const struct gw_point_opts *point,
	struct gw_modbus_field *ret_field)
{
	const struct gw_modbus_point_opts *own = point->driver;
	struct gw_modbus_field f = {
		.opts = point,
		.period_ns = device->poll_ns > 0 ? device->poll_ns : source->poll_ns,
		.point = point->index,
		.addr = own->reg.addr,
		.kind = (uint8_t)own->reg.kind,
		.type = effective_type(point),
		.order = (uint8_t)own->order,
		.bit = (uint8_t)own->bit,
	};

	f.width = width_of(f.type);
	*ret_field = f;
}
