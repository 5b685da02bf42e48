/* SPDX-License-Identifier: Apache-2.0 */
#include "flow/info.h"

#include <stddef.h>

const char *const gw_level_names[] = {
	[GW_LEVEL_BLUE] = "blue",
	[GW_LEVEL_YELLOW] = "yellow",
	[GW_LEVEL_ORANGE] = "orange",
	[GW_LEVEL_RED] = "red",
	NULL,
};

const char *const gw_class_names[] = {
	[GW_CLASS_FAULT] = "fault",
	[GW_CLASS_SUPERVISORY] = "supervisory",
	[GW_CLASS_WARNING] = "warning",
	[GW_CLASS_ALARM] = "alarm",
	NULL,
};

const char *gw_level_name(enum gw_level level)
{
	return (unsigned)level <= GW_LEVEL_RED ? gw_level_names[level] : "unknown";
}

const char *gw_class_name(enum gw_class c)
{
	return (unsigned)c <= GW_CLASS_ALARM ? gw_class_names[c] : "unknown";
}
