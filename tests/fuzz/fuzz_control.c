/* SPDX-License-Identifier: Apache-2.0 */
#include "control/commands.h"
#include "control/request_parser.h"

#include "base/parse.h"
#include "control/protocol.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Whatever is accepted keeps to the limits that the control relies on. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gw_control_request r;
	struct gw_error err = {0};

	if (size > GW_PROTOCOL_REQUEST_MAX)
		return 0;
	if (gw_control_request_parse(gw_control_commands, gw_control_commands_n,
		    (const char *)data, size, &r, &err)) {
		if (err.kind != GW_ERR_PROTOCOL || err.text[0] == '\0')
			abort();
		return 0;
	}
	if (r.last > GW_PROTOCOL_TAIL_MAX || r.since_ms < 0 || r.for_ns < 0)
		abort();
	if (!strcmp(r.command->name, "shelve") && r.for_ns == 0)
		abort();
	if (!gw_parse_utf8(r.note, strlen(r.note)) || strpbrk(r.note, "\n\r\033"))
		abort();
	return 0;
}
