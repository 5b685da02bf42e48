/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/message.h"

#include "ctl/invocation.h"

#include <stdio.h>

int gw_message_fail(const char *what)
{
	fflush(stdout);
	fprintf(stderr, "tocsin: %s\n", what);
	return GW_EXIT_REFUSED;
}

int gw_message_flush(void)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return GW_EXIT_DONE;
	return gw_message_fail("cannot write to standard output");
}
