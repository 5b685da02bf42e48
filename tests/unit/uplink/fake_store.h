/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fake_store.h: a clock and a store that the test commands: they displace clock.o and the store
 * when a test of the uplink is linked.
 */
#ifndef GW_TESTS_FAKE_STORE_H
#define GW_TESTS_FAKE_STORE_H

#include "base/clock.h"
#include "uplink/uplink.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define MS GW_NS_PER_MS

#define SEC GW_NS_PER_SEC

#define EVENTS_MAX 8192

#define HEARTBEAT UINT64_MAX

#define SOON_MS 20000 /* only bounds a failure */

#define START_NS (1000 * SEC)

#define WALL_MS INT64_C(1795133730000)

#define REQUEST_EVENTS 256

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static struct gw_uplink *up;

/* ---- the clock ---- */

static _Atomic int64_t clock_ns;

int64_t gw_clock_boot_ns(void)
{
	return atomic_load(&clock_ns);
}

int64_t gw_clock_wall_ms(void)
{
	return WALL_MS + (atomic_load(&clock_ns) - START_NS) / MS;
}

bool gw_clock_synced(void)
{
	return true;
}

void gw_clock_boot_id(char ret_id[37])
{
	strcpy(ret_id, "11111111-2222-3333-4444-555555555555");
}

__attribute__((unused)) static void advance(int64_t ns)
{
	atomic_fetch_add(&clock_ns, ns);
	gw_wake_poke(gw_uplink_wake(up));
}

/* ---- the store ---- */

struct mark {
	uint64_t seq;
	enum gw_mark_kind kind;
	size_t requests_before;
};

static struct {
	_Atomic uint64_t committed;
	_Atomic uint32_t debts;
	struct gw_event events[EVENTS_MAX];
	bool owed[EVENTS_MAX], parked[EVENTS_MAX];
	size_t n, requests, replies, parked_requests;
	struct mark marks[4 * EVENTS_MAX];
	size_t n_marks;
	bool no_reply, no_marks, failing; /* never replies; takes no marks; cannot read */
	bool requested, hold_reply;
	struct gw_owed_cursor after;
	size_t max_events;
	struct gw_batch *reply;
} store;

uint64_t gw_store_committed(const struct gw_store *s)
{
	(void)s;
	return atomic_load(&store.committed);
}

uint64_t gw_store_run(const struct gw_store *s)
{
	(void)s;
	return 7;
}

uint32_t gw_store_backlog_revision(const struct gw_store *s)
{
	(void)s;
	return atomic_load(&store.debts);
}

uint64_t gw_store_last_seq(const struct gw_store *s)
{
	uint64_t last = 0;

	(void)s;
	for (size_t i = 0; i < store.n; i++)
		last = store.events[i].seq > last ? store.events[i].seq : last;
	return last;
}

void gw_store_attach_uplink(struct gw_store *s, size_t slot, struct gw_wake *wake)
{
	(void)s;
	(void)slot;
	(void)wake;
}

void gw_store_status(struct gw_store *s, struct gw_store_status *ret_status)
{
	(void)s;
	*ret_status = (struct gw_store_status){.failing = false};
	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < store.n; i++)
		ret_status->owed[0] += store.owed[i];
	for (size_t i = 0; i < store.n; i++)
		ret_status->parked[0] += store.parked[i];
	pthread_mutex_unlock(&lock);
}

static size_t requests_so_far(void);

bool gw_store_mark(struct gw_store *s, size_t slot, uint64_t seq, enum gw_mark_kind kind)
{
	bool taken;

	(void)s;
	(void)slot;
	pthread_mutex_lock(&lock);
	taken = !store.no_marks;
	if (taken) {
		store.marks[store.n_marks++] = (struct mark){seq, kind, requests_so_far()};
		for (size_t i = 0; i < store.n && kind != GW_MARK_UNDURABLE; i++)
			if (store.events[i].seq == seq) {
				store.parked[i] |= kind == GW_MARK_PARKED;
				store.parked[i] &= kind != GW_MARK_UNPARKED;
				store.owed[i] &= kind == GW_MARK_UNPARKED;
			}
	}
	pthread_mutex_unlock(&lock);
	return taken;
}

__attribute__((unused)) static int compare_owed(const void *a, const void *b)
{
	const struct gw_event *x = a, *y = b;

	if (x->level != y->level)
		return y->level - x->level;
	return (x->seq > y->seq) - (x->seq < y->seq);
}

__attribute__((unused)) static struct gw_batch *read_owed(void)
{
	struct gw_batch *b = calloc(1, sizeof(*b));
	size_t i;

	b->events = calloc(EVENTS_MAX, sizeof(struct gw_event));
	b->failed = store.failing;
	for (i = 0; i < store.n && !b->failed; i++) {
		const struct gw_event *e = &store.events[i];

		if (store.owed[i] &&
			(e->level < store.after.level ||
				(e->level == store.after.level &&
					e->seq > store.after.seq)))
			b->events[b->n++] = *e;
	}
	qsort(b->events, b->n, sizeof(struct gw_event), compare_owed);
	if (b->n > store.max_events)
		b->n = store.max_events;
	for (i = 0; i < store.n; i++)
		b->parked += store.parked[i];
	return b;
}

bool gw_store_request_owed(
	struct gw_store *s, size_t slot, struct gw_owed_cursor after, size_t max_events)
{
	bool taken;

	(void)s;
	(void)slot;
	pthread_mutex_lock(&lock);
	taken = !store.requested;
	store.requests++;
	store.requested = true;
	store.after = after;
	store.max_events = max_events;
	if (taken)
		store.reply = read_owed();
	pthread_mutex_unlock(&lock);
	gw_wake_poke(gw_uplink_wake(up));
	return taken;
}

__attribute__((unused)) static bool reply_with(struct gw_batch *b)
{
	bool taken;

	pthread_mutex_lock(&lock);
	taken = !store.requested;
	if (taken) {
		store.requested = true;
		store.reply = b;
	}
	pthread_mutex_unlock(&lock);
	if (!taken)
		gw_batch_free(b);
	gw_wake_poke(gw_uplink_wake(up));
	return taken;
}

bool gw_store_request_parked(
	struct gw_store *s, size_t slot, uint64_t after_seq, size_t max_events)
{
	struct gw_batch *b = calloc(1, sizeof(*b));

	(void)s;
	(void)slot;
	b->events = calloc(max_events, sizeof(struct gw_event));
	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < store.n; i++) {
		b->parked += store.parked[i];
		if (store.parked[i] && store.events[i].seq > after_seq && b->n < max_events)
			b->events[b->n++] = store.events[i];
	}
	b->failed = store.failing;
	store.parked_requests++;
	pthread_mutex_unlock(&lock);
	return reply_with(b);
}

/* A window is two events. */
bool gw_store_request_resend(
	struct gw_store *s, size_t slot, uint64_t from_seq, int64_t from_ms)
{
	struct gw_batch *b = calloc(1, sizeof(*b));

	(void)s;
	(void)slot;
	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < store.n; i++) {
		if (store.events[i].seq < from_seq)
			continue;
		if (store.events[i].seq >= from_seq + 2) {
			b->next = from_seq + 2;
			continue;
		}
		if (store.events[i].wall_ms < from_ms)
			continue;
		b->owed += !store.owed[i];
		b->unparked += store.parked[i];
		store.owed[i] = true;
		store.parked[i] = false;
	}
	b->failed = store.failing;
	pthread_mutex_unlock(&lock);
	return reply_with(b);
}

struct gw_batch *gw_store_take_batch(struct gw_store *s, size_t slot)
{
	struct gw_batch *b = NULL;

	(void)s;
	(void)slot;
	pthread_mutex_lock(&lock);
	if (store.requested && !store.no_reply && !store.hold_reply) {
		b = store.reply;
		store.reply = NULL;
		store.replies++;
		store.requested = false;
	}
	pthread_mutex_unlock(&lock);
	return b;
}

void gw_batch_free(struct gw_batch *b)
{
	if (b != NULL)
		free(b->events);
	free(b);
}

__attribute__((unused)) static size_t marks_of(enum gw_mark_kind kind)
{
	size_t n = 0;

	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < store.n_marks; i++)
		n += store.marks[i].kind == kind;
	pthread_mutex_unlock(&lock);
	return n;
}

#endif
