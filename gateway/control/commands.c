/* SPDX-License-Identifier: Apache-2.0 */
#include "control/commands.h"

#include "control/handlers.h"

#define COMMAND(id, ...) {.name = #id, __VA_ARGS__},
#define ARGUMENTS(...)
#define HELP(...)
#define MANUAL(...)
#define PRINT(...)
#define RUN(...)
#define KEYS(may, must)   .keys = (may), .required_keys = (must),
#define SUBSCRIBES        .subscribes = true,
#define LOGGED_AS(text)   .log_name = (text),
#define HANDLER(function) .handle = (function),
#define LOCAL

const struct gw_control_command gw_control_commands[] = {
#include "control/commands.def"
};

const size_t gw_control_commands_n = sizeof(gw_control_commands) /
	sizeof(gw_control_commands[0]);
