/* SPDX-License-Identifier: Apache-2.0 */
/* commands.h: the daemon's part of the rows of commands.def. Thread: any; constant. */
#ifndef GW_CONTROL_COMMANDS_H
#define GW_CONTROL_COMMANDS_H

#include "control/command_row.h"

extern const struct gw_control_command gw_control_commands[];
extern const size_t gw_control_commands_n;

#endif
