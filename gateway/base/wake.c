/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why no wake is lost. Both sides do a read-modify-write of `sleeping`, and those of one
 * variable have one order that all threads agree on:
 * - the waker's comes after the sleeper's announcement: it reads 1 and writes the eventfd;
 * - it comes before: the announcement reads what the waker wrote and, being acquire to its
 *   release, sees everything the waker published; the sleeper's second look finds it.
 * A plain load in poke would be cheaper and wrong: it may be reordered before the waker's own
 * publishing store, and then each side reads before it sees what the other wrote.
 *
 * The waker that reads 1 takes the announcement back with the same exchange, so one sleep
 * costs one write however many wake it. That write may come late, when the sleeper is awake
 * already. `unread` counts such writes, so that a late one is read from the eventfd in the
 * sleep that it cuts short, and does not make every later poll return at once.
 */
#include "base/wake.h"

#include "base/timespec.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum gw_err gw_wake_init(struct gw_wake *w, struct gw_error *err)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	if (fd == 0) { /* stdin was closed; 0 means none here */
		fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
		close(0);
	}
	if (fd < 0)
		return gw_fail(
			err, GW_ERR_SYSTEM, errno, "eventfd: %s", gw_errno_text(errno));
	w->fd = fd;
	w->unread = 0;
	atomic_init(&w->sleeping, 0);
	return GW_OK;
}

void gw_wake_fini(struct gw_wake *w)
{
	if (w->fd > 0)
		close(w->fd);
	w->fd = 0;
}

void gw_wake_prepare(struct gw_wake *w)
{
	atomic_exchange_explicit(&w->sleeping, 1, memory_order_acq_rel);
}

static bool finish(struct gw_wake *w)
{
	bool poked = atomic_exchange_explicit(&w->sleeping, 0, memory_order_acq_rel) == 0;
	uint64_t count;

	w->unread += poked;
	if (w->unread > 0 && read(w->fd, &count, sizeof(count)) == sizeof(count))
		w->unread -= count;
	return poked;
}

void gw_wake_finish(struct gw_wake *w)
{
	finish(w);
}

bool gw_wake_wait(struct gw_wake *w, int64_t timeout_ns)
{
	struct pollfd p = {.fd = w->fd, .events = POLLIN};
	struct timespec ts = gw_timespec_from_ns(timeout_ns);

	ppoll(&p, 1, timeout_ns < 0 ? NULL : &ts, NULL);
	return finish(w);
}

void gw_wake_poke(struct gw_wake *w)
{
	const uint64_t one = 1;
	int saved;

	if (atomic_exchange_explicit(&w->sleeping, 0, memory_order_acq_rel) == 0)
		return;
	saved = errno;
	while (write(w->fd, &one, sizeof(one)) < 0 && errno == EINTR)
		continue;
	errno = saved;
}
