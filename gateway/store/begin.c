/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a start begins: what earlier ones left is read, without writing anything, and this one
 * gets its number. What cannot be read now is read when it can be; main does not wait for it.
 */
#include "base/log.h"
#include "store/inner.h"
#include "store/runfile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define AWAIT_SLICE_NS (20 * GW_NS_PER_MS)

/* ---- memories of alarms, from the store to main ---- */

struct gw_memories *gw_begin_memories(void)
{
	return calloc(1, sizeof(struct gw_memories));
}

void gw_begin_keep(
	void *arg, const struct gw_alarm_memory *m, const struct gw_alarm_info *info)
{
	struct gw_memories *memories = arg;

	if (memories->n == memories->room) {
		size_t room = memories->room ? 2 * memories->room : 64;
		struct gw_store_alarm *grown = realloc(
			memories->alarms, room * sizeof(*grown));

		if (!grown) {
			memories->incomplete = true;
			return;
		}
		memories->alarms = grown;
		memories->room = room;
	}
	memories->alarms[memories->n++] = (struct gw_store_alarm){*m, info};
}

void gw_begin_forget(struct gw_memories *m)
{
	while (m) {
		struct gw_memories *next = m->next;

		gw_pool_fini(&m->pool);
		free(m->alarms);
		free(m);
		m = next;
	}
}

void gw_begin_post(struct gw_store *s, struct gw_memories *m)
{
	if (m->n == 0) {
		gw_begin_forget(m);
		return;
	}
	/* release: main, who takes it with acquire, sees what it holds */
	m->next = atomic_load_explicit(&s->memories, memory_order_relaxed);
	while (!atomic_compare_exchange_weak_explicit(
		&s->memories, &m->next, m, memory_order_release, memory_order_relaxed))
		;
	if (s->reader)
		gw_wake_poke(s->reader);
}

void gw_store_load(struct gw_store *s,
	void (*each)(void *arg, const struct gw_alarm_memory *m,
		const struct gw_alarm_info *info),
	void *arg)
{
	struct gw_memories *newest = atomic_exchange_explicit(
		&s->memories, NULL, memory_order_acquire);

	while (newest) { /* the oldest first */
		struct gw_memories **last = &newest, *m;

		while ((*last)->next)
			last = &(*last)->next;
		m = *last;
		*last = NULL;
		for (size_t i = 0; i < m->n; i++)
			each(arg, &m->alarms[i].memory, m->alarms[i].info);
		m->next = s->given;
		s->given = m;
	}
}

/* ---- the number of this start ---- */

/* Under the lock. Whoever comes first decides: the store, having read, or main, tired of it. */
static void decide(struct gw_store *s, uint64_t previous_run, uint64_t last_seq, bool all)
{
	uint64_t jump = all ? 0 : gw_runfile_jump();

	if (s->decided)
		return;
	s->run = gw_runfile_next(previous_run);
	s->last_seq = last_seq > jump ? last_seq : jump;
	atomic_store_explicit(&s->committed, s->last_seq, memory_order_release);
	s->decided = true;
	pthread_cond_broadcast(&s->moved);
}

/* A thread that waits for a disk uses no time of the processor; one that waits for a processor
 * gets some now and then. */
static int64_t used_ns(struct gw_store *s)
{
	struct timespec used;
	clockid_t clock;

	if (!s->thread.running || pthread_getcpuclockid(s->thread.id, &clock) ||
		clock_gettime(clock, &used))
		return 0;
	return used.tv_sec * GW_NS_PER_SEC + used.tv_nsec;
}

bool gw_store_await(struct gw_store *s, int64_t idle_ns, int64_t most_ns)
{
	int64_t now_ns = gw_clock_mono_ns(), until_ns = now_ns + most_ns;
	int64_t moved_ns = now_ns, used = -1, was_used;
	struct timespec slice;
	bool read;

	pthread_mutex_lock(&s->lock);
	while (!s->decided) {
		now_ns = gw_clock_mono_ns();
		was_used = used;
		used = used_ns(s);
		if (used != was_used)
			moved_ns = now_ns;
		if (now_ns >= until_ns || now_ns - moved_ns >= idle_ns) {
			decide(s, 0, 0, false);
			break;
		}
		slice = gw_store_deadline(now_ns + AWAIT_SLICE_NS);
		pthread_cond_timedwait(&s->moved, &s->lock, &slice);
	}
	read = s->told_read;
	pthread_mutex_unlock(&s->lock);
	return read;
}

/* ---- what is there ---- */

struct past {
	uint64_t run, last_seq;
	bool whole; /* last_seq is the last one given */
	struct gw_memories *memories;
};

enum gw_err gw_begin_numbers(
	struct gw_db *db, uint64_t *ret_run, uint64_t *ret_last_seq, struct gw_error *err)
{
	int64_t run = 0, newest = 0, noted = 0;
	enum gw_err rc;

	if ((rc = gw_db_meta_get(db, "run", &run, err)) ||
		(rc = gw_db_meta_get(db, "last_seq", &noted, err)) ||
		(rc = gw_db_number(db, GW_DB_EVENT_SPAN, &newest, err)))
		return rc;
	if (newest < noted)
		newest = noted;
	*ret_run = run > 0 ? (uint64_t)run : 0;
	*ret_last_seq = newest > 0 ? (uint64_t)newest : 0;
	return GW_OK;
}

static enum gw_err read_file(struct gw_store *s, struct past *p, struct gw_error *err)
{
	uint64_t run = 0;
	struct gw_db db;
	enum gw_err rc = gw_db_look(&db, s->path, err);

	if (rc)
		return rc;
	rc = gw_begin_numbers(&db, &run, &p->last_seq, err);
	if (!rc) {
		p->whole = true;
		p->run = run > p->run ? run : p->run;
		rc = gw_journal_alarms(
			&db, &p->memories->pool, gw_begin_keep, p->memories, err);
	}
	if (!rc && p->memories->incomplete)
		rc = gw_fail(err, GW_ERR_SYSTEM, 0, "no memory");
	if (!rc) { /* for the uplinks, who ask how much there is when they begin */
		s->db = db;
		if (!gw_names_read(s, NULL))
			gw_journal_count(&db, s->owed, s->parked, NULL);
		s->db = (struct gw_db){0};
	}
	gw_db_close(&db, true);
	return rc;
}

/* A file of no bytes where there was one: power went before they reached the disk. */
static enum gw_err read_past(struct gw_store *s, struct past *p, struct gw_error *err)
{
	uint64_t noted = gw_runfile_read(s->run_path);
	struct stat st;

	p->run = noted;
	if (stat(s->path, &st) == 0) {
		if (st.st_size > 0)
			return read_file(s, p, err);
		p->whole = noted == 0;
		return noted == 0
			? GW_OK
			: gw_fail(err, GW_ERR_CORRUPT, 0, "database: the file is empty");
	}
	if (errno != ENOENT)
		return gw_fail(
			err, GW_ERR_SYSTEM, errno, "%s: %s", s->path, gw_errno_text(errno));
	p->whole = noted == 0;
	if (noted > 0) {
		s->replaced = true;
		gw_log(GW_LOG_ERR,
			"store: %s is gone, and there was one: a new one is begun; what "
			"the old one owed is lost unless it is put back",
			s->path);
	}
	return GW_OK;
}

enum gw_err gw_begin_read(struct gw_store *s, struct gw_error *err)
{
	struct past past = {.memories = gw_begin_memories()};
	struct gw_error why = {0};
	enum gw_err rc;

	if (!past.memories)
		return gw_fail(err, GW_ERR_SYSTEM, 0, "no memory");
	rc = read_past(s, &past, &why);
	if (rc == GW_ERR_CORRUPT) /* as far as it goes; the rest is for gw_session_again */
		s->unusable = why;
	s->past_read = rc == GW_OK || rc == GW_ERR_CORRUPT;
	if (s->past_read) {
		s->past_run = past.run;
		gw_begin_post(s, past.memories);
	} else {
		gw_begin_forget(past.memories);
	}
	gw_round_status(s);
	pthread_mutex_lock(&s->lock);
	s->told_read = s->past_read;
	s->read_late = s->decided;
	decide(s, past.run, past.last_seq, s->past_read && past.whole);
	pthread_mutex_unlock(&s->lock);
	if (s->past_read)
		return GW_OK;
	if (err)
		*err = why;
	return rc;
}
