/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Preloaded into tocsind: a thread that stands still inside a call. While the folder in the
 * environment's TOCSIN_HANG has a file NAME, the thread of that name does not return from its
 * next wait (poll, ppoll, epoll_wait); while it has NAME.sync, not from fsync and fdatasync.
 */
#include <dlfcn.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

static void hang_if_asked(const char *suffix)
{
	const struct timespec pause = {.tv_nsec = 10000000};
	const char *folder = getenv("TOCSIN_HANG");
	char name[16] = "", path[512];

	if (!folder)
		return;
	prctl(PR_GET_NAME, name);
	snprintf(path, sizeof(path), "%s/%s%s", folder, name, suffix);
	while (access(path, F_OK) == 0)
		nanosleep(&pause, NULL);
}

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

int poll(struct pollfd *fds, nfds_t n, int timeout)
{
	int rc = NEXT(poll)(fds, n, timeout);

	hang_if_asked("");
	return rc;
}

int ppoll(struct pollfd *fds, nfds_t n, const struct timespec *ts, const sigset_t *mask)
{
	int rc = NEXT(ppoll)(fds, n, ts, mask);

	hang_if_asked("");
	return rc;
}

int epoll_wait(int fd, struct epoll_event *events, int most, int timeout)
{
	int rc = NEXT(epoll_wait)(fd, events, most, timeout);

	hang_if_asked("");
	return rc;
}

int fsync(int fd)
{
	hang_if_asked(".sync");
	return NEXT(fsync)(fd);
}

int fdatasync(int fd)
{
	hang_if_asked(".sync");
	return NEXT(fdatasync)(fd);
}
