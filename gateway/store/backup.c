/* SPDX-License-Identifier: Apache-2.0 */
#include "store/backup.h"

#include "store/anonymous_db.h"
#include "store/store_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define FIRST_PAGES    32
#define LEAST_PAGES    8
#define MOST_PAGES     256
#define SHORT_STEP_NS  GW_NS_PER_MS
#define LONG_STEP_NS   (4 * GW_NS_PER_MS)
#define PAUSE_PER_STEP 3
#define BYTES_PER_S    (8 << 20) /* as a slow card writes without holding up others */
#define ANNOUNCE_NS    (250 * GW_NS_PER_MS)

static void close_copy(struct gw_store *s)
{
	struct gw_backup *b = &s->backup;

	sqlite3_backup_finish(b->from);
	sqlite3_close_v2(b->copy);
	if (b->fd >= 0)
		close(b->fd);
	*b = (struct gw_backup){.fd = -1};
}

static void post(struct gw_store *s, const char *why, int fd, int64_t bytes)
{
	struct gw_store_backup_result *r = calloc(1, sizeof(*r));

	if (!r) { /* the client gives up after a minute */
		if (fd >= 0)
			close(fd);
	} else {
		*r = (struct gw_store_backup_result){
			.failed = why != NULL, .fd = fd, .bytes = bytes};
		snprintf(r->why, sizeof(r->why), "%s", why ? why : "");
		/* release, paired with the acquire of gw_store_take_backup; nobody posts twice:
		 * main does not ask again before it has taken the result */
		atomic_store_explicit(&s->backup_result, r, memory_order_release);
	}
	atomic_store_explicit(&s->backup_done, 0, memory_order_relaxed);
	atomic_store_explicit(&s->backup_pages, 0, memory_order_relaxed);
	/* release: who sees false sees the result, too */
	atomic_store_explicit(&s->backup_requested, false, memory_order_release);
	if (s->reader)
		gw_wake_poke(s->reader);
}

bool gw_backup_abort(struct gw_store *s, const char *why)
{
	if (!s->backup.copy)
		return false;
	close_copy(s);
	post(s, why, -1, 0);
	return true;
}

static int64_t free_bytes(const struct gw_store *s)
{
	struct statvfs v;

	if (statvfs(s->dir, &v))
		return 0;
	return (int64_t)v.f_bavail * (int64_t)v.f_frsize;
}

/* What is left for others once that many pages more were written. */
static enum gw_err check_space(struct gw_store *s, int64_t pages, struct gw_error *err)
{
	int64_t needed = pages * GW_DB_PAGE_BYTES + (int64_t)GW_BACKUP_RESERVE;
	int64_t have = free_bytes(s);

	if (have >= needed)
		return GW_OK;
	return gw_fail(err, GW_ERR_FULL, 0,
		"%s has %lld MB free, and the copy needs %lld MB, of which %lld MB stay free for alarms",
		s->dir, (long long)have >> 20, ((long long)needed >> 20) + 1,
		(long long)GW_BACKUP_RESERVE >> 20);
}

static enum gw_err open_copy(struct gw_store *s, struct gw_error *err)
{
	struct gw_backup *b = &s->backup;
	char path[PATH_MAX];
	enum gw_err rc;

	snprintf(path, sizeof(path), "%s/backup.db", s->dir);
	rc = gw_anonymous_db_open(path, &b->copy, &b->fd, err);
	if (rc)
		return rc;
	b->from = sqlite3_backup_init(b->copy, "main", s->db.handle, "main");
	return b->from ? GW_OK
		       : gw_fail(err, GW_ERR_SYSTEM, sqlite3_extended_errcode(b->copy),
				 "copy: %s", sqlite3_errmsg(b->copy));
}

static enum gw_err begin(struct gw_store *s, struct gw_error *err)
{
	int64_t pages = 0, unused = 0;
	enum gw_err rc;

	if (!s->start_recorded || s->failing || s->recheck_needed || s->displaced)
		return gw_fail(err, GW_ERR_SYSTEM, 0, "the database cannot be read now: %s",
			s->failing ? s->why.text : "it is being opened");
	if ((rc = gw_db_pages(&s->db, &pages, &unused, err)) ||
		(rc = check_space(s, pages, err)) || (rc = open_copy(s, err)))
		return rc;
	s->backup.step_pages = FIRST_PAGES;
	return GW_OK;
}

static void publish_progress(struct gw_store *s, int64_t now_ns)
{
	struct gw_backup *b = &s->backup;
	int pages = sqlite3_backup_pagecount(b->from);

	/* relaxed: two numbers for people */
	atomic_store_explicit(&s->backup_pages, pages, memory_order_relaxed);
	atomic_store_explicit(&s->backup_done, pages - sqlite3_backup_remaining(b->from),
		memory_order_relaxed);
	if (now_ns < b->announce_ns)
		return;
	b->announce_ns = now_ns + ANNOUNCE_NS;
	if (s->reader)
		gw_wake_poke(s->reader);
}

/* The copy's connection writes what it holds, then the file is whole. */
static void finish(struct gw_store *s)
{
	struct gw_backup *b = &s->backup;
	int64_t bytes = (int64_t)sqlite3_backup_pagecount(b->from) * GW_DB_PAGE_BYTES;
	int code = sqlite3_backup_finish(b->from);
	int fd = b->fd;

	b->from = NULL;
	b->fd = -1;
	close_copy(s);
	if (code == SQLITE_OK) {
		post(s, NULL, fd, bytes);
		return;
	}
	close(fd);
	post(s, sqlite3_errstr(code), -1, 0);
}

static void copy_pages(struct gw_store *s, int64_t now_ns)
{
	struct gw_backup *b = &s->backup;
	int code = sqlite3_backup_step(b->from, b->step_pages);
	int64_t took_ns = gw_clock_boot_ns() - now_ns;
	int64_t pause_ns = took_ns * PAUSE_PER_STEP;
	int64_t pace_ns = (int64_t)b->step_pages * GW_DB_PAGE_BYTES *
		(GW_NS_PER_SEC / BYTES_PER_S);

	if (code == SQLITE_DONE) {
		publish_progress(s, now_ns);
		finish(s);
		return;
	}
	if (code != SQLITE_OK && code != SQLITE_BUSY && code != SQLITE_LOCKED) {
		gw_backup_abort(s, sqlite3_errstr(code));
		return;
	}
	if (took_ns > LONG_STEP_NS && b->step_pages > LEAST_PAGES)
		b->step_pages /= 2;
	else if (took_ns < SHORT_STEP_NS && b->step_pages < MOST_PAGES)
		b->step_pages *= 2;
	b->next_ns = now_ns + took_ns + (pause_ns > pace_ns ? pause_ns : pace_ns);
	publish_progress(s, now_ns);
}

/* Nothing is left open after a failure of begin. */
static enum gw_err may_go_on(struct gw_store *s, bool stopping, struct gw_error *err)
{
	enum gw_err rc;

	if (stopping)
		return gw_fail(err, GW_ERR_STOPPED, 0, "tocsind stops");
	/* relaxed: it is set before the request is seen, or it is seen in the next step */
	if (atomic_load_explicit(&s->backup_cancelled, memory_order_relaxed))
		return gw_fail(err, GW_ERR_STOPPED, 0, "who asked for it is gone");
	if (s->backup.copy && (s->failing || s->recheck_needed))
		return gw_fail(err, GW_ERR_SYSTEM, 0, "the disk fails: %s", s->why.text);
	if (s->backup.copy)
		return check_space(s, s->backup.step_pages, err);
	rc = begin(s, err);
	if (rc)
		close_copy(s);
	return rc;
}

void gw_backup_step(struct gw_store *s, int64_t now_ns, bool stopping)
{
	struct gw_error why;

	/* acquire, paired with the release of gw_store_request_backup: an earlier copy is not
	 * cancelled any more */
	if (!atomic_load_explicit(&s->backup_requested, memory_order_acquire))
		return;
	if (may_go_on(s, stopping, &why)) {
		if (!gw_backup_abort(s, why.text))
			post(s, why.text, -1, 0);
	} else if (now_ns >= s->backup.next_ns) {
		copy_pages(s, gw_clock_boot_ns());
	}
}
