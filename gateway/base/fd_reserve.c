/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fd_reserve.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <unistd.h>

#define FDS_PER_LINK 4 /* what one link takes at most */

static _Atomic size_t reserved; /* relaxed: it publishes nothing else */

void gw_fd_reserve_set(size_t descriptors)
{
	atomic_store_explicit(&reserved, descriptors, memory_order_relaxed);
}

bool gw_fd_reserve_available(void)
{
	size_t needed = atomic_load_explicit(&reserved, memory_order_relaxed) +
		FDS_PER_LINK;
	struct rlimit limit;
	int fd;

	if (needed == FDS_PER_LINK || getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return true;
	fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	close(fd);
	return (rlim_t)fd + needed <= limit.rlim_cur;
}
