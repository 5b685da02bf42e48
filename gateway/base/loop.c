/* SPDX-License-Identifier: Apache-2.0 */
#include "base/loop.h"

#include "base/clock.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

/* Timers fired in one round, so that one that arms itself for the past does not starve the rest. */
#define FIRE_MAX 64

enum gw_err gw_loop_init(struct gw_loop *l, struct gw_error *err)
{
	int fd = epoll_create1(EPOLL_CLOEXEC);

	if (fd < 0)
		return gw_fail(err, GW_ERR_SYSTEM, errno, "epoll_create: %s",
			gw_errno_text(errno));
	memset(l, 0, sizeof(*l));
	l->epoll_fd = fd;
	l->open = true;
	return GW_OK;
}

void gw_loop_fini(struct gw_loop *l)
{
	if (!l->open)
		return;
	close(l->epoll_fd);
	memset(l, 0, sizeof(*l));
}

enum gw_err gw_loop_add(
	struct gw_loop *l, struct gw_loop_fd *f, uint32_t events, struct gw_error *err)
{
	struct epoll_event ev = {.events = events, .data.ptr = f};

	if (epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, f->fd, &ev) < 0)
		return gw_fail(
			err, GW_ERR_SYSTEM, errno, "epoll_ctl: %s", gw_errno_text(errno));
	f->added = true;
	return GW_OK;
}

void gw_loop_set_events(struct gw_loop *l, struct gw_loop_fd *f, uint32_t events)
{
	struct epoll_event ev = {.events = events, .data.ptr = f};

	if (f->added)
		epoll_ctl(l->epoll_fd, EPOLL_CTL_MOD, f->fd, &ev);
}

void gw_loop_remove(struct gw_loop *l, struct gw_loop_fd *f)
{
	if (!f->added)
		return;
	epoll_ctl(l->epoll_fd, EPOLL_CTL_DEL, f->fd, NULL);
	f->added = false;
	for (int i = 0; i < l->n_batch; i++)
		if (l->batch[i].data.ptr == f)
			l->batch[i].data.ptr = NULL;
}

void gw_loop_arm(struct gw_loop *l, struct gw_loop_timer *t, int64_t due_ns)
{
	struct gw_loop_timer **at = &l->timers;

	gw_loop_disarm(l, t);
	while (*at && (*at)->due_ns <= due_ns)
		at = &(*at)->next;
	t->due_ns = due_ns;
	t->next = *at;
	t->armed = true;
	*at = t;
}

void gw_loop_disarm(struct gw_loop *l, struct gw_loop_timer *t)
{
	struct gw_loop_timer **at = &l->timers;

	if (!t->armed)
		return;
	while (*at && *at != t)
		at = &(*at)->next;
	if (*at)
		*at = t->next;
	t->next = NULL;
	t->armed = false;
}

/* The eventfd only ends the sleep: the next round drains. */
static void woken(void *arg, uint32_t events)
{
	(void)arg;
	(void)events;
}

enum gw_err gw_loop_add_wake(
	struct gw_loop *l, struct gw_loop_wake *w, struct gw_error *err)
{
	w->io = (struct gw_loop_fd){.fd = w->wake->fd, .ready = woken};
	if (gw_loop_add(l, &w->io, EPOLLIN, err))
		return GW_ERR_SYSTEM;
	w->next = l->wakes;
	l->wakes = w;
	return GW_OK;
}

static int sleep_ms(const struct gw_loop *l, int64_t max_ns)
{
	int64_t wait_ns = max_ns, ms;

	if (l->timers) {
		int64_t until_ns = l->timers->due_ns - gw_clock_boot_ns();

		if (until_ns < 0)
			until_ns = 0;
		if (wait_ns < 0 || until_ns < wait_ns)
			wait_ns = until_ns;
	}
	if (wait_ns < 0)
		return -1;
	/* Rounded up, or the last millisecond before a timer would be a busy loop. */
	ms = wait_ns / GW_NS_PER_MS + (wait_ns % GW_NS_PER_MS != 0);
	return ms > INT_MAX ? INT_MAX : (int)ms;
}

static void fire_due(struct gw_loop *l)
{
	int64_t now_ns = l->timers ? gw_clock_boot_ns() : 0;

	for (int i = 0; i < FIRE_MAX && l->timers && l->timers->due_ns <= now_ns; i++) {
		struct gw_loop_timer *t = l->timers;

		gw_loop_disarm(l, t);
		t->fire(t->arg, now_ns);
	}
}

enum gw_err gw_loop_once(struct gw_loop *l, int64_t max_ns, struct gw_error *err)
{
	struct gw_loop_wake *w;
	bool busy = false;
	int n, why;

	for (w = l->wakes; w; w = w->next)
		gw_wake_prepare(w->wake);
	for (w = l->wakes; w; w = w->next)
		busy |= w->drain(w->arg);
	n = epoll_wait(l->epoll_fd, l->batch, GW_LOOP_BATCH,
		busy || l->stop ? 0 : sleep_ms(l, max_ns));
	why = errno;
	for (w = l->wakes; w; w = w->next)
		gw_wake_finish(w->wake);
	if (n < 0 && why != EINTR)
		return gw_fail(
			err, GW_ERR_SYSTEM, why, "epoll_wait: %s", gw_errno_text(why));
	l->n_batch = n > 0 ? n : 0;
	for (int i = 0; i < l->n_batch && !l->stop; i++) {
		struct gw_loop_fd *f = l->batch[i].data.ptr;

		if (f)
			f->ready(f->arg, l->batch[i].events);
	}
	l->n_batch = 0;
	if (!l->stop)
		fire_due(l);
	return GW_OK;
}

enum gw_err gw_loop_run(struct gw_loop *l, struct gw_error *err)
{
	while (!l->stop)
		if (gw_loop_once(l, -1, err))
			return GW_ERR_SYSTEM;
	return GW_OK;
}

void gw_loop_stop(struct gw_loop *l)
{
	l->stop = true;
}
