/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/run_backup.h"

#include "ctl/exec.h"
#include "ctl/invocation.h"
#include "gw_build.h"

#include <string.h>

int gw_run_backup_program(const char *what, const char *config, const char *socket,
	bool json, const char *file)
{
	char name[] = "tocsin-backup", config_option[] = "--config",
	     socket_option[] = "--socket", json_option[] = "--json", end[] = "--";
	char *argv[10] = {name, config_option, strdup(config ? config : GW_CONFIG_FILE),
		socket_option, strdup(socket)};
	size_t n = 5;

	if (json)
		argv[n++] = json_option;
	argv[n++] = end;
	argv[n++] = strdup(what);
	argv[n] = strdup(file);
	gw_exec_program(GW_LIBEXEC_DIR, argv);
	return GW_EXIT_REFUSED; /* the process ends */
}
