/* SPDX-License-Identifier: Apache-2.0 */
/*
 * thread.h: a named thread that can show it is alive. One that the watchdog checks
 * (app/watchdog.c, which says how old a beat may become) beats while healthy, and wakes up for that
 * if it has to; main feeds systemd's watchdog only while all of these beat. GW_BEAT_MAX_MS bounds
 * the sleep of the threads that may beat so seldom; the engine beats each second.
 *
 * Owner: the stage that runs in it. Thread: start and stop by main; beat by the thread itself.
 * Signals are blocked in every thread but main.
 */
#ifndef GW_BASE_THREAD_H
#define GW_BASE_THREAD_H

#include "base/error.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#define GW_BEAT_MAX_MS 5000

struct gw_thread {
	pthread_t id;            /* main */
	bool running;            /* main */
	char name[16];           /* set at start; the kernel's limit of 15 */
	_Atomic int64_t beat_ns; /* CLOCK_BOOTTIME of the last beat */
	_Atomic bool stop;       /* requested by main */
	_Atomic bool ended;      /* run has returned: join does not block */
	_Atomic int tid;         /* of the kernel, 0 until it runs; set by the thread */
	bool held, dropped;      /* main, before it opens the gate */
	sem_t gate;              /* the thread waits here before it runs */
	void *(*run)(void *);
	void *arg;
};

enum gw_err gw_thread_start(struct gw_thread *t, const char *name, void *(*run)(void *),
	void *arg, struct gw_error *err);
/* Call before start: start then creates the thread, which may fail, but it runs only after
 * release. If stop is requested first it never runs. */
void gw_thread_hold(struct gw_thread *t);
void gw_thread_release(struct gw_thread *t); /* not held or twice is fine */
/* Does not wait. The caller then wakes whatever the thread sleeps in, and joins. */
void gw_thread_request_stop(struct gw_thread *t);
void gw_thread_join(struct gw_thread *t);  /* not running or twice is fine */
bool gw_thread_ended(struct gw_thread *t); /* join would not block */
/* Join a thread whose stop was requested, for wait_ms at most. False: it did not end and is
 * detached; its memory must never be freed. */
bool gw_thread_join_within(struct gw_thread *t, int wait_ms);

/* It is ready to run: what it lacks is a processor, not an answer of a device or a lock. Reads
 * /proc; false where that cannot be read. Main. */
bool gw_thread_is_runnable(struct gw_thread *t);

/* For waits of condition variables and semaphores, which use CLOCK_MONOTONIC: its time when
 * gw_clock_boot_ns() will be boot_ns, if nothing suspends the machine; at once if that is past. */
struct timespec gw_thread_deadline(int64_t boot_ns);

bool gw_thread_stopping(struct gw_thread *t);
void gw_thread_beat(struct gw_thread *t, int64_t boot_ns);

#endif
