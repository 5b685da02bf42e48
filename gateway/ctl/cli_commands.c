/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/cli_commands.h"

#include "ctl/print_lists.h"
#include "ctl/print_status.h"
#include "ctl/run.h"

#define COMMAND(id, ...)  {.name = #id, __VA_ARGS__},
#define HELP(text, brief) .help = (text),
#define ARGUMENTS(...) \
	.arguments = {__VA_ARGS__}, .n_arguments = GW_COMMAND_COUNT(__VA_ARGS__),
#define PRINT(function) .print = (function),
#define RUN(function)   .run = (function),
#define KEYS(may, must)
#define HANDLER(function)
#define LOGGED_AS(text)
#define SUBSCRIBES
#define LOCAL
#define MANUAL(...)

const struct gw_cli_command gw_cli_commands[] = {
#include "control/commands.def"
};

const size_t gw_cli_commands_n = sizeof(gw_cli_commands) / sizeof(gw_cli_commands[0]);
