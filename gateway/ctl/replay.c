/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/replay.h"

#include "ctl/exec.h"
#include "gw_build.h"

#include <stdlib.h>
#include <string.h>

#define CANNOT 2

int gw_replay_files(
	const char *config, const char *against, bool json, char *const *files, int n_files)
{
	char name[] = "tocsin-replay", config_option[] = "--config",
	     against_option[] = "--against", json_option[] = "--json", end[] = "--";
	char **argv = calloc((size_t)n_files + 8, sizeof(*argv));
	size_t n = 0;

	if (!argv)
		return CANNOT;
	argv[n++] = name;
	argv[n++] = config_option;
	argv[n++] = strdup(config);
	if (against) {
		argv[n++] = against_option;
		argv[n++] = strdup(against);
	}
	if (json)
		argv[n++] = json_option;
	argv[n++] = end;
	memcpy(argv + n, files, (size_t)n_files * sizeof(*argv));
	gw_exec_program(GW_LIBEXEC_DIR, argv);
	free(argv);
	return CANNOT;
}
