/* SPDX-License-Identifier: Apache-2.0 */
/*
 * loop.h: the event loop of main: file descriptors, timers, and the wakes of rings that main
 * drains, around one epoll_wait. Entries live in the caller's objects; the loop links them.
 *
 * Owner: main. Thread: one; nothing here may be called from another (they poke a gw_wake).
 * Life: init, add..., run, remove..., fini. A callback may add, remove or free any entry, its
 * own included, except that entries of gw_loop_wake stay until fini.
 */
#ifndef GW_BASE_LOOP_H
#define GW_BASE_LOOP_H

#include "base/error.h"
#include "base/wake.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

/* The caller fills fd, ready and arg before add. */
struct gw_loop_fd {
	int fd;
	void (*ready)(
		void *arg, uint32_t events); /* EPOLLIN, EPOLLOUT, EPOLLHUP, EPOLLERR */
	void *arg;
	bool added; /* loop only */
};

/* The caller fills fire and arg; a zeroed timer is not armed. */
struct gw_loop_timer {
	void (*fire)(void *arg, int64_t now_ns);
	void *arg;
	int64_t due_ns; /* loop only, as the rest */
	struct gw_loop_timer *next;
	bool armed;
};

/* Rings that other threads fill for main. drain empties them and returns whether there was
 * something. It is called before every sleep, between gw_wake_prepare and the wait, so that no
 * wake-up is missed. */
struct gw_loop_wake {
	struct gw_wake *wake;
	bool (*drain)(void *arg);
	void *arg;
	struct gw_loop_wake *next; /* loop only, as the rest */
	struct gw_loop_fd io;
};

#define GW_LOOP_BATCH 32

struct gw_loop {
	bool open, stop;
	int epoll_fd;
	struct gw_loop_timer *timers; /* soonest first */
	struct gw_loop_wake *wakes;
	struct epoll_event
		batch[GW_LOOP_BATCH]; /* being dispatched; a removed entry is NULL */
	int n_batch;
};

enum gw_err gw_loop_init(struct gw_loop *l, struct gw_error *err);
void gw_loop_fini(
	struct gw_loop *l); /* zeroed or twice is fine; closes no fd but its own */

enum gw_err gw_loop_add(
	struct gw_loop *l, struct gw_loop_fd *f, uint32_t events, struct gw_error *err);
/* The events to wait for from now on; 0 leaves EPOLLHUP and EPOLLERR. No effect if not added. */
void gw_loop_set_events(struct gw_loop *l, struct gw_loop_fd *f, uint32_t events);
void gw_loop_remove(
	struct gw_loop *l, struct gw_loop_fd *f); /* before close; twice is fine */

/* Fire once at due_ns (CLOCK_BOOTTIME). Arming an armed timer changes its time. */
void gw_loop_arm(struct gw_loop *l, struct gw_loop_timer *t, int64_t due_ns);
void gw_loop_disarm(struct gw_loop *l, struct gw_loop_timer *t); /* not armed is fine */

enum gw_err gw_loop_add_wake(
	struct gw_loop *l, struct gw_loop_wake *w, struct gw_error *err);

/* One round: drain the wakes, sleep until something happens, a timer is due or at most
 * max_ns (< 0: no bound) have passed, then call what is ready. GW_ERR_SYSTEM if epoll fails. */
enum gw_err gw_loop_once(struct gw_loop *l, int64_t max_ns, struct gw_error *err);
/* Rounds until a callback calls gw_loop_stop. */
enum gw_err gw_loop_run(struct gw_loop *l, struct gw_error *err);
void gw_loop_stop(struct gw_loop *l); /* nothing is called any more */

#endif
