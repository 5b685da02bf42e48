/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/modbus_opts.h"

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

/* The low three bits of an index: enum gw_modbus_order. */
static const char *const orders[] = {"ABCD", "CDAB", "BADC", "DCBA", "EFGHABCD", "CDABGHEF",
	"FEHGBADC", "DCBAHGFE", "ABCDEFGH", "GHEFCDAB", "BADCFEHG", "HGFEDCBA", NULL};
static const char *const register_sizes[] = {"16bit", "32bit", NULL};
static const char *const framings[] = {"tcp", "rtu", NULL};
static const char *const byte_names[] = {"low", "high", NULL};
static const char *const formats[] = {"8N1", "8E1", "8O1", "8N2", "8E2", "8O2", NULL};
static const char *const rs485s[] = {"none", "kernel", "rts-high", "rts-low", NULL};

/* Only what libmodbus knows: it silently takes 9600 for every other rate. */
static const char *const baud_names[] = {"1200", "2400", "4800", "9600", "19200", "38400",
	"57600", "115200", "230400", "460800", "921600", NULL};
static const int bauds[] = {
	1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200, 230400, 460800, 921600};

const struct gw_setting gw_modbus_opts_rtu_settings[] = {
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

const struct gw_setting gw_modbus_opts_tcp_settings[] = {
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
	{.key = "connect_delay",
		.type = GW_SET_DURATION,
		.offset = offsetof(struct gw_modbus_tcp_opts, connect_delay_ns),
		.def = "0ms",
		.max = 10000 * MS,
		.help = "Wait this long after connecting before the first request, for devices that hear nothing at first."},
	{.key = "turnaround",
		.type = GW_SET_DURATION,
		.offset = offsetof(struct gw_modbus_tcp_opts, turnaround_ns),
		.def = "0ms",
		.max = 5000 * MS,
		.help = "Pause between an answer and the next request, for gateways to a serial line that lose requests which come at once."},
	{.key = "framing",
		.type = GW_SET_CHOICE,
		.offset = offsetof(struct gw_modbus_tcp_opts, framing),
		.def = "tcp",
		.choices = framings,
		.help = "tcp, or rtu for a serial server that passes frames of the line on as they are."},
	{.key = "lenient",
		.type = GW_SET_STRINGS,
		.offset = offsetof(struct gw_modbus_tcp_opts, lenient),
		.help = "What may be 0 in the answers of this device although the request said otherwise: a list of unit, transaction. Only if the log refuses its answers for that."},
	{.key = NULL},
};

#define REGISTERS_ROW \
	{ \
		.key = "registers", .type = GW_SET_CHOICE, \
		.offset = offsetof(struct gw_modbus_device_opts, registers), \
		.choices = register_sizes, .def = "16bit", \
		.help = "Bits of one register; 32bit for devices that send four bytes " \
			"for each address (Enron, Daniel)." \
	}

#define BRIDGE_ROW \
	{ \
		.key = "bridge", .type = GW_SET_INT, \
		.offset = offsetof(struct gw_modbus_device_opts, bridge), .def = "0", \
		.max = 120, \
		.help = "How many registers (or bits) nobody asked for one request may " \
			"read across; many devices refuse a block with a gap." \
	}

const struct gw_setting gw_modbus_opts_rtu_device_settings[] = {
	{.key = "unit",
		.type = GW_SET_INT,
		.offset = offsetof(struct gw_modbus_device_opts, unit),
		.required = true,
		.min = 0,
		.max = 255,
		.help = "Modbus unit id (slave address); 0 and 248 to 255 are reserved: only for a device that has one of them."},
	BRIDGE_ROW,
	REGISTERS_ROW,
	{.key = NULL},
};

const struct gw_setting gw_modbus_opts_tcp_device_settings[] = {
	{.key = "unit",
		.type = GW_SET_INT,
		.offset = offsetof(struct gw_modbus_device_opts, unit),
		.required = true,
		.min = 0,
		.max = 255,
		.help = "Modbus unit id; 255 (or 0) is the device itself, others lie behind it."},
	BRIDGE_ROW,
	REGISTERS_ROW,
	{.key = NULL},
};

const struct gw_setting gw_modbus_opts_point_settings[] = {
	{.key = "register",
		.type = GW_SET_CUSTOM,
		.offset = offsetof(struct gw_modbus_point_opts, reg),
		.required = true,
		.parse = gw_modbus_opts_parse,
		.size = sizeof(struct gw_modbus_register),
		.help = "KIND:ADDRESS; KIND is coil, discrete, input or holding, ADDRESS the protocol address from 0 (what manuals call 40001 is holding:0)."},
	{.key = "order",
		.type = GW_SET_CHOICE,
		.offset = offsetof(struct gw_modbus_point_opts, order),
		.def = "ABCD",
		.choices = orders,
		.help = "Order of the bytes of a value on the line, A the most significant; those of eight letters are for values of 64 bits."},
	{.key = "byte",
		.type = GW_SET_CHOICE,
		.offset = offsetof(struct gw_modbus_point_opts, byte),
		.def = "low",
		.choices = byte_names,
		.help = "For types u8 and s8: which byte of the register."},
	{.key = "scale_register",
		.type = GW_SET_CUSTOM,
		.offset = offsetof(struct gw_modbus_point_opts, scale_register),
		.parse = gw_modbus_opts_parse,
		.size = sizeof(struct gw_modbus_register),
		.help = "KIND:ADDRESS of the register that holds the exponent of the value, from -10 to 10 (SunSpec: scale factor): what was read times ten to that power, then scale and offset. Both are read in one request."},
	{.key = "bit",
		.type = GW_SET_INT,
		.offset = offsetof(struct gw_modbus_point_opts, bit),
		.def = "0",
		.max = 31,
		.help = "For type bit: which bit of the register, 0 is the least significant."},
	{.key = NULL},
};

bool gw_modbus_opts_is_lenient(const struct gw_modbus_tcp_opts *opts, const char *word)
{
	for (size_t i = 0; i < opts->lenient.n; i++)
		if (strcmp(opts->lenient.at[i], word) == 0)
			return true;
	return false;
}

int gw_modbus_opts_baud(const struct gw_modbus_rtu_opts *opts)
{
	return bauds[opts->baud];
}

void gw_modbus_opts_format(
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

enum gw_err gw_modbus_opts_parse(const char *text, void *field, struct gw_error *err)
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

const char *gw_modbus_opts_kind_name(unsigned kind)
{
	return kind_names[kind];
}

const char *gw_modbus_opts_order_name(int order)
{
	return orders[order];
}
