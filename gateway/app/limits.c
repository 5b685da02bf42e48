/* SPDX-License-Identifier: Apache-2.0 */
#include "app/limits.h"

#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

/* Counted in /proc/self/fd of a gateway that runs: standard streams, loop, signals, wakes
 * of main, engine, store, alert log and log, the log and socket, the database with WAL,
 * journal and folder, ballast, a configuration and a profile while they are read; the lock of the
 * state folder, and a copy of the database for a backup, twice. */
#define OWN_DESCRIPTORS    29
#define SOURCE_DESCRIPTORS 1 /* its stop; its driver says what the link takes */
/* An uplink's wake, connection, a second one while it connects anew, libcurl's wake and
 * resolver (a pair and a query), a certificate while it is read. */
#define UPLINK_DESCRIPTORS 8
/* main, log, engine, store, alert log, its sync, state files, the writer of the last good
 * configuration */
#define OWN_THREADS    8
#define UPLINK_THREADS 2 /* its own and libcurl's resolver */
#define FD_SET_MAX     1024
/* the store's file opened again, a configuration that is read, a client of the control
 * socket */
#define RESERVE 8

struct gw_limits gw_limits_need(const struct gw_config *c)
{
	struct gw_limits n = {OWN_DESCRIPTORS, OWN_THREADS};

	for (size_t i = 0; i < c->n_sources; i++) {
		const struct gw_driver *driver = c->sources[i].driver_table;

		n.descriptors += SOURCE_DESCRIPTORS + driver->descriptors;
		n.threads += 1 + driver->threads;
	}
	n.descriptors += UPLINK_DESCRIPTORS * c->n_uplinks;
	n.threads += UPLINK_THREADS * c->n_uplinks;
	return n;
}

static bool read_number(const char *path, size_t *ret_number)
{
	FILE *f = fopen(path, "re");
	char line[64] = "", *end;
	unsigned long long n;

	if (!f)
		return false;
	if (!fgets(line, sizeof(line), f))
		line[0] = '\0';
	fclose(f);
	n = strtoull(line, &end, 10);
	if (end == line) /* "max" */
		return false;
	*ret_number = n < SIZE_MAX ? (size_t)n : SIZE_MAX;
	return true;
}

/* Of the control group this process is in: version 2's "0::/path", or version 1's pids. */
static bool own_group(size_t *ret_number)
{
	FILE *f = fopen("/proc/self/cgroup", "re");
	char line[PATH_MAX], path[PATH_MAX + 64];
	bool found = false;

	if (!f)
		return false;
	while (!found && fgets(line, sizeof(line), f)) {
		char *colon = strchr(line, ':'),
		     *second = colon ? strchr(colon + 1, ':') : NULL;

		if (!second)
			continue;
		second[strcspn(second, "\n")] = '\0';
		if (second == colon + 1)
			snprintf(path, sizeof(path), "/sys/fs/cgroup%s/pids.max",
				second + 1);
		else if (strncmp(colon + 1, "pids:", 5) == 0)
			snprintf(path, sizeof(path), "/sys/fs/cgroup/pids%s/pids.max",
				second + 1);
		else
			continue;
		found = read_number(path, ret_number);
	}
	fclose(f);
	return found;
}

struct gw_limits gw_limits_allowed(void)
{
	struct gw_limits n = {FD_SET_MAX, SIZE_MAX};
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < n.descriptors)
		n.descriptors = (size_t)limit.rlim_cur;
	if (!read_number(
		    "/sys/fs/cgroup/system.slice/tocsind.service/pids.max", &n.threads))
		own_group(&n.threads);
	return n;
}

size_t gw_limits_reserve(const struct gw_config *c)
{
	return RESERVE + UPLINK_DESCRIPTORS * c->n_uplinks;
}

enum gw_err gw_limits_check(const struct gw_config *c, struct gw_error *err)
{
	struct gw_limits need = gw_limits_need(c), may = gw_limits_allowed();

	if (need.descriptors > may.descriptors)
		return gw_fail(err, GW_ERR_FULL, 0,
			"%zu sources and %zu uplinks take up to %zu descriptors, %zu are allowed (LimitNOFILE, at most %d)",
			c->n_sources, c->n_uplinks, need.descriptors, may.descriptors,
			FD_SET_MAX);
	if (need.threads > may.threads)
		return gw_fail(err, GW_ERR_FULL, 0,
			"%zu sources and %zu uplinks take up to %zu threads, %zu are allowed (TasksMax)",
			c->n_sources, c->n_uplinks, need.threads, may.threads);
	return GW_OK;
}
