/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log_writer.h"

#include "base/log_ring.h"
#include "base/thread.h"
#include "base/wake.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#define DIRECT_WAIT_MS 1000 /* without the thread: for a reader that is only slow */
#define SLICE_MS       200  /* the thread looks that often whether it is to stop */
#define SLEEP_NS       (INT64_C(1000000) * 1000)

/* There is one stderr in a process, and so one writer. */
static struct {
	struct gw_thread thread;
	struct gw_wake wake;
	struct gw_log_ring ring;
	_Atomic bool started; /* lines go through the ring; changed while one thread logs */
	_Atomic bool blocked; /* the last try to write found no room */
	_Atomic uint64_t lost;
	uint64_t lost_reported; /* the thread's, and main's when there is none */
} writer = {.wake = {.fd = -1}};

enum outcome { WRITTEN, WOULD_BLOCK, FAILED };

/* stderr is shared with other programs and must not be made non-blocking; a pipe that poll(2)
 * finds writable takes PIPE_BUF bytes at once, which is more than a line has. */
static enum outcome write_line(const char *line, size_t n, int wait_ms)
{
	struct pollfd fd = {.fd = STDERR_FILENO, .events = POLLOUT};

	while (n > 0) {
		ssize_t done = poll(&fd, 1, wait_ms);

		if (done == 0)
			return WOULD_BLOCK;
		if (done > 0)
			done = write(STDERR_FILENO, line, n);
		if (done < 0 && errno != EINTR)
			return errno == EAGAIN ? WOULD_BLOCK : FAILED;
		if (done > 0) {
			line += done;
			n -= (size_t)done;
		}
	}
	return WRITTEN;
}

static void count_lost(void)
{
	/* relaxed: a count that publishes nothing */
	atomic_fetch_add_explicit(&writer.lost, 1, memory_order_relaxed);
}

/* Whether the line is done with: written, or lost for good. */
static bool try_line(const char *line, size_t n, int wait_ms)
{
	enum outcome outcome = write_line(line, n, wait_ms);

	/* relaxed: a flag for people */
	atomic_store_explicit(&writer.blocked, outcome != WRITTEN, memory_order_relaxed);
	if (outcome == FAILED) /* the reader has closed its end, say: waiting is no use */
		count_lost();
	return outcome != WOULD_BLOCK;
}

static bool report_lost(int wait_ms)
{
	uint64_t lost = atomic_load_explicit(&writer.lost, memory_order_relaxed);
	char line[100];
	int n;

	if (lost == writer.lost_reported ||
		atomic_load_explicit(&writer.blocked, memory_order_relaxed))
		return true;
	n = snprintf(line, sizeof(line),
		"%" PRIu64 " log lines were not written: stderr took none\n",
		lost - writer.lost_reported);
	if (!try_line(line, (size_t)n, wait_ms))
		return false;
	if (!atomic_load_explicit(&writer.blocked, memory_order_relaxed))
		writer.lost_reported = lost;
	return true;
}

/* ---- the thread ---- */

static bool any_waits(void)
{
	return atomic_load_explicit(&writer.ring.head, memory_order_acquire) !=
		atomic_load_explicit(&writer.ring.tail, memory_order_acquire);
}

static void *run(void *arg)
{
	int slices_left = GW_LOG_LAST_MS / SLICE_MS - 1;
	char line[GW_LOG_LINE_MAX];
	size_t n = 0;

	(void)arg;
	for (;;) {
		bool stop = gw_thread_stopping(&writer.thread);

		if (n == 0)
			n = gw_log_ring_pop(&writer.ring, line);
		if (n > 0) {
			if (try_line(line, n, SLICE_MS))
				n = 0;
			else if (stop && --slices_left <= 0)
				return NULL;
			continue;
		}
		if (!report_lost(SLICE_MS) && stop && --slices_left <= 0)
			return NULL;
		if (stop)
			return NULL;
		gw_wake_prepare(&writer.wake);
		if (any_waits() || gw_thread_stopping(&writer.thread))
			gw_wake_finish(&writer.wake);
		else
			gw_wake_wait(&writer.wake, SLEEP_NS);
	}
}

enum gw_err gw_log_writer_start(struct gw_error *err)
{
	enum gw_err rc = gw_wake_init(&writer.wake, err);

	if (!rc)
		rc = gw_thread_start(&writer.thread, "log", run, NULL, err);
	/* relaxed: whoever logs from now on is started later, which orders it */
	atomic_store_explicit(&writer.started, rc == GW_OK, memory_order_relaxed);
	return rc;
}

void gw_log_writer_stop(void)
{
	if (!writer.thread.running)
		return;
	gw_thread_request_stop(&writer.thread);
	gw_wake_poke(&writer.wake);
	if (!gw_thread_join_within(&writer.thread, GW_LOG_LAST_MS))
		atomic_store_explicit(&writer.blocked, true, memory_order_relaxed);
	else
		gw_wake_fini(&writer.wake);
	atomic_store_explicit(&writer.started, false, memory_order_relaxed);
}

/* ---- any thread ---- */

/* After one timeout nobody waits again until a line was written. */
static void put_directly(const char *line, size_t n)
{
	bool blocked = atomic_load_explicit(&writer.blocked, memory_order_relaxed);
	int wait_ms = blocked ? 0 : DIRECT_WAIT_MS;

	if (!try_line(line, n, wait_ms))
		count_lost();
	else
		report_lost(0);
}

void gw_log_writer_put(const char *line, size_t n)
{
	if (!atomic_load_explicit(&writer.started, memory_order_relaxed))
		put_directly(line, n);
	else if (gw_log_ring_push(&writer.ring, line, n))
		gw_wake_poke(&writer.wake);
	else
		count_lost();
}

bool gw_log_writer_blocked(void)
{
	return atomic_load_explicit(&writer.blocked, memory_order_relaxed);
}

uint64_t gw_log_writer_lost(void)
{
	return atomic_load_explicit(&writer.lost, memory_order_relaxed);
}
