/* SPDX-License-Identifier: Apache-2.0 */
#include "alert_log/alert_sync.h"

#include "base/clock.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

/* The longest wait: the thread must beat. */
#define LOOK_UP_NS (2 * GW_NS_PER_SEC)

enum gw_err gw_alert_sync_new(struct gw_alert_sync **ret_sync, struct gw_error *err)
{
	struct gw_alert_sync *s = calloc(1, sizeof(*s));

	if (!s)
		return gw_fail(err, GW_ERR_SYSTEM, 0, "alert log: out of memory");
	atomic_init(&s->fd, -1);
	s->wake.fd = -1;
	if (gw_wake_init(&s->wake, err)) {
		free(s);
		return GW_ERR_SYSTEM;
	}
	*ret_sync = s;
	return GW_OK;
}

static void sync_now(struct gw_alert_sync *s)
{
	/* acquire pairs with the release in gw_alert_sync_request: the lines were
	 * written before */
	int fd = atomic_exchange_explicit(&s->fd, -1, memory_order_acq_rel);

	if (fd < 0)
		return;
	/* relaxed: counts that publish nothing. A failure is only counted: a pipe cannot
	 * be synced, and a failing disk makes the next write fail, which is logged. */
	if (fdatasync(fd) == 0)
		atomic_fetch_add_explicit(&s->syncs, 1, memory_order_relaxed);
	else
		atomic_fetch_add_explicit(&s->failures, 1, memory_order_relaxed);
	close(fd);
}

static void *run(void *arg)
{
	struct gw_alert_sync *s = arg;
	int64_t next_ns = 0;

	for (;;) {
		int64_t now_ns = gw_clock_boot_ns(), wait_ns = LOOK_UP_NS;
		bool stop = gw_thread_stopping(&s->thread);
		bool asked = atomic_load_explicit(&s->fd, memory_order_relaxed) >= 0;

		gw_thread_beat(&s->thread, now_ns);
		if (asked && (stop || now_ns >= next_ns)) {
			sync_now(s);
			next_ns = gw_clock_boot_ns() + GW_ALERT_SYNC_NS;
			continue;
		}
		if (stop)
			return NULL;
		if (asked)
			wait_ns = next_ns - now_ns;
		gw_wake_prepare(&s->wake);
		if (gw_thread_stopping(&s->thread) ||
			(!asked && atomic_load_explicit(&s->fd, memory_order_relaxed) >= 0))
			gw_wake_finish(&s->wake);
		else
			gw_wake_wait(&s->wake, wait_ns);
	}
}

enum gw_err gw_alert_sync_start(struct gw_alert_sync *s, struct gw_error *err)
{
	return gw_thread_start(&s->thread, "alert-sync", run, s, err);
}

void gw_alert_sync_free(struct gw_alert_sync *s)
{
	int fd;

	if (!s)
		return;
	gw_thread_request_stop(&s->thread);
	gw_wake_poke(&s->wake);
	if (!gw_thread_join_within(&s->thread, GW_ALERT_SYNC_LAST_MS))
		return;
	fd = atomic_exchange_explicit(&s->fd, -1, memory_order_acq_rel);
	if (fd >= 0)
		close(fd);
	gw_wake_fini(&s->wake);
	free(s);
}

void gw_alert_sync_request(struct gw_alert_sync *s, int fd)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3), old;

	if (copy < 0)
		return; /* no descriptors: the next line tries again */
	old = atomic_exchange_explicit(&s->fd, copy, memory_order_acq_rel);
	if (old >= 0)
		close(old);
	else
		gw_wake_poke(&s->wake);
}
