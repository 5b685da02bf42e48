/* SPDX-License-Identifier: Apache-2.0 */
#include "alert_log/alert_log.h"

#include "alert_log/alert_sync.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/pages.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BATCH 32
/* The longest wait: the thread must beat. */
#define LOOK_UP_NS (2 * GW_NS_PER_SEC)

struct gw_alert_log {
	/* set at new */
	char *path;
	struct gw_ring events;
	struct gw_wake wake;
	struct gw_thread thread;
	struct gw_alert_sync *sync;
	gid_t group; /* -1: the process's own */
	/* its thread only */
	int fd; /* -1: not open */
	dev_t dev;
	ino_t ino;
	char *text; /* buffered lines, GW_ALERT_LOG_BUFFER bytes */
	size_t used;
	size_t n_partial; /* bytes of the first line that were written already */
	uint64_t lost_reported;
	int64_t failed_ns, retry_ns;
	struct gw_event batch[BATCH];
	/* any thread, atomic */
	_Atomic bool failing;
	_Atomic int native;
	_Atomic uint64_t lines, waiting, lost;
};

enum gw_err gw_alert_log_new(const char *path, size_t ring_capacity,
	struct gw_alert_log **ret_log, struct gw_error *err)
{
	struct gw_alert_log *a = calloc(1, sizeof(*a));

	if (!a)
		return gw_fail(err, GW_ERR_SYSTEM, ENOMEM, "alert log: out of memory");
	a->fd = -1;
	a->group = (gid_t)-1;
	a->path = strdup(path);
	a->text = gw_pages_map(1, GW_ALERT_LOG_BUFFER);
	if (!a->path || !a->text) {
		gw_fail(err, GW_ERR_SYSTEM, ENOMEM, "alert log: out of memory");
		goto failed;
	}
	if (gw_wake_init(&a->wake, err))
		goto failed;
	if (gw_ring_init(&a->events, ring_capacity, sizeof(struct gw_event), err) ||
		gw_alert_sync_new(&a->sync, err))
		goto failed;
	*ret_log = a;
	return GW_OK;
failed:
	gw_alert_log_free(a);
	return GW_ERR_SYSTEM;
}

void gw_alert_log_free(struct gw_alert_log *a)
{
	if (!a)
		return;
	gw_alert_log_request_stop(a);
	gw_alert_log_join(a);
	gw_alert_sync_free(a->sync);
	if (a->fd >= 0)
		close(a->fd);
	gw_ring_fini(&a->events);
	gw_wake_fini(&a->wake);
	gw_pages_unmap(a->text, 1, GW_ALERT_LOG_BUFFER);
	free(a->path);
	free(a);
}

/* ---- lines in memory ---- */

static size_t line_length(const char *text, size_t n)
{
	const char *end = memchr(text, '\n', n);

	return end ? (size_t)(end - text) + 1 : n;
}

static void count_removed(struct gw_alert_log *a, uint64_t lines, _Atomic uint64_t *where)
{
	atomic_fetch_add_explicit(where, lines, memory_order_relaxed);
	atomic_fetch_sub_explicit(&a->waiting, lines, memory_order_relaxed);
}

/* A quarter of the buffer at once: otherwise a flood would move the whole buffer for
 * each line. A line that was written in part stays, so that it gets its end. */
static void discard_oldest(struct gw_alert_log *a)
{
	size_t from = a->n_partial ? line_length(a->text, a->used) : 0, to = from;
	uint64_t lines = 0;

	while (to < a->used && to - from < GW_ALERT_LOG_BUFFER / 4) {
		to += line_length(a->text + to, a->used - to);
		lines++;
	}
	memmove(a->text + from, a->text + to, a->used - to);
	a->used -= to - from;
	count_removed(a, lines, &a->lost);
}

static void add_line(struct gw_alert_log *a, const struct gw_event *e)
{
	struct gw_text t;

	if (GW_ALERT_LOG_BUFFER - a->used < GW_EVENT_LINE_MAX + 1)
		discard_oldest(a);
	gw_text_init(&t, a->text + a->used, GW_EVENT_LINE_MAX);
	gw_event_line(&t, e);
	a->used += t.used;
	a->text[a->used++] = '\n';
	atomic_fetch_add_explicit(&a->waiting, 1, memory_order_relaxed);
}

/* ---- the file ---- */

static void close_file(struct gw_alert_log *a)
{
	if (a->fd >= 0)
		close(a->fd);
	a->fd = -1;
}

static void make_folder(const char *path)
{
	char folder[4096];
	const char *slash = strrchr(path, '/');
	size_t n = slash ? (size_t)(slash - path) : 0;

	if (n == 0 || n >= sizeof(folder))
		return;
	memcpy(folder, path, n);
	folder[n] = '\0';
	mkdir(folder, 0750);
}

/* An existing file keeps its mode. O_NONBLOCK: a FIFO in its place must not hang the
 * thread. O_NOFOLLOW: a link made by a user who can write to the folder would choose the
 * file that is appended to. Links on the way to the folder are followed: root makes
 * them, for example to another disk. */
static int open_or_create(const struct gw_alert_log *a)
{
	const int flags = O_RDWR | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK |
		O_NOFOLLOW;
	struct stat st;
	int fd = open(a->path, flags);

	if (fd >= 0 || errno != ENOENT)
		return fd;
	make_folder(a->path);
	fd = open(a->path, flags | O_CREAT | O_EXCL, 0640);
	if (fd < 0)
		return fd;
	/* The unit's Group= is that group already, and its system call filter has no chown. */
	if (a->group != (gid_t)-1 && fstat(fd, &st) == 0 && st.st_gid != a->group &&
		fchown(fd, (uid_t)-1, a->group) != 0)
		gw_log(GW_LOG_NOTICE, "alert log %s: cannot be given to group %u: %s",
			a->path, (unsigned)a->group, gw_errno_text(errno));
	fchmod(fd, 0640); /* independent of the umask: the group reads it */
	return fd;
}

/* Whether the file ends in part of a line, after a crash or on a full disk. */
static bool ends_in_part_line(int fd, const struct stat *st)
{
	char last;

	return S_ISREG(st->st_mode) && st->st_size > 0 &&
		pread(fd, &last, 1, st->st_size - 1) == 1 && last != '\n';
}

/* 0, or errno. */
static int open_file(struct gw_alert_log *a)
{
	struct stat st;
	int fd = open_or_create(a);
	bool is_same_file;

	if (fd < 0)
		return errno;
	if (fstat(fd, &st) < 0) {
		int why = errno;

		close(fd);
		return why;
	}
	is_same_file = st.st_dev == a->dev && st.st_ino == a->ino;
	if (!is_same_file || !ends_in_part_line(fd, &st))
		a->n_partial = 0;
	if (a->n_partial == 0 && ends_in_part_line(fd, &st) && write(fd, "\n", 1) != 1) {
		int why = errno;

		close(fd);
		return why;
	}
	a->fd = fd;
	a->dev = st.st_dev;
	a->ino = st.st_ino;
	return 0;
}

static bool is_renamed(const struct gw_alert_log *a)
{
	struct stat st;

	return lstat(a->path, &st) < 0 || st.st_dev != a->dev || st.st_ino != a->ino;
}

static void written(struct gw_alert_log *a, size_t n)
{
	size_t done = 0, whole = a->n_partial + n;
	uint64_t lines = 0;

	while (done < whole) {
		size_t length = line_length(a->text + done, a->used - done);

		if (done + length > whole)
			break;
		done += length;
		lines++;
	}
	a->n_partial = whole - done;
	memmove(a->text, a->text + done, a->used - done);
	a->used -= done;
	count_removed(a, lines, &a->lines);
}

/* 0, or errno. */
static int write_out(struct gw_alert_log *a)
{
	bool any = a->used > 0;

	if (a->fd >= 0 && is_renamed(a))
		close_file(a);
	while (a->used > 0) {
		ssize_t n;
		int why = a->fd < 0 ? open_file(a) : 0;

		if (why)
			return why;
		n = write(a->fd, a->text + a->n_partial, a->used - a->n_partial);
		if (n < 0 && errno != EINTR)
			return errno;
		if (n > 0)
			written(a, (size_t)n);
	}
	if (any)
		gw_alert_sync_request(a->sync, a->fd);
	return 0;
}

/* ---- reporting ---- */

static void report_failing(struct gw_alert_log *a, int why, int64_t now_ns)
{
	/* the next try opens the file again: another disk may be mounted then */
	close_file(a);
	a->retry_ns = now_ns + GW_ALERT_LOG_RETRY_NS;
	atomic_store_explicit(&a->native, why, memory_order_relaxed);
	if (atomic_exchange_explicit(&a->failing, true, memory_order_acq_rel))
		return;
	a->failed_ns = now_ns;
	gw_log(GW_LOG_ERR, "alert log %s: %s; lines wait in memory", a->path,
		why == ELOOP
			? "a symbolic link is not followed, set gateway.alert_log to the file itself"
			: gw_errno_text(why));
}

static void report_working(struct gw_alert_log *a, int64_t now_ns)
{
	uint64_t lost = atomic_load_explicit(&a->lost, memory_order_relaxed);
	char memory[64];
	struct gw_text t;

	if (!atomic_exchange_explicit(&a->failing, false, memory_order_acq_rel))
		return;
	gw_text_init(&t, memory, sizeof(memory));
	gw_text_add_duration(&t, (now_ns - a->failed_ns) / GW_NS_PER_SEC * GW_NS_PER_SEC);
	gw_log(GW_LOG_NOTICE, "alert log %s: written again after %s, %llu lines lost",
		a->path, memory, (unsigned long long)(lost - a->lost_reported));
	a->lost_reported = lost;
}

static void try_to_write(struct gw_alert_log *a, int64_t now_ns)
{
	int why = write_out(a);

	if (why)
		report_failing(a, why, now_ns);
	else
		report_working(a, now_ns);
}

static bool may_write(struct gw_alert_log *a, int64_t now_ns)
{
	return !atomic_load_explicit(&a->failing, memory_order_relaxed) ||
		now_ns >= a->retry_ns;
}

int64_t gw_alert_log_step(struct gw_alert_log *a, int64_t now_ns)
{
	size_t n;

	do {
		n = gw_ring_pop(&a->events, a->batch, BATCH, sizeof(a->batch[0]));
		for (size_t i = 0; i < n; i++)
			add_line(a, &a->batch[i]);
		if (n > 0 && may_write(a, now_ns))
			try_to_write(a, now_ns);
	} while (n > 0);
	if (a->used > 0 && may_write(a, now_ns))
		try_to_write(a, now_ns);
	return a->used > 0 ? a->retry_ns : INT64_MAX;
}

/* ---- the thread ---- */

static void *run(void *arg)
{
	struct gw_alert_log *a = arg;
	int64_t now_ns = gw_clock_boot_ns();
	uint64_t left;

	while (!gw_thread_stopping(&a->thread)) {
		int64_t next_ns, wait_ns;

		gw_thread_beat(&a->thread, now_ns);
		next_ns = gw_alert_log_step(a, now_ns);
		wait_ns = next_ns - now_ns < LOOK_UP_NS ? next_ns - now_ns : LOOK_UP_NS;
		gw_wake_prepare(&a->wake);
		if (gw_ring_count(&a->events) > 0 || gw_thread_stopping(&a->thread))
			gw_wake_finish(&a->wake);
		else
			gw_wake_wait(&a->wake, wait_ns > 0 ? wait_ns : 0);
		now_ns = gw_clock_boot_ns();
	}
	a->retry_ns = now_ns; /* a last try even if the disk failed before */
	gw_alert_log_step(a, now_ns);
	left = atomic_load_explicit(&a->waiting, memory_order_relaxed);
	if (left > 0)
		gw_log(GW_LOG_ERR, "alert log %s: %llu lines were not written", a->path,
			(unsigned long long)left);
	return NULL;
}

enum gw_err gw_alert_log_start(struct gw_alert_log *a, struct gw_error *err)
{
	enum gw_err rc = gw_alert_sync_start(a->sync, err);

	return rc ? rc : gw_thread_start(&a->thread, "alert-log", run, a, err);
}

void gw_alert_log_request_stop(struct gw_alert_log *a)
{
	gw_thread_request_stop(&a->thread);
	if (a->wake.fd > 0)
		gw_wake_poke(&a->wake);
}

void gw_alert_log_join(struct gw_alert_log *a)
{
	gw_thread_join(&a->thread);
}

void gw_alert_log_group(struct gw_alert_log *a, gid_t group)
{
	a->group = group;
}

struct gw_ring *gw_alert_log_events(struct gw_alert_log *a)
{
	return &a->events;
}

struct gw_wake *gw_alert_log_wake(struct gw_alert_log *a)
{
	return &a->wake;
}

struct gw_thread *gw_alert_log_thread(struct gw_alert_log *a)
{
	return &a->thread;
}

const char *gw_alert_log_path(const struct gw_alert_log *a)
{
	return a->path;
}

void gw_alert_log_status(struct gw_alert_log *a, struct gw_alert_log_status *ret_status)
{
	*ret_status = (struct gw_alert_log_status){
		.failing = atomic_load_explicit(&a->failing, memory_order_acquire),
		.native = atomic_load_explicit(&a->native, memory_order_relaxed),
		.lines = atomic_load_explicit(&a->lines, memory_order_relaxed),
		.waiting = atomic_load_explicit(&a->waiting, memory_order_relaxed),
		.lost = atomic_load_explicit(&a->lost, memory_order_relaxed),
		.syncs = atomic_load_explicit(&a->sync->syncs, memory_order_relaxed),
	};
}
