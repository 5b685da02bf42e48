/* SPDX-License-Identifier: Apache-2.0 */
#include "base/thread.h"

#include "base/clock.h"
#include "base/timespec.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define JOIN_POLL_MS 10

static void *entry(void *arg)
{
	struct gw_thread *t = arg;
	void *result = NULL;

	/* here, and so before all that it does */
	pthread_setname_np(pthread_self(), t->name);
	/* relaxed: a number by itself, nothing is published with it */
	atomic_store_explicit(&t->tid, gettid(), memory_order_relaxed);
	while (sem_wait(&t->gate) && errno == EINTR)
		;
	gw_thread_beat(t, gw_clock_boot_ns());
	if (!t->dropped) /* written before the gate was opened */
		result = t->run(t->arg);
	atomic_store_explicit(&t->ended, true, memory_order_release);
	return result;
}

enum gw_err gw_thread_start(struct gw_thread *t, const char *name, void *(*run)(void *),
	void *arg, struct gw_error *err)
{
	sigset_t block, before;
	int code;

	snprintf(t->name, sizeof(t->name), "%s", name);
	atomic_store_explicit(&t->stop, false, memory_order_relaxed);
	atomic_store_explicit(&t->ended, false, memory_order_relaxed);
	atomic_store_explicit(&t->tid, 0, memory_order_relaxed);
	gw_thread_beat(t, gw_clock_boot_ns());
	t->run = run;
	t->arg = arg;
	t->dropped = false;
	sem_init(&t->gate, 0, t->held ? 0 : 1);

	/* The new thread inherits the mask. What the processor raises stays deliverable, or a
	 * crash would leave no report. */
	sigfillset(&block);
	sigdelset(&block, SIGSEGV);
	sigdelset(&block, SIGBUS);
	sigdelset(&block, SIGFPE);
	sigdelset(&block, SIGILL);
	sigdelset(&block, SIGABRT);
	sigdelset(&block, SIGTRAP);
	sigdelset(&block, SIGSYS);
	pthread_sigmask(SIG_BLOCK, &block, &before);
	code = pthread_create(&t->id, NULL, entry, t);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (code != 0)
		return gw_fail(err, GW_ERR_SYSTEM, code, "start thread %s: %s", name,
			gw_errno_text(code));
	t->running = true;
	return GW_OK;
}

void gw_thread_hold(struct gw_thread *t)
{
	t->held = true;
}

void gw_thread_release(struct gw_thread *t)
{
	if (!t->held)
		return;
	t->held = false;
	if (t->running)
		sem_post(&t->gate);
}

void gw_thread_request_stop(struct gw_thread *t)
{
	atomic_store_explicit(&t->stop, true, memory_order_release);
	if (t->held && t->running)
		t->dropped = true;
	gw_thread_release(t);
}

void gw_thread_join(struct gw_thread *t)
{
	if (!t->running)
		return;
	pthread_join(t->id, NULL);
	t->running = false;
	sem_destroy(&t->gate);
}

bool gw_thread_ended(struct gw_thread *t)
{
	return !t->running || atomic_load_explicit(&t->ended, memory_order_acquire);
}

bool gw_thread_join_within(struct gw_thread *t, int wait_ms)
{
	const struct timespec pause = {.tv_nsec = JOIN_POLL_MS * GW_NS_PER_MS};

	if (!t->running)
		return true;
	while (pthread_tryjoin_np(t->id, NULL) != 0) {
		if (wait_ms <= 0) {
			pthread_detach(t->id);
			t->running = false;
			return false;
		}
		nanosleep(&pause, NULL);
		wait_ms -= JOIN_POLL_MS;
	}
	t->running = false;
	return true;
}

struct timespec gw_thread_deadline(int64_t boot_ns)
{
	int64_t left_ns = boot_ns - gw_clock_boot_ns();
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (left_ns <= 0)
		return now;
	return gw_timespec_from_ns(
		(int64_t)now.tv_sec * GW_NS_PER_SEC + now.tv_nsec + left_ns);
}

bool gw_thread_is_runnable(struct gw_thread *t)
{
	int tid = atomic_load_explicit(&t->tid, memory_order_relaxed), fd;
	char path[64], stat[128];
	const char *state;
	ssize_t n;

	if (tid == 0)
		return t->running; /* it has not begun yet */
	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, stat, sizeof(stat) - 1);
	close(fd);
	if (n <= 0)
		return false;
	stat[n] = '\0';
	state = strrchr(stat, ')'); /* proc(5): TID (NAME) STATE */
	return state && state[1] == ' ' && state[2] == 'R';
}

bool gw_thread_stopping(struct gw_thread *t)
{
	return atomic_load_explicit(&t->stop, memory_order_acquire);
}

void gw_thread_beat(struct gw_thread *t, int64_t boot_ns)
{
	atomic_store_explicit(&t->beat_ns, boot_ns, memory_order_release);
}
