/* SPDX-License-Identifier: Apache-2.0 */
/* cli_commands.h: tocsin's part of the rows of control/commands.def. Constant. */
#ifndef GW_CTL_CLI_COMMANDS_H
#define GW_CTL_CLI_COMMANDS_H

#include "ctl/invocation.h"

extern const struct gw_cli_command gw_cli_commands[];
extern const size_t gw_cli_commands_n;

#endif
