/* SPDX-License-Identifier: Apache-2.0 */
#include "base/start_memory.h"

#include <malloc.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* One mapping of /proc/self/smaps (proc_pid_smaps(5)). */
struct mapping {
	uintptr_t from, to;
	bool from_file, read_only;
	size_t rss_kb, anonymous_kb;
};

/* "55d0c0a00000-55d0c0a21000 r--p 00000000 fe:00 1234  /usr/sbin/tocsind" */
static void parse_head(const char *line, struct mapping *m)
{
	struct mapping head = {.from = 0};
	unsigned long long from, to;
	char *at;

	from = strtoull(line, &at, 16);
	if (*at++ != '-')
		return; /* one of the other lines */
	to = strtoull(at, &at, 16);
	if (*at++ != ' ' || strlen(at) < 5)
		return;
	if (to <=
		UINTPTR_MAX) { /* an emulator may show addresses that are not the program's */
		head.from = (uintptr_t)from;
		head.to = (uintptr_t)to;
		head.read_only = at[0] == 'r' && at[1] == '-' && at[3] == 'p';
		head.from_file = strchr(at, '/') != NULL;
	}
	*m = head;
}

/* "Rss:                 404 kB" */
static bool parse_kb(const char *line, const char *name, size_t *ret_kb)
{
	size_t n = strlen(name);

	if (strncmp(line, name, n) != 0)
		return false;
	*ret_kb = (size_t)strtoull(line + n, NULL, 10);
	return true;
}

/* A page that was written to (relocations, breakpoints) is anonymous and would be lost, so a
 * mapping that has one stays as it is. */
static size_t unmap(const struct mapping *m)
{
	if (!m->from_file || !m->read_only || m->anonymous_kb > 0 || m->rss_kb == 0)
		return 0;
	return madvise((void *)m->from, m->to - m->from, MADV_DONTNEED) == 0 ? m->rss_kb
									     : 0;
}

size_t gw_start_memory_release(void)
{
	FILE *smaps = fopen("/proc/self/smaps", "re");
	struct mapping m = {.from = 0};
	char line[512];
	size_t released_kb = 0;

	malloc_trim(0);
	if (!smaps)
		return 0;
	while (fgets(line, sizeof(line), smaps)) {
		if (parse_kb(line, "Rss:", &m.rss_kb) ||
			parse_kb(line, "Anonymous:", &m.anonymous_kb))
			continue;
		if (strncmp(line, "VmFlags:", 8) == 0) /* the last line of each */
			released_kb += unmap(&m);
		else
			parse_head(line, &m);
	}
	fclose(smaps);
	return released_kb;
}
