/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a start begins: what earlier ones left is read, without writing anything, and this one
 * gets its number. What cannot be read now is read when it can be; main does not wait for it.
 */
#include "base/log.h"
#include "store/run_counter.h"
#include "store/store_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define AWAIT_SLICE_NS (20 * GW_NS_PER_MS)

/* ---- memories of alarms, from the store to main ---- */

struct gw_saved_alarms *gw_saved_alarms_new(void)
{
	return calloc(1, sizeof(struct gw_saved_alarms));
}

void gw_saved_alarms_add(
	void *arg, const struct gw_alarm_record *m, const struct gw_alarm_info *info)
{
	struct gw_saved_alarms *saved = arg;

	if (saved->n == saved->capacity) {
		size_t capacity = saved->capacity ? 2 * saved->capacity : 64;
		struct gw_saved_alarm *grown = realloc(
			saved->alarms, capacity * sizeof(*grown));

		if (!grown) {
			saved->incomplete = true;
			return;
		}
		saved->alarms = grown;
		saved->capacity = capacity;
	}
	saved->alarms[saved->n++] = (struct gw_saved_alarm){*m, info};
}

void gw_saved_alarms_free(struct gw_saved_alarms *m)
{
	while (m) {
		struct gw_saved_alarms *next = m->next;

		gw_pool_fini(&m->pool);
		free(m->alarms);
		free(m);
		m = next;
	}
}

void gw_saved_alarms_post(struct gw_store *s, struct gw_saved_alarms *m)
{
	if (m->n == 0) {
		gw_saved_alarms_free(m);
		return;
	}
	/* release: main, who takes it with acquire, sees what it holds */
	m->next = atomic_load_explicit(&s->saved_alarms, memory_order_relaxed);
	while (!atomic_compare_exchange_weak_explicit(
		&s->saved_alarms, &m->next, m, memory_order_release, memory_order_relaxed))
		;
	if (s->reader)
		gw_wake_poke(s->reader);
}

void gw_store_load_alarms(struct gw_store *s,
	void (*each)(void *arg, const struct gw_alarm_record *m,
		const struct gw_alarm_info *info),
	void *arg)
{
	struct gw_saved_alarms *newest = atomic_exchange_explicit(
		&s->saved_alarms, NULL, memory_order_acquire);

	while (newest) { /* the oldest first */
		struct gw_saved_alarms **last = &newest, *m;

		while ((*last)->next)
			last = &(*last)->next;
		m = *last;
		*last = NULL;
		for (size_t i = 0; i < m->n; i++)
			each(arg, &m->alarms[i].memory, m->alarms[i].info);
		m->next = s->handed_over;
		s->handed_over = m;
	}
}

/* ---- the number of this start ---- */

/* Under the lock. Whoever comes first decides: the store, having read, or main, tired of it. */
static void decide_run(struct gw_store *s, uint64_t stored_run, uint64_t last_seq, bool all)
{
	uint64_t jump = all ? 0 : gw_run_counter_unknown_seq();

	if (s->run_decided)
		return;
	s->run = gw_run_counter_next(stored_run);
	s->last_seq = last_seq > jump ? last_seq : jump;
	atomic_store_explicit(&s->committed, s->last_seq, memory_order_release);
	s->run_decided = true;
	pthread_cond_broadcast(&s->changed);
}

/* A thread that waits for a disk uses no time of the processor; one that waits for a processor
 * gets some now and then. */
static int64_t cpu_time_ns(struct gw_store *s)
{
	struct timespec cpu_ns;
	clockid_t clock;

	if (!s->thread.running || pthread_getcpuclockid(s->thread.id, &clock) ||
		clock_gettime(clock, &cpu_ns))
		return 0;
	return cpu_ns.tv_sec * GW_NS_PER_SEC + cpu_ns.tv_nsec;
}

bool gw_store_await_previous_run(struct gw_store *s, int64_t idle_ns, int64_t max_ns)
{
	int64_t now_ns = gw_clock_mono_ns(), until_ns = now_ns + max_ns;
	int64_t progress_ns = now_ns, cpu_ns = -1, was_cpu_ns;
	struct timespec until;
	bool read;

	pthread_mutex_lock(&s->lock);
	while (!s->run_decided) {
		now_ns = gw_clock_mono_ns();
		was_cpu_ns = cpu_ns;
		cpu_ns = cpu_time_ns(s);
		if (cpu_ns != was_cpu_ns)
			progress_ns = now_ns;
		if (now_ns >= until_ns || now_ns - progress_ns >= idle_ns) {
			decide_run(s, 0, 0, false);
			break;
		}
		until = gw_store_deadline(now_ns + AWAIT_SLICE_NS);
		pthread_cond_timedwait(&s->changed, &s->lock, &until);
	}
	read = s->previous_read_published;
	pthread_mutex_unlock(&s->lock);
	return read;
}

/* ---- what is there ---- */

struct previous {
	uint64_t run, last_seq;
	bool last_seq_known; /* last_seq is the last one given */
	struct gw_saved_alarms *saved;
};

enum gw_err gw_previous_run_numbers(
	struct gw_db *db, uint64_t *ret_run, uint64_t *ret_last_seq, struct gw_error *err)
{
	int64_t run = 0, newest = 0, recorded = 0;
	enum gw_err rc;

	if ((rc = gw_db_meta_get(db, "run", &run, err)) ||
		(rc = gw_db_meta_get(db, "last_seq", &recorded, err)) ||
		(rc = gw_db_query_int(db, GW_DB_EVENT_SPAN, &newest, err)))
		return rc;
	if (newest < recorded)
		newest = recorded;
	*ret_run = run > 0 ? (uint64_t)run : 0;
	*ret_last_seq = newest > 0 ? (uint64_t)newest : 0;
	return GW_OK;
}

static enum gw_err read_file(struct gw_store *s, struct previous *p, struct gw_error *err)
{
	uint64_t run = 0;
	struct gw_db db;
	enum gw_err rc = gw_db_open_readonly(&db, s->path, err);

	if (rc)
		return rc;
	rc = gw_previous_run_numbers(&db, &run, &p->last_seq, err);
	if (!rc) {
		p->last_seq_known = true;
		p->run = run > p->run ? run : p->run;
		rc = gw_journal_read_alarms(
			&db, &p->saved->pool, gw_saved_alarms_add, p->saved, err);
	}
	if (!rc && p->saved->incomplete)
		rc = gw_fail(err, GW_ERR_SYSTEM, 0, "no memory");
	if (!rc) { /* for the uplinks, who ask how much there is when they begin */
		s->db = db;
		if (!gw_registry_read(s, NULL))
			gw_journal_count(&db, s->owed, s->parked, NULL);
		s->db = (struct gw_db){0};
	}
	gw_db_close(&db, true);
	return rc;
}

/* A file of no bytes where there was one: power went before they reached the disk. */
static enum gw_err read_previous(
	struct gw_store *s, struct previous *p, struct gw_error *err)
{
	uint64_t recorded = gw_run_counter_read(s->run_path);
	struct stat st;

	p->run = recorded;
	if (stat(s->path, &st) == 0) {
		if (st.st_size > 0)
			return read_file(s, p, err);
		p->last_seq_known = recorded == 0;
		return recorded == 0
			? GW_OK
			: gw_fail(err, GW_ERR_CORRUPT, 0, "database: the file is empty");
	}
	if (errno != ENOENT)
		return gw_fail(
			err, GW_ERR_SYSTEM, errno, "%s: %s", s->path, gw_errno_text(errno));
	p->last_seq_known = recorded == 0;
	if (recorded > 0) {
		s->replaced = true;
		gw_log(GW_LOG_ERR,
			"store: %s is gone, and there was one: a new one is begun; what "
			"the old one owed is lost unless it is put back",
			s->path);
	}
	return GW_OK;
}

enum gw_err gw_previous_run_read(struct gw_store *s, struct gw_error *err)
{
	struct previous previous = {.saved = gw_saved_alarms_new()};
	struct gw_error why = {0};
	enum gw_err rc;

	if (!previous.saved)
		return gw_fail(err, GW_ERR_SYSTEM, 0, "no memory");
	rc = read_previous(s, &previous, &why);
	if (rc == GW_ERR_CORRUPT) /* as far as it goes; the rest is for gw_session_again */
		s->quarantine_reason = why;
	s->previous_read = rc == GW_OK || rc == GW_ERR_CORRUPT;
	if (s->previous_read) {
		s->previous_run = previous.run;
		gw_saved_alarms_post(s, previous.saved);
	} else {
		gw_saved_alarms_free(previous.saved);
	}
	gw_writer_publish_status(s);
	pthread_mutex_lock(&s->lock);
	s->previous_read_published = s->previous_read;
	s->previous_read_late = s->run_decided;
	decide_run(s, previous.run, previous.last_seq,
		s->previous_read && previous.last_seq_known);
	pthread_mutex_unlock(&s->lock);
	if (s->previous_read)
		return GW_OK;
	if (err)
		*err = why;
	return rc;
}
