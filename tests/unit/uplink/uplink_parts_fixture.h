/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uplink_parts_fixture.h: an uplink without its thread: a test calls its parts one by one. This
 * header plays the clock, the log, the store, the thread and the HTTPS sink: they take the place of
 * the library's when it is linked.
 */
#ifndef UPLINK_PARTS_FIXTURE_H
#define UPLINK_PARTS_FIXTURE_H

#include "base/clock.h"
#include "base/log.h"
#include "uplink/sink_https.h"
#include "uplink/uplink_internal.h"
#include "uplink_rows.h"

#include <math.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MS             GW_NS_PER_MS
#define SEC            GW_NS_PER_SEC
#define FIXTURE_NS     (1000 * SEC)
#define FIXTURE_WALL   INT64_C(1795133730000)
#define FIXTURE_BOOT   "11111111-2222-3333-4444-555555555555"
#define FIXTURE_MARKS  (1 << 17)
#define FIXTURE_EVENTS 512

static struct fixture {
	int64_t now_ns;
	char log[8192];
	unsigned n_lines;
	/* the thread */
	bool no_thread; /* it cannot be started */
	void *(*run)(void *);
	void (*asleep)(int64_t ns); /* it sleeps for so long */
	unsigned sleeps;
	/* the store */
	uint64_t committed;
	uint32_t debts;
	size_t room; /* marks it takes before its line is full */
	struct mark {
		uint64_t seq;
		enum gw_mark_kind kind;
	} marks[FIXTURE_MARKS];
	size_t n_marks;
	bool busy; /* takes no question */
	unsigned asks, parked_asks, owe_asks;
	struct gw_owed_cursor after;
	uint64_t after_parked, owe_from;
	struct gw_batch *result;
	/* the platform */
	struct gw_sink_result says;
	void (*meanwhile)(void); /* happens while a request is under way */
	bool turns, given_up;    /* a request calls its turn; which said: give up */
	unsigned requests;
	size_t bodies;
	char last[GW_PAYLOAD_MAX];
	int64_t timeout_ns, sent_ns;
	enum gw_err open;
	/* the gateway */
	struct gw_site_info site;
	bool nobody; /* the heartbeat has nobody to speak for */
	uint64_t lost;
	struct gw_wake engine;
	struct gw_ring *faults;
	struct gw_uplink *up;
} fixture;

static struct gw_alarm_info fixture_alarms[3];

/* ---- the clock and the log ---- */

int64_t gw_clock_boot_ns(void)
{
	return fixture.now_ns;
}

int64_t gw_clock_wall_ms(void)
{
	return FIXTURE_WALL + (fixture.now_ns - FIXTURE_NS) / MS;
}

bool gw_clock_synced(void)
{
	return true;
}

void gw_clock_boot_id(char ret_id[37])
{
	strcpy(ret_id, FIXTURE_BOOT);
}

void gw_log(enum gw_log_level level, const char *fmt, ...)
{
	size_t n = strlen(fixture.log);
	va_list ap;

	(void)level;
	fixture.n_lines++;
	if (n + 300 > sizeof(fixture.log))
		return;
	va_start(ap, fmt);
	vsnprintf(fixture.log + n, 299, fmt, ap);
	va_end(ap);
	strcat(fixture.log, "\n");
}

/* So many lines were logged since the last look, with this in them. */
static inline void assert_log(unsigned lines, const char *part)
{
	if (fixture.n_lines != lines || (lines > 0 && strstr(fixture.log, part) == NULL))
		fail_msg("not %u lines with \"%s\": %s", lines, part, fixture.log);
	fixture.log[0] = '\0';
	fixture.n_lines = 0;
}

/* ---- the thread ---- */

enum gw_err gw_thread_start(struct gw_thread *t, const char *name, void *(*run)(void *),
	void *arg, struct gw_error *err)
{
	(void)t;
	(void)arg;
	fixture.run = run;
	return fixture.no_thread ? gw_fail(err, GW_ERR_SYSTEM, 0, "start thread %s", name)
				 : GW_OK;
}

void gw_thread_request_stop(struct gw_thread *t)
{
	atomic_store(&t->stop, true);
}

bool gw_thread_stopping(struct gw_thread *t)
{
	return atomic_load(&t->stop);
}

void gw_thread_beat(struct gw_thread *t, int64_t now_ns)
{
	atomic_store(&t->beat_ns, now_ns);
}

void gw_thread_join(struct gw_thread *t)
{
	(void)t;
}

/* Displaces libc's ppoll, which is an inline function to some compilers: what the thread sleeps in.
 * Time passes as long as it sleeps, then it is woken. */
int fixture_ppoll(struct pollfd *fds, nfds_t n, const struct timespec *timeout,
	const sigset_t *signals) __asm__("ppoll");
int fixture_ppoll(struct pollfd *fds, nfds_t n, const struct timespec *timeout,
	const sigset_t *signals)
{
	int64_t ns = timeout->tv_sec * SEC + timeout->tv_nsec;

	(void)fds;
	(void)n;
	(void)signals;
	fixture.now_ns += ns;
	fixture.sleeps++;
	assert_true(fixture.sleeps < 10000);
	if (fixture.asleep != NULL)
		fixture.asleep(ns);
	return 0;
}

/* ---- the store ---- */

uint64_t gw_store_committed(const struct gw_store *s)
{
	(void)s;
	return fixture.committed;
}

uint64_t gw_store_run(const struct gw_store *s)
{
	(void)s;
	return 7;
}

uint32_t gw_store_backlog_revision(const struct gw_store *s)
{
	(void)s;
	return fixture.debts;
}

uint64_t gw_store_last_seq(const struct gw_store *s)
{
	(void)s;
	return 0;
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
	memset(ret_status, 0, sizeof(*ret_status));
}

bool gw_store_mark(struct gw_store *s, size_t slot, uint64_t seq, enum gw_mark_kind kind)
{
	(void)s;
	(void)slot;
	if (fixture.room == 0)
		return false;
	fixture.room--;
	assert_true(fixture.n_marks < FIXTURE_MARKS);
	fixture.marks[fixture.n_marks++] = (struct mark){seq, kind};
	return true;
}

bool gw_store_request_owed(
	struct gw_store *s, size_t slot, struct gw_owed_cursor after, size_t max_items)
{
	(void)s;
	(void)slot;
	(void)max_items;
	fixture.asks++;
	fixture.after = after;
	return !fixture.busy;
}

bool gw_store_request_parked(
	struct gw_store *s, size_t slot, uint64_t after_seq, size_t max_items)
{
	(void)s;
	(void)slot;
	(void)max_items;
	fixture.parked_asks++;
	fixture.after_parked = after_seq;
	return !fixture.busy;
}

bool gw_store_request_resend(
	struct gw_store *s, size_t slot, uint64_t from_seq, int64_t from_ms)
{
	(void)s;
	(void)slot;
	(void)from_ms;
	fixture.owe_asks++;
	fixture.owe_from = from_seq;
	return !fixture.busy;
}

struct gw_batch *gw_store_take_batch(struct gw_store *s, size_t slot)
{
	struct gw_batch *b = fixture.result;

	(void)s;
	(void)slot;
	fixture.result = NULL;
	return b;
}

void gw_batch_free(struct gw_batch *b)
{
	if (b != NULL)
		free(b->events);
	free(b);
}

static inline struct gw_event fixture_event(uint64_t seq, int level, unsigned alarm)
{
	return (struct gw_event){.seq = seq,
		.run = 7,
		.level = (uint8_t)level,
		.quality = GW_QUALITY_GOOD,
		.info = &fixture_alarms[alarm],
		.value = 1,
		.limit = (double)NAN,
		.peak = (double)NAN,
		.eta_ms = -1,
		.boot_ns = fixture.now_ns,
		.wall_ms = gw_clock_wall_ms(),
		.synced = true,
		.durable = true,
		.boot = FIXTURE_BOOT};
}

/* The store answers with n events of that level from seq on; the test fills in the rest. */
static inline struct gw_batch *fixture_answer(size_t n, uint64_t seq, int level)
{
	struct gw_batch *b = calloc(1, sizeof(*b));

	b->events = calloc(n + 1, sizeof(struct gw_event));
	for (b->n = 0; b->n < n; b->n++)
		b->events[b->n] = fixture_event(seq + b->n, level, 0);
	assert_null(fixture.result);
	fixture.result = b;
	return b;
}

static inline void assert_mark(size_t i, uint64_t seq, enum gw_mark_kind kind)
{
	assert_true(i < fixture.n_marks);
	assert_int_equal(fixture.marks[i].seq, seq);
	assert_int_equal(fixture.marks[i].kind, kind);
}

/* ---- the platform ---- */

static enum gw_err fixture_open(void *state, const struct gw_uplink_opts *o,
	const char *agent, struct gw_error *err)
{
	(void)state;
	(void)o;
	(void)agent;
	return fixture.open ? gw_fail(err, fixture.open, 0, "commanded") : GW_OK;
}

static void fixture_send(
	void *state, const struct gw_sink_request *r, struct gw_sink_result *ret_result)
{
	(void)state;
	fixture.requests++;
	fixture.bodies = r->n_bodies;
	fixture.timeout_ns = r->timeout_ns;
	fixture.sent_ns = fixture.now_ns;
	fixture.last[0] = '\0';
	for (size_t i = 0; i < r->bodies[0].n_parts; i++)
		strncat(fixture.last, r->bodies[0].parts[i].iov_base,
			r->bodies[0].parts[i].iov_len);
	if (fixture.meanwhile != NULL)
		fixture.meanwhile();
	fixture.given_up = fixture.turns && !r->service(r->arg);
	*ret_result = fixture.given_up ? (struct gw_sink_result){.verdict = GW_SINK_RETRY}
				       : fixture.says;
}

static void fixture_close(void *state)
{
	(void)state;
}

static void fixture_check(const struct gw_uplink_opts *o, struct gw_report *report)
{
	(void)o;
	(void)report;
}

static const struct gw_setting fixture_rows[] = {
	{.key = "accept",
		.type = GW_SET_PAIRS,
		.offset = offsetof(struct gw_sink_https_opts, accept)},
	{0},
};

const struct gw_sink gw_sink_https = {.name = "fixture",
	.settings = fixture_rows,
	.opts_size = sizeof(struct gw_sink_https_opts),
	.scheme = "https://",
	.url_form = "https://...",
	.check = fixture_check,
	.state_size = 1,
	.heartbeats = true,
	.open = fixture_open,
	.send = fixture_send,
	.close = fixture_close};

static inline void fixture_say(enum gw_sink_verdict verdict, int status)
{
	fixture.says = (struct gw_sink_result){.verdict = verdict, .status = status};
	if (verdict != GW_SINK_SENT)
		strcpy(fixture.says.why, "commanded");
}

/* ---- the gateway ---- */

static void fixture_fill(void *arg, struct gw_heartbeat *h)
{
	(void)arg;
	h->site = fixture.nobody ? NULL : &fixture.site;
	h->events_lost = fixture.lost;
}

static inline struct gw_uplink_opts fixture_opts(void)
{
	return (struct gw_uplink_opts){.name = "city",
		.url = "https://h/",
		.heartbeat_ns = 30 * SEC,
		.timeout_ns = 5 * SEC,
		.batch = 64};
}

static inline void fixture_begin(const struct gw_uplink_opts *o)
{
	const struct gw_uplink_health health = {.fill = fixture_fill};

	assert_int_equal(
		gw_uplink_new(o, 0, NULL, &health, 1024, &fixture.up, NULL), GW_OK);
	assert_int_equal(
		gw_uplink_fault_ring(fixture.up, &fixture.engine, &fixture.faults, NULL),
		GW_OK);
	assert_int_equal(gw_uplink_start(fixture.up, NULL), GW_OK);
}

static inline int fixture_setup(void **state)
{
	static const char *const keys[] = {"s/d/a:x", "s/d/b:x", "s/d/c:x"};
	struct gw_uplink_opts o = fixture_opts();

	(void)state;
	memset(&fixture, 0, sizeof(fixture));
	fixture.now_ns = FIXTURE_NS;
	fixture.room = FIXTURE_MARKS;
	fixture.site = (struct gw_site_info){
		.gateway = "gw", .unit = "", .area = "", .grid = ""};
	for (size_t i = 0; i < 3; i++)
		fixture_alarms[i] = (struct gw_alarm_info){.key = keys[i],
			.name = "x",
			.subject = "",
			.condition = "is true",
			.text = "",
			.point = "",
			.source = "s",
			.device = "d",
			.unit_of_measure = "",
			.place = {"", "", ""},
			.site = &fixture.site};
	assert_int_equal(gw_wake_init(&fixture.engine, NULL), GW_OK);
	fixture_begin(&o);
	return 0;
}

static inline int fixture_teardown(void **state)
{
	(void)state;
	gw_uplink_free(fixture.up);
	gw_batch_free(fixture.result);
	gw_wake_fini(&fixture.engine);
	return 0;
}

/* Another one in its place. */
static inline void fixture_again(const struct gw_uplink_opts *o)
{
	gw_uplink_free(fixture.up);
	fixture_begin(o);
}

/* As the thread does: a turn, with time as it is. */
static inline void fixture_turn(void)
{
	gw_resend_update(fixture.up);
	gw_parked_retry_update(fixture.up, fixture.now_ns);
	gw_backlog_update(&fixture.up->backlog, fixture.now_ns, false);
	gw_link_state_update(fixture.up, fixture.now_ns);
}

/* An event is owed and in memory. */
static inline void fixture_owe(uint64_t seq, int level, unsigned alarm)
{
	const struct gw_outbox_item item = {.seq = seq,
		.alarm = alarm + 1,
		.level = (uint8_t)level,
		.occurred_ns = fixture.now_ns,
		.durable = true,
		.durable_at = strlen("{\"durable\":")};

	assert_true(gw_outbox_add(
		&fixture.up->outbox, &item, "{\"durable\":}", strlen("{\"durable\":}")));
}

#endif
