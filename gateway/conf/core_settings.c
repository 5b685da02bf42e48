/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/core_settings.h"

#include "conf/config.h"

#include <stddef.h>

#define SECOND 1e9
#define DAY    (86400 * SECOND)

/* Sizes keep an event within GW_EVENT_JSON_MAX whatever the texts are. */
#define TEXT(struct_, field, name, max_bytes, words) \
	.key = name, .type = GW_SET_STRING, .offset = offsetof(struct struct_, field), \
	.max = max_bytes, .help = words
#define FILE_(struct_, field, name, words) \
	.key = name, .type = GW_SET_PATH, .offset = offsetof(struct struct_, field), \
	.max = 1023, .help = words

/* 1 + enum gw_level; red is never held back */
static const char *const flood_levels[] = {"none", "blue", "yellow", "orange", NULL};

const struct gw_setting gw_gateway_settings[] = {
	{TEXT(gw_gateway_opts, id, "id", 63,
		 "Name of this box, unique among all that report to one platform; stands in every alert."),
		.required = true, .restart = GW_RESTART_NOTHING},
	{TEXT(gw_gateway_opts, unit, "unit", 255,
		 "The connected unit: whose building it is."),
		.restart = GW_RESTART_NOTHING},
	{TEXT(gw_gateway_opts, area, "area", 63,
		 "Division code of the area, GB/T 2260, in quotes."),
		.restart = GW_RESTART_NOTHING},
	{TEXT(gw_gateway_opts, grid, "grid", 63, "The platform's grid code, in quotes."),
		.restart = GW_RESTART_NOTHING},
	{FILE_(gw_gateway_opts, state_dir, "state_dir", "Folder of the database."),
		.def = "/var/lib/tocsin", .restart = GW_RESTART_DAEMON},
	{FILE_(gw_gateway_opts, alert_log, "alert_log", "The file operators tail."),
		.def = "/var/log/tocsin/alerts.log", .restart = GW_RESTART_DAEMON},
	{FILE_(gw_gateway_opts, control_socket, "control_socket",
		 "Socket of the tocsin command, at most 107 bytes long."),
		.def = "/run/tocsin/control.sock", .restart = GW_RESTART_DAEMON},
	{.key = "store_max_mb",
		.type = GW_SET_INT,
		.offset = offsetof(struct gw_gateway_opts, store_max_mb),
		.min = 1,
		.max = 65536,
		.def = "256",
		.restart = GW_RESTART_DAEMON,
		.help = "Largest size of the database in MiB; the oldest delivered events of the lowest class go first."},
	{.key = "flood_level",
		.type = GW_SET_CHOICE,
		.offset = offsetof(struct gw_gateway_opts, flood_level),
		.choices = flood_levels,
		.def = "blue",
		.restart = GW_RESTART_NOTHING,
		.help = "In a flood (more than 10 different alarms within 10 min) alarms of class fault or supervisory up to this level are counted in one record, and told at its end if they still stand."},
	{0},
};

const struct gw_setting gw_source_reader_settings[] = {
	{TEXT(gw_source_reader_opts, driver, "driver", 63,
		 "Which driver speaks to it; its own keys follow."),
		.required = true},
	{0},
};

const struct gw_setting gw_source_settings[] = {
	{TEXT(gw_source_opts, name, "name", 63,
		 "First part of the keys of its points; unique among sources and uplinks."),
		.required = true},
	{.key = "poll",
		.type = GW_SET_DURATION,
		.offset = offsetof(struct gw_source_opts, poll_ns),
		.min = 0.01 * SECOND,
		.max = DAY,
		.def = "1s",
		.help = "How often its devices are read. Not for sources whose devices speak by themselves."},
	{0},
};

const struct gw_setting gw_device_settings[] = {
	{TEXT(gw_device_opts, name, "name", 63,
		 "Second part of the keys of its points; unique in its source."),
		.required = true},
	{.key = "poll",
		.type = GW_SET_DURATION,
		.offset = offsetof(struct gw_device_opts, poll_ns),
		.min = 0.01 * SECOND,
		.max = DAY,
		.help = "How often it is read; default: what the source says, else what the profile says."},
	{.key = "expect_every",
		.type = GW_SET_DURATION,
		.offset = offsetof(struct gw_device_opts, expect_every_ns),
		.min = 0.1 * SECOND,
		.max = 366 * DAY,
		.help = "A device that speaks by itself is silent after this long without a word; default 24h."},
	{0},
};

const struct gw_setting gw_device_reader_settings[] = {
	{TEXT(gw_device_reader_opts, profile, "profile", 63,
		 "Type of the device: the points and alarms it brings along."),
		.restart = GW_RESTART_NOTHING},
	{0},
};

const struct gw_setting gw_place_settings[] = {
	{TEXT(gw_place_info, building, "building", 127, "Which building."),
		.restart = GW_RESTART_NOTHING},
	{TEXT(gw_place_info, floor, "floor", 63, "Which floor, in quotes."),
		.restart = GW_RESTART_NOTHING},
	{TEXT(gw_place_info, room, "room", 127, "Which room, in quotes if a number."),
		.restart = GW_RESTART_NOTHING},
	{0},
};

/* enum gw_point_type */
static const char *const types[] = {"number", "bool", "bit", "u8", "s8", "u16", "s16",
	"u24", "s24", "u32", "s32", "u48", "s48", "u64", "s64", "f16", "f32", "f64",
	"bcd16", "bcd32", "bcd64", "sign-magnitude16", "sign-magnitude32", "mod10x2",
	"mod10x3", "mod10x4", "whole-tenths", NULL};

/* What other tools and IEC 61131-3 call them. */
static const char *const type_synonyms[] = {"int8", "s8", "sint", "s8", "uint8", "u8",
	"byte", "u8", "usint", "u8", "int16", "s16", "int", "s16", "i16", "s16", "short",
	"s16", "uint16", "u16", "uint", "u16", "word", "u16", "int32", "s32", "dint", "s32",
	"long", "s32", "i32", "s32", "uint32", "u32", "udint", "u32", "dword", "u32",
	"ulong", "u32", "int64", "s64", "lint", "s64", "i64", "s64", "uint64", "u64",
	"ulint", "u64", "float", "f32", "float32", "f32", "real", "f32", "single", "f32",
	"float16", "f16", "half", "f16", "double", "f64", "float64", "f64", "lreal", "f64",
	"boolean", "bool", "coil", "bool", "bcd", "bcd16", "m10k", "mod10x2", "mod10",
	"mod10x2", NULL};

const struct gw_setting gw_point_settings[] = {
	{TEXT(gw_point_opts, name, "name", 63,
		 "Last part of its key; unique in its device."),
		.required = true},
	{.key = "type",
		.type = GW_SET_CHOICE,
		.offset = offsetof(struct gw_point_opts, type),
		.choices = types,
		.synonyms = type_synonyms,
		.def = "number",
		.help = "How bytes become a value; number leaves it to the driver: u16 for a register, bool for a coil or discrete input, a number in a message. u8 and s8 are one byte of a register, u24 and s24 the low bits of two; bcd16 to bcd64 have four decimal digits a register; sign-magnitude16 and 32 have the sign in their first bit; mod10x2 to mod10x4 are registers that count to 9,999 each; whole-tenths has the whole in the high byte and tenths in the low one."},
	{.key = "scale",
		.type = GW_SET_DOUBLE,
		.offset = offsetof(struct gw_point_opts, scale),
		.def = "1",
		.help = "The value is what was read times this, plus offset."},
	{.key = "offset",
		.type = GW_SET_DOUBLE,
		.offset = offsetof(struct gw_point_opts, offset),
		.def = "0",
		.help = "Added after scale."},
	{.key = "range",
		.type = GW_SET_TABLE,
		.offset = offsetof(struct gw_point_opts, range),
		.max = 2,
		.help = "[lowest, highest] that it measures. Outside it the value is uncertain and still drives every condition, and after 10 s a fault out-of-range is raised."},
	{.key = "valid",
		.type = GW_SET_TABLE,
		.offset = offsetof(struct gw_point_opts, valid),
		.max = 2,
		.help = "[lowest, highest] that can be a value at all; outside it the reading is bad, no value."},
	{.key = "invalid",
		.type = GW_SET_CODES,
		.offset = offsetof(struct gw_point_opts, invalid),
		.help = "What the device sends instead of a value, such as [85, -127, raw:0x7FFF]: numbers after scale and offset, or raw:N, the bits on the wire before them. Such a reading is bad."},
	{0},
};

const struct gw_setting gw_point_reader_settings[] = {
	{TEXT(gw_point_reader_opts, unit, "unit", 31, "Unit of measure of the value."),
		.restart = GW_RESTART_NOTHING},
	{0},
};

const struct gw_setting gw_alarm_reader_settings[] = {
	{TEXT(gw_alarm_reader_opts, name, "name", 63, "Last part of its key."),
		.required = true, .restart = GW_RESTART_NOTHING},
	{TEXT(gw_alarm_reader_opts, on, "on", 255,
		 "What it watches: a pattern source/device/point, * within one part; one alarm for each match. In a profile the point's name alone. Votes have none."),
		.restart = GW_RESTART_NOTHING},
	{0},
};

/* enum gw_chatter_rule */
static const char *const chatter_rules[] = {"tell", "hold", NULL};

const struct gw_setting gw_alarm_settings[] = {
	{.key = "level",
		.type = GW_SET_CHOICE,
		.offset = offsetof(struct gw_alarm_opts, level),
		.choices = gw_level_names,
		.def = "yellow",
		.restart = GW_RESTART_NOTHING,
		.help = "How urgent."},
	{.key = "class",
		.type = GW_SET_CHOICE,
		.offset = offsetof(struct gw_alarm_opts, info.class_),
		.choices = gw_class_names,
		.def = "warning",
		.restart = GW_RESTART_NOTHING,
		.help = "What sort."},
	{.key = "on_delay",
		.type = GW_SET_DURATION,
		.offset = offsetof(struct gw_alarm_opts, on_delay_ns),
		.max = 7 * DAY,
		.def = "0s",
		.restart = GW_RESTART_NOTHING,
		.help = "True for this long before it raises."},
	{.key = "off_delay",
		.type = GW_SET_DURATION,
		.offset = offsetof(struct gw_alarm_opts, off_delay_ns),
		.max = 7 * DAY,
		.def = "0s",
		.restart = GW_RESTART_NOTHING,
		.help = "False for this long before it clears."},
	{.key = "latch",
		.type = GW_SET_BOOL,
		.offset = offsetof(struct gw_alarm_opts, latch),
		.def = "false",
		.restart = GW_RESTART_NOTHING,
		.help = "After return it stays until a person resets it."},
	{.key = "re_alarm",
		.type = GW_SET_DURATION,
		.offset = offsetof(struct gw_alarm_opts, re_alarm_ns),
		.min = SECOND,
		.max = 7 * DAY,
		.restart = GW_RESTART_NOTHING,
		.help = "Raised again each time it has been active this long since it was raised or acknowledged; default: never."},
	{.key = "unless",
		.type = GW_SET_STRINGS,
		.offset = offsetof(struct gw_alarm_opts, unless_of),
		.restart = GW_RESTART_NOTHING,
		.help = "Suppressed by design: while one of these alarms is active, or discrete points true, it does not raise. A name means the nearest alarm of that name; else a key or a pattern."},
	{.key = "chatter",
		.type = GW_SET_CHOICE,
		.offset = offsetof(struct gw_alarm_opts, chatter_rule),
		.choices = chatter_rules,
		.def = "tell",
		.restart = GW_RESTART_NOTHING,
		.help = "When it is raised three times within a minute, a fault is reported; with hold it then stands until it has been quiet for a minute."},
	{.key = "out_of_service",
		.type = GW_SET_BOOL,
		.offset = offsetof(struct gw_alarm_opts, out_of_service),
		.def = "false",
		.restart = GW_RESTART_NOTHING,
		.help = "It raises nothing, and says that it is out of service."},
	{TEXT(gw_alarm_opts, info.text, "text", 255,
		 "Your own words for the people who read it."),
		.restart = GW_RESTART_NOTHING},
	{0},
};

const struct gw_setting gw_profile_settings[] = {
	{TEXT(gw_profile_opts, profile, "profile", 63, "Its name, as the file's."),
		.required = true, .restart = GW_RESTART_NOTHING},
	{TEXT(gw_profile_opts, title, "title", 255, "What the device is, for people."),
		.restart = GW_RESTART_NOTHING},
	{TEXT(gw_profile_opts, driver, "driver", 63,
		 "Which driver it was written for, for people; any driver may use it."),
		.restart = GW_RESTART_NOTHING},
	{.key = "poll",
		.type = GW_SET_DURATION,
		.offset = offsetof(struct gw_profile_opts, poll_ns),
		.min = 0.01 * SECOND,
		.max = DAY,
		.restart = GW_RESTART_NOTHING,
		.help = "How often to read it if the site file does not say."},
	{0},
};
