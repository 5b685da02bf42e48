/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/exec.h"

#include "base/error.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void gw_exec_program(const char *folder, char *const argv[])
{
	char path[4096];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);
	char *slash;

	if (n > 0) {
		path[n] = '\0';
		slash = strrchr(path, '/');
		if (slash && (size_t)(slash + 1 - path) + strlen(argv[0]) < sizeof(path)) {
			strcpy(slash + 1, argv[0]);
			execv(path, argv);
		}
	}
	if (folder) {
		snprintf(path, sizeof(path), "%s/%s", folder, argv[0]);
		execv(path, argv);
	} else {
		execvp(argv[0], argv);
	}
	fprintf(stderr, "tocsin: cannot run %s: %s\n", argv[0], gw_errno_text(errno));
}
