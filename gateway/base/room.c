/* SPDX-License-Identifier: Apache-2.0 */
#include "base/room.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <unistd.h>

#define A_FEW 4 /* what one link takes at most */

static _Atomic size_t kept; /* relaxed: a number by itself */

void gw_room_keep(size_t descriptors)
{
	atomic_store_explicit(&kept, descriptors, memory_order_relaxed);
}

bool gw_room_left(void)
{
	size_t most = atomic_load_explicit(&kept, memory_order_relaxed) + A_FEW;
	struct rlimit limit;
	int fd;

	if (most == A_FEW || getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return true;
	fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	close(fd);
	return (rlim_t)fd + most <= limit.rlim_cur;
}
