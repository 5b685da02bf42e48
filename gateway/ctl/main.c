/* SPDX-License-Identifier: Apache-2.0 */
/* tocsin: the command line of a running gateway. The commands are rows of
 * control/commands.def. */
#include "control/protocol.h"
#include "ctl/arguments.h"
#include "ctl/cli_commands.h"
#include "ctl/exchange.h"

#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	const char *socket = getenv("TOCSIN_SOCKET"), *no_colour = getenv("NO_COLOR");
	struct gw_invocation inv = {
		.socket = socket && *socket ? socket : GW_PROTOCOL_SOCKET};
	bool done;
	int code = gw_arguments_read(
		gw_cli_commands, gw_cli_commands_n, argc, argv, &inv, &done);

	if (done)
		return code;
	inv.colour = isatty(STDOUT_FILENO) && !(no_colour && *no_colour) && !inv.json;
	return inv.command->run ? inv.command->run(&inv)
				: gw_exchange(&inv, GW_EXCHANGE_REPLY_MS, NULL);
}
