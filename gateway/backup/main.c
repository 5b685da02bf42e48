/* SPDX-License-Identifier: Apache-2.0 */
/* tocsin-backup: what `tocsin backup` and `tocsin restore` run. */
#include "backup/make_backup.h"
#include "backup/restore_backup.h"
#include "base/log.h"
#include "control/protocol.h"
#include "gw_build.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static int usage(void)
{
	fputs("usage: tocsin-backup [--config FILE] [--socket PATH] [--json] make|restore FILE\n",
		stderr);
	return GW_BACKUP_USAGE;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"config", required_argument, NULL, 'c'},
		{"socket", required_argument, NULL, 's'},
		{"json", no_argument, NULL, 'j'},
		{NULL, 0, NULL, 0},
	};
	struct gw_backup_opts o = {.config = GW_CONFIG_FILE, .socket = GW_PROTOCOL_SOCKET};

	for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		switch (c) {
		case 'c': o.config = optarg; break;
		case 's': o.socket = optarg; break;
		case 'j': o.json = true; break;
		default: return usage();
		}
	}
	if (argc - optind != 2)
		return usage();
	o.archive = argv[optind + 1];
	umask(077);
	signal(SIGPIPE, SIG_IGN);
	gw_log_init(GW_LOG_ERR);
	if (strcmp(argv[optind], "make") == 0)
		return gw_backup_make(&o);
	return strcmp(argv[optind], "restore") == 0 ? gw_backup_restore(&o) : usage();
}
