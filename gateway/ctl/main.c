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
	struct gw_invocation a = {
		.socket = socket && *socket ? socket : GW_PROTOCOL_SOCKET};
	bool done;
	int code = gw_arguments_read(
		gw_cli_commands, gw_cli_commands_n, argc, argv, &a, &done);

	if (done)
		return code;
	a.colour = isatty(STDOUT_FILENO) && !(no_colour && *no_colour) && !a.json;
	return a.command->run ? a.command->run(&a)
			      : gw_exchange(&a, GW_EXCHANGE_REPLY_MS, NULL);
}
