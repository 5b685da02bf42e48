/* SPDX-License-Identifier: Apache-2.0 */
#include "base/start_memory.h"

#include <inttypes.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

/* One mapping of /proc/self/smaps (proc_pid_smaps(5)). */
struct mapping {
	uintptr_t from, to;
	bool from_file, read_only;
	size_t rss_kb, anonymous_kb;
};

static bool parse_head(const char *line, struct mapping *m)
{
	uintptr_t from, to;
	char access[5];
	unsigned long inode;

	if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %4s %*x %*x:%*x %lu", &from, &to,
		    access, &inode) != 4)
		return false;
	*m = (struct mapping){.from = from,
		.to = to,
		.from_file = inode != 0,
		.read_only = access[0] == 'r' && access[1] == '-' && access[3] == 'p'};
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
		if (sscanf(line, "Rss: %zu kB", &m.rss_kb) == 1 ||
			sscanf(line, "Anonymous: %zu kB", &m.anonymous_kb) == 1)
			continue;
		if (strncmp(line, "VmFlags:", 8) == 0) /* the last line of each */
			released_kb += unmap(&m);
		else
			parse_head(line, &m);
	}
	fclose(smaps);
	return released_kb;
}
