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

/* Whether so many can be had besides the reserve. The kernel gives out the lowest free number, so
 * the number of the next descriptor shows how many are in use. */
static bool leaves_reserve(size_t descriptors)
{
	size_t reserve = atomic_load_explicit(&reserved, memory_order_relaxed);
	struct rlimit limit;
	int fd;

	if (reserve == 0 || getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return true;
	fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	close(fd);
	return (rlim_t)fd + reserve + descriptors <= limit.rlim_cur;
}

bool gw_fd_reserve_available(void)
{
	return leaves_reserve(FDS_PER_LINK);
}

bool gw_fd_reserve_is_whole(void)
{
	return leaves_reserve(0);
}
