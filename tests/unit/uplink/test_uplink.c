/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The uplink's thread against a platform, a store and a clock that this file plays: they take the
 * place of sink_https.o, the store and clock.o when it is linked.
 */
#include "uplink/uplink.h"

#include "base/clock.h"

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

#define MS             GW_NS_PER_MS
#define SEC            GW_NS_PER_SEC
#define MOST           8192
#define HEARTBEAT      UINT64_MAX
#define SOON_MS        20000 /* only bounds a failure */
#define START_NS       (1000 * SEC)
#define WALL_MS        INT64_C(1795133730000)
#define REQUEST_EVENTS 256

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct gw_uplink *up;

/* ---- the clock ---- */

static _Atomic int64_t clock_ns;

int64_t gw_clock_mono_ns(void)
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

static void advance(int64_t ns)
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
	struct gw_event events[MOST];
	bool owed[MOST], parked[MOST];
	size_t n, asks, answers, parked_asks;
	struct mark marks[4 * MOST];
	size_t n_marks;
	bool mute, deaf, failing; /* never answers; takes no marks; cannot read */
	bool asked, hold_answer;
	struct gw_owed_cursor after;
	size_t max_events;
	struct gw_batch *answer;
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

uint32_t gw_store_backlog_generation(const struct gw_store *s)
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

void gw_store_attach_uplink(struct gw_store *s, size_t sink, struct gw_wake *wake)
{
	(void)s;
	(void)sink;
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

bool gw_store_mark(struct gw_store *s, size_t sink, uint64_t seq, enum gw_mark_kind kind)
{
	bool taken;

	(void)s;
	(void)sink;
	pthread_mutex_lock(&lock);
	taken = !store.deaf;
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

static int by_order(const void *a, const void *b)
{
	const struct gw_event *x = a, *y = b;

	if (x->level != y->level)
		return y->level - x->level;
	return (x->seq > y->seq) - (x->seq < y->seq);
}

static struct gw_batch *look_up(void)
{
	struct gw_batch *b = calloc(1, sizeof(*b));
	size_t i;

	b->events = calloc(MOST, sizeof(struct gw_event));
	b->failed = store.failing;
	for (i = 0; i < store.n && !b->failed; i++) {
		const struct gw_event *e = &store.events[i];

		if (store.owed[i] &&
			(e->level < store.after.level ||
				(e->level == store.after.level &&
					e->seq > store.after.seq)))
			b->events[b->n++] = *e;
	}
	qsort(b->events, b->n, sizeof(struct gw_event), by_order);
	if (b->n > store.max_events)
		b->n = store.max_events;
	for (i = 0; i < store.n; i++)
		b->parked += store.parked[i];
	return b;
}

bool gw_store_request_owed(
	struct gw_store *s, size_t sink, struct gw_owed_cursor after, size_t max_events)
{
	bool taken;

	(void)s;
	(void)sink;
	pthread_mutex_lock(&lock);
	taken = !store.asked;
	store.asks++;
	store.asked = true;
	store.after = after;
	store.max_events = max_events;
	if (taken)
		store.answer = look_up();
	pthread_mutex_unlock(&lock);
	gw_wake_poke(gw_uplink_wake(up));
	return taken;
}

static bool answer_with(struct gw_batch *b)
{
	bool taken;

	pthread_mutex_lock(&lock);
	taken = !store.asked;
	if (taken) {
		store.asked = true;
		store.answer = b;
	}
	pthread_mutex_unlock(&lock);
	if (!taken)
		gw_batch_free(b);
	gw_wake_poke(gw_uplink_wake(up));
	return taken;
}

bool gw_store_request_parked(
	struct gw_store *s, size_t sink, uint64_t after_seq, size_t max_events)
{
	struct gw_batch *b = calloc(1, sizeof(*b));

	(void)s;
	(void)sink;
	b->events = calloc(max_events, sizeof(struct gw_event));
	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < store.n; i++) {
		b->parked += store.parked[i];
		if (store.parked[i] && store.events[i].seq > after_seq && b->n < max_events)
			b->events[b->n++] = store.events[i];
	}
	b->failed = store.failing;
	store.parked_asks++;
	pthread_mutex_unlock(&lock);
	return answer_with(b);
}

/* A window is two events. */
bool gw_store_request_resend(
	struct gw_store *s, size_t sink, uint64_t from_seq, int64_t from_ms)
{
	struct gw_batch *b = calloc(1, sizeof(*b));

	(void)s;
	(void)sink;
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
	return answer_with(b);
}

struct gw_batch *gw_store_take_batch(struct gw_store *s, size_t sink)
{
	struct gw_batch *b = NULL;

	(void)s;
	(void)sink;
	pthread_mutex_lock(&lock);
	if (store.asked && !store.mute && !store.hold_answer) {
		b = store.answer;
		store.answer = NULL;
		store.answers++;
		store.asked = false;
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

static size_t marks_of(enum gw_mark_kind kind)
{
	size_t n = 0;

	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < store.n_marks; i++)
		n += store.marks[i].kind == kind;
	pthread_mutex_unlock(&lock);
	return n;
}

/* ---- the platform ---- */

struct tried {
	uint64_t seqs[REQUEST_EVENTS];
	size_t n;
	bool durable; /* what the first of them says */
	char first[GW_PAYLOAD_MAX];
};

static struct {
	enum gw_sink_verdict verdict, heartbeat_verdict;
	int64_t retry_after_ns, heartbeat_retry_after_ns;
	int heartbeat_status;
	const char *rotate; /* a file that changes with a refusal, which is the last ... */
	unsigned rotate_in; /* ... this one */
	size_t most_events; /* a request of more is too large: 413; 0: none is */
	uint64_t poison;    /* refuses requests with this seq */
	bool hang;
	bool hanging;
	struct tried *tries;
	size_t n_tries, n_heartbeats;
	uint64_t taken[2 * MOST];
	size_t ring_at_first_try;
	size_t n_taken;
} platform;

static size_t requests_so_far(void)
{
	return platform.n_tries;
}

static enum gw_err fake_open(void *state, const struct gw_uplink_opts *o, const char *agent,
	struct gw_error *err)
{
	(void)state;
	(void)o;
	(void)agent;
	(void)err;
	return GW_OK;
}

static void join(const struct gw_sink_body *body, char text[GW_PAYLOAD_MAX])
{
	char *end = text;

	for (size_t i = 0; i < body->n_parts; i++)
		end = mempcpy(end, body->parts[i].iov_base, body->parts[i].iov_len);
	*end = '\0';
}

static uint64_t seq_of(const struct gw_sink_body *body)
{
	static const char key[] = "\"sequence\":\"";
	char text[GW_PAYLOAD_MAX];
	const char *at;

	join(body, text);
	at = strstr(text, key);
	return at ? strtoull(at + strlen(key), NULL, 10) : HEARTBEAT;
}

static enum gw_sink_verdict evaluate(const struct gw_sink_request *r)
{
	struct tried *t;
	size_t i;

	if (seq_of(&r->bodies[0]) == HEARTBEAT) {
		platform.n_heartbeats++;
		return platform.heartbeat_verdict;
	}
	if (platform.n_tries == 0)
		platform.ring_at_first_try = gw_ring_count(gw_uplink_events(up));
	t = &platform.tries[platform.n_tries++ % 4096];
	t->n = r->n_bodies;
	join(&r->bodies[0], t->first);
	t->durable = strstr(t->first, "\"durable\":true") != NULL;
	if (platform.most_events > 0 && r->n_bodies > platform.most_events)
		return GW_SINK_REFUSED;
	for (i = 0; i < r->n_bodies; i++) {
		t->seqs[i] = seq_of(&r->bodies[i]);
		if (t->seqs[i] == platform.poison)
			return platform.verdict == GW_SINK_SENT ? GW_SINK_REFUSED
								: platform.verdict;
	}
	if (platform.poison == 0 && platform.verdict != GW_SINK_SENT)
		return platform.verdict;
	for (i = 0; i < r->n_bodies; i++)
		platform.taken[platform.n_taken++] = t->seqs[i];
	return GW_SINK_SENT;
}

static void fake_send(
	void *state, const struct gw_sink_request *r, struct gw_sink_result *ret_result)
{
	bool go_on = true;

	(void)state;
	pthread_mutex_lock(&lock);
	while (platform.hang && go_on) {
		platform.hanging = true;
		pthread_mutex_unlock(&lock);
		gw_wake_prepare(r->wake);
		go_on = r->service(r->arg);
		if (go_on)
			gw_wake_wait(r->wake, 10 * MS);
		else
			gw_wake_finish(r->wake);
		pthread_mutex_lock(&lock);
	}
	platform.hanging = false;
	if (seq_of(&r->bodies[0]) == HEARTBEAT)
		*ret_result = (struct gw_sink_result){
			.verdict = go_on ? evaluate(r) : GW_SINK_RETRY,
			.status = platform.heartbeat_status,
			.retry_after_ns = platform.heartbeat_retry_after_ns};
	else
		*ret_result = (struct gw_sink_result){
			.verdict = go_on ? evaluate(r) : GW_SINK_RETRY,
			.status = platform.most_events > 0 ? 413 : 0,
			.retry_after_ns = platform.retry_after_ns};
	if (ret_result->verdict == GW_SINK_REFUSED && platform.rotate != NULL &&
		--platform.rotate_in == 0) {
		assert_int_equal(truncate(platform.rotate, 100), 0);
		platform.rotate = NULL;
		platform.verdict = GW_SINK_SENT;
	}
	if (ret_result->verdict != GW_SINK_SENT)
		snprintf(ret_result->why, sizeof(ret_result->why), "commanded");
	pthread_mutex_unlock(&lock);
}

static void fake_close(void *state)
{
	(void)state;
}

static void fake_check(const struct gw_uplink_opts *o, struct gw_report *report)
{
	(void)o;
	(void)report;
}

const struct gw_sink gw_sink_https = {.name = "fake",
	.scheme = "https://",
	.url_form = "https://...",
	.check = fake_check,
	.state_size = 1,
	.heartbeats = true,
	.open = fake_open,
	.send = fake_send,
	.close = fake_close};

/* ---- the rest of the gateway ---- */

static const struct gw_site_info site = {
	.gateway = "gw", .unit = "", .area = "", .grid = ""};
static struct gw_alarm_info alarms[4];
static struct gw_wake engine_wake;
static struct gw_ring *faults;
static double fault[GW_UPLINK_POINTS] = {-1, -1};
static unsigned n_fault_samples;
static const char *token_path; /* NULL: none */

static void fill(void *arg, struct gw_heartbeat *h)
{
	(void)arg;
	h->site = &site;
}

static struct gw_event make(uint64_t seq, int level, unsigned alarm)
{
	return (struct gw_event){.seq = seq,
		.run = 7,
		.level = (uint8_t)level,
		.quality = GW_QUALITY_GOOD,
		.info = &alarms[alarm],
		.value = 1,
		.limit = (double)NAN,
		.peak = (double)NAN,
		.eta_ms = -1,
		.mono_ns = gw_clock_mono_ns(),
		.wall_ms = gw_clock_wall_ms(),
		.synced = true,
		.boot = "11111111-2222-3333-4444-555555555555"};
}

static void to_store(const struct gw_event *e)
{
	pthread_mutex_lock(&lock);
	store.events[store.n] = *e;
	store.events[store.n].durable = true;
	store.owed[store.n++] = true;
	pthread_mutex_unlock(&lock);
}

/* As the engine does: one event to both. */
static void emit(uint64_t seq, int level, unsigned alarm)
{
	struct gw_event e = make(seq, level, alarm);

	to_store(&e);
	while (gw_ring_push(gw_uplink_events(up), &e, 1, sizeof(e)) == 0)
		usleep(1000);
	gw_wake_poke(gw_uplink_wake(up));
}

static void commit(uint64_t seq)
{
	atomic_store(&store.committed, seq);
	gw_wake_poke(gw_uplink_wake(up));
}

static size_t count(const size_t *what)
{
	size_t n;

	pthread_mutex_lock(&lock);
	n = *what;
	pthread_mutex_unlock(&lock);
	return n;
}

#define SOON(condition) \
	do { \
		int left_ms = SOON_MS; \
		while (!(condition) && left_ms-- > 0) \
			usleep(1000); \
		if (left_ms < 0) \
			fail_msg("%s does not come true", #condition); \
	} while (0)

/* What must not happen has had every chance: the thread went round and sleeps again. */
static void wait_idle(void)
{
	for (int i = 0; i < 3; i++) {
		gw_wake_poke(gw_uplink_wake(up));
		usleep(3000);
	}
}

static void read_faults(void)
{
	struct gw_sample s;

	for (; gw_ring_pop(faults, &s, 1, sizeof(s)) == 1; n_fault_samples++)
		fault[s.point] = s.value;
}

static uint64_t waiting_at_start; /* events in the ring before the thread runs */

static void begin(int64_t heartbeat_ns)
{
	struct gw_uplink_opts o = {.name = "city",
		.url = "https://h/",
		.heartbeat_ns = heartbeat_ns,
		.timeout_ns = 5 * SEC,
		.token_file = token_path,
		.batch = 64};
	struct gw_uplink_health health = {.fill = fill};

	assert_int_equal(gw_uplink_new(&o, 0, NULL, &health, 1024, &up, NULL), GW_OK);
	assert_int_equal(gw_wake_init(&engine_wake, NULL), GW_OK);
	assert_int_equal(gw_uplink_fault_ring(up, &engine_wake, &faults, NULL), GW_OK);
	for (uint64_t seq = 1; seq <= waiting_at_start; seq++) {
		struct gw_event e = make(seq, GW_LEVEL_YELLOW, 0);

		assert_int_equal(gw_ring_push(gw_uplink_events(up), &e, 1, sizeof(e)), 1);
	}
	assert_int_equal(gw_uplink_start(up, NULL), GW_OK);
}

static int setup(void **state)
{
	static const char *const keys[] = {"s/d/a:x", "s/d/b:x", "s/d/c:x", "s/d/d:x"};

	(void)state;
	for (size_t i = 0; i < 4; i++)
		alarms[i] = (struct gw_alarm_info){.key = keys[i],
			.name = "x",
			.subject = "",
			.condition = "is true",
			.text = "",
			.point = "",
			.source = "s",
			.device = "d",
			.unit_of_measure = "",
			.place = {.building = "", .floor = "", .room = ""},
			.site = &site};
	memset(&store, 0, sizeof(store));
	memset(&platform, 0, sizeof(platform));
	platform.tries = calloc(4096, sizeof(struct tried));
	atomic_store(&clock_ns, START_NS);
	fault[0] = fault[1] = -1;
	n_fault_samples = 0;
	begin(0);
	SOON(count(&store.answers) == 1); /* nothing is owed */
	return 0;
}

static void end_scene(void)
{
	/* a test that failed must not leave the thread waiting for ever */
	pthread_mutex_lock(&lock);
	platform.hang = false;
	pthread_mutex_unlock(&lock);
	gw_uplink_request_stop(up);
	wait_idle();
	advance(60 * SEC);
	gw_uplink_free(up);
	gw_wake_fini(&engine_wake);
	gw_batch_free(store.answer);
	free(platform.tries);
	memset(&store, 0, sizeof(store));
	memset(&platform, 0, sizeof(platform));
	platform.tries = calloc(4096, sizeof(struct tried));
}

static int teardown(void **state)
{
	(void)state;
	end_scene();
	free(platform.tries);
	return 0;
}

static void again_with_heartbeat(int64_t ns)
{
	end_scene();
	begin(ns);
	SOON(count(&store.answers) == 1);
}

static struct gw_uplink_status status(void)
{
	struct gw_uplink_status s;

	gw_uplink_status(up, &s);
	return s;
}

/* Everything taken once, and each alarm's by seq. */
static void assert_taken_once(size_t n)
{
	static bool seen[MOST + 1];

	memset(seen, 0, sizeof(seen));
	pthread_mutex_lock(&lock);
	assert_int_equal(platform.n_taken, n);
	for (size_t i = 0; i < n; i++) {
		assert_false(seen[platform.taken[i]]);
		seen[platform.taken[i]] = true;
	}
	pthread_mutex_unlock(&lock);
}

/* The thread is running: what it reads is set under the lock. */
#define COMMAND(...) \
	do { \
		pthread_mutex_lock(&lock); \
		__VA_ARGS__; \
		pthread_mutex_unlock(&lock); \
	} while (0)

static bool is(const bool *what)
{
	bool now;

	pthread_mutex_lock(&lock);
	now = *what;
	pthread_mutex_unlock(&lock);
	return now;
}

/* ---- tests ---- */

static void test_leaves_when_committed(void **state)
{
	(void)state;
	emit(1, GW_LEVEL_RED, 0);
	advance(150 * MS);
	wait_idle();
	assert_int_equal(count(&platform.n_tries), 0);
	commit(1);
	SOON(count(&platform.n_tries) == 1);
	SOON(marks_of(GW_MARK_DELIVERED) == 1);
	assert_true(platform.tries[0].durable);
	assert_int_equal(marks_of(GW_MARK_UNDURABLE), 0);
	SOON(status().pending == 0 && status().up);
	assert_int_equal(status().sent, 1);
}

static void test_leaves_after_200_ms_all_the_same(void **state)
{
	(void)state;
	emit(1, GW_LEVEL_RED, 0);
	emit(2, GW_LEVEL_RED, 0);
	commit(1);
	SOON(count(&platform.n_tries) == 1);
	advance(199 * MS);
	wait_idle();
	assert_int_equal(count(&platform.n_tries), 1);
	advance(1 * MS);
	SOON(count(&platform.n_tries) == 2);
	assert_true(platform.tries[0].durable);
	assert_false(platform.tries[1].durable);
	SOON(marks_of(GW_MARK_DELIVERED) == 2);
	/* the store knew before the platform did */
	assert_int_equal(marks_of(GW_MARK_UNDURABLE), 1);
	for (size_t i = 0; i < store.n_marks; i++)
		if (store.marks[i].kind == GW_MARK_UNDURABLE)
			assert_int_equal(store.marks[i].requests_before, 1);
}

static void test_a_repeat_has_the_same_bytes(void **state)
{
	(void)state;
	COMMAND(platform.verdict = GW_SINK_RETRY);
	emit(1, GW_LEVEL_RED, 0);
	advance(200 * MS); /* undurable */
	SOON(count(&platform.n_tries) == 1);
	commit(1); /* must not turn durable now */
	SOON(status().retries == 1);
	advance(499 * MS);
	wait_idle();
	assert_int_equal(count(&platform.n_tries), 1);
	COMMAND(platform.verdict = GW_SINK_SENT);
	advance(501 * MS);
	SOON(count(&platform.n_tries) == 2);
	assert_false(platform.tries[0].durable);
	assert_string_equal(platform.tries[0].first, platform.tries[1].first);
}

static void test_retry_after_is_obeyed(void **state)
{
	(void)state;
	COMMAND(platform.verdict = GW_SINK_RETRY);
	COMMAND(platform.retry_after_ns = 20 * SEC);
	commit(9);
	emit(1, GW_LEVEL_RED, 0);
	SOON(status().retries == 1);
	COMMAND(platform.verdict = GW_SINK_SENT);
	advance(20 * SEC - 1);
	emit(2, GW_LEVEL_RED, 1); /* nothing urgent enough */
	wait_idle();
	assert_int_equal(count(&platform.n_tries), 1);
	advance(1);
	SOON(count(&platform.n_tries) == 2);
}

static void fail_times(unsigned n, int64_t step_ns)
{
	COMMAND(platform.verdict = GW_SINK_RETRY);
	commit(1000);
	emit(1, GW_LEVEL_YELLOW, 0);
	for (unsigned i = 1; i <= n; i++) {
		SOON(status().retries == i);
		if (i < n)
			advance(step_ns);
	}
}

static void test_a_new_alarm_does_not_wait_for_the_back_off(void **state)
{
	(void)state;
	fail_times(8, 60 * SEC); /* now it waits half a minute at least */
	COMMAND(platform.verdict = GW_SINK_SENT);
	advance(1 * SEC);
	emit(2, GW_LEVEL_RED, 1);
	wait_idle();
	assert_int_equal(
		count(&platform.n_tries), 8); /* but not at every event of a storm */
	advance(1 * SEC);
	SOON(count(&platform.n_taken) == 2);
	assert_int_equal(platform.taken[0], 2);
}

static void test_down_after_three_failures_and_back(void **state)
{
	(void)state;
	SOON((read_faults(), fault[GW_UPLINK_POINT_PARKED] == 0.0));
	fail_times(2, 1 * SEC);
	wait_idle();
	read_faults();
	/* It may have been down before this start: nothing says yet that it is not. */
	assert_true(fault[GW_UPLINK_POINT_DOWN] == -1.0);
	assert_false(status().down);
	advance(4 * SEC);
	SOON((read_faults(), fault[GW_UPLINK_POINT_DOWN] == 1.0));
	assert_true(status().down);
	assert_string_equal(status().why, "commanded");
	COMMAND(platform.verdict = GW_SINK_SENT);
	advance(60 * SEC);
	SOON((read_faults(), fault[GW_UPLINK_POINT_DOWN] == 0.0));
	SOON(status().up);
	assert_int_equal(status().sent, 1);
}

static void test_down_after_a_minute_of_silence(void **state)
{
	(void)state;
	COMMAND(platform.retry_after_ns = 60 * SEC);
	fail_times(1, 0);
	advance(59 * SEC);
	wait_idle();
	assert_false(status().down);
	COMMAND(platform.verdict = GW_SINK_RETRY);
	COMMAND(platform.hang = true);
	advance(1 * SEC);
	SOON((read_faults(), fault[GW_UPLINK_POINT_DOWN] == 1.0));
	COMMAND(platform.hang = false);
}

static void test_one_poison_of_five_is_parked(void **state)
{
	(void)state;
	COMMAND(platform.poison = 3);
	for (uint64_t seq = 1; seq <= 5; seq++)
		emit(seq, GW_LEVEL_YELLOW, 0);
	commit(5);
	SOON(marks_of(GW_MARK_PARKED) == 1);
	SOON(marks_of(GW_MARK_DELIVERED) == 4);
	for (size_t i = 0; i < store.n_marks; i++)
		assert_int_equal(
			store.marks[i].kind == GW_MARK_PARKED, store.marks[i].seq == 3);
	assert_taken_once(4);
	SOON((read_faults(), fault[GW_UPLINK_POINT_PARKED] == 1.0));
	assert_int_equal(status().parked, 1);
	assert_int_equal(status().retries, 0);
	assert_false(status().down);
}

static void test_denied_to_all_parks_nothing(void **state)
{
	(void)state;
	again_with_heartbeat(30 * SEC);
	SOON(count(&platform.n_heartbeats) == 1);
	COMMAND(platform.verdict = platform.heartbeat_verdict = GW_SINK_REFUSED);
	commit(1);
	emit(1, GW_LEVEL_RED, 0);
	SOON(status().retries == 1);
	assert_int_equal(marks_of(GW_MARK_PARKED), 0);
	COMMAND(platform.verdict = platform.heartbeat_verdict = GW_SINK_SENT);
	advance(2 * SEC);
	SOON(marks_of(GW_MARK_DELIVERED) == 1);
}

static void test_denied_to_one_parks_it(void **state)
{
	(void)state;
	again_with_heartbeat(30 * SEC);
	SOON(count(&platform.n_heartbeats) == 1);
	COMMAND(platform.verdict = GW_SINK_REFUSED);
	COMMAND(platform.poison = 1);
	commit(2);
	emit(1, GW_LEVEL_RED, 0);
	emit(2, GW_LEVEL_RED, 0);
	SOON(marks_of(GW_MARK_PARKED) == 1);
	SOON(marks_of(GW_MARK_DELIVERED) == 1);
	assert_int_equal(platform.taken[0], 2);
}

/* The platform answers no to everything for a while: nothing is the record's fault. */
static void refuse_everything(int64_t heartbeat_ns)
{
	again_with_heartbeat(heartbeat_ns);
	COMMAND(platform.verdict = platform.heartbeat_verdict = GW_SINK_REFUSED);
	commit(1000);
	for (uint64_t seq = 1; seq <= 8; seq++)
		emit(seq, GW_LEVEL_RED, seq % 4);
	for (int i = 0; i < 20; i++) {
		SOON(count(&platform.n_tries) > 0);
		wait_idle();
		advance(SEC / 2);
	}
	SOON((read_faults(), fault[GW_UPLINK_POINT_DOWN] == 1.0));
	assert_int_equal(marks_of(GW_MARK_PARKED), 0);
	assert_int_equal(status().parked, 0);
	assert_int_equal(status().pending, 8);
	assert_in_range(count(&platform.n_tries), 3, 60); /* with back-off */
	COMMAND(platform.verdict = platform.heartbeat_verdict = GW_SINK_SENT);
	advance(60 * SEC);
	SOON(count(&platform.n_taken) == 8);
	assert_taken_once(8);
	SOON(marks_of(GW_MARK_DELIVERED) == 8);
	assert_int_equal(marks_of(GW_MARK_PARKED), 0);
	SOON((read_faults(), fault[GW_UPLINK_POINT_DOWN] == 0.0));
}

static void test_everything_refused_parks_nothing(void **state)
{
	(void)state;
	refuse_everything(0);
}

static void test_everything_refused_heartbeats_too(void **state)
{
	(void)state;
	refuse_everything(30 * SEC);
}

/* A proxy before the platform takes small requests only: nothing is bad, and it is remembered. */
static void test_too_large_is_split(void **state)
{
	(void)state;
	COMMAND(platform.most_events = 10; platform.hang = true);
	commit(1000);
	for (uint64_t seq = 1; seq <= 512; seq++)
		emit(seq, GW_LEVEL_YELLOW, seq % 4);
	SOON(gw_ring_count(gw_uplink_events(up)) == 0);
	COMMAND(platform.hang = false);
	SOON(count(&platform.n_taken) == 512);
	assert_taken_once(512);
	assert_int_equal(marks_of(GW_MARK_PARKED), 0);
	/* how large the first request was decides whether it ends at 5 to 10 a request; without a
	 * memory of it there would be 120 tries */
	assert_in_range(count(&platform.n_tries), 52, 112);
	assert_false(status().down);
}

/* One bad record, nobody else, no heartbeat: it stays owed, and the next one is its witness. */
static void test_without_a_witness_it_stays_owed(void **state)
{
	(void)state;
	COMMAND(platform.poison = 1);
	commit(1000);
	emit(1, GW_LEVEL_RED, 0);
	for (int i = 0; i < 5; i++) {
		SOON(status().retries > 0);
		wait_idle();
		advance(60 * SEC);
	}
	assert_int_equal(marks_of(GW_MARK_PARKED), 0);
	assert_int_equal(status().pending, 1);
	for (uint64_t seq = 2; seq <= 4; seq++)
		emit(seq, GW_LEVEL_YELLOW, 1);
	advance(2 * SEC);
	SOON(marks_of(GW_MARK_PARKED) == 1);
	SOON(marks_of(GW_MARK_DELIVERED) == 3);
	assert_int_equal(store.parked[0], true);
}

/* A heartbeat taken under another token says nothing about what the old one was refused. */
static void test_another_token_is_no_witness(void **state)
{
	char path[] = "/tmp/tocsin-token-XXXXXX";
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "old\n", 4), 4);
	end_scene();
	token_path = path;
	begin(30 * SEC);
	SOON(count(&platform.n_heartbeats) == 1);
	COMMAND(platform.verdict = GW_SINK_REFUSED; platform.rotate = path;
		platform.rotate_in = 2);
	commit(1);
	emit(1, GW_LEVEL_RED, 0);
	SOON(count(&platform.n_heartbeats) >= 2); /* asked, and taken: with the new token */
	advance(2 * SEC);
	SOON(count(&platform.n_taken) == 1);
	assert_int_equal(marks_of(GW_MARK_PARKED), 0);
	close(fd);
	unlink(path);
	token_path = NULL;
}

static void test_nothing_is_parked_while_stopping(void **state)
{
	(void)state;
	COMMAND(platform.hang = true; platform.poison = 1);
	commit(8);
	for (uint64_t seq = 1; seq <= 8; seq++)
		emit(seq, GW_LEVEL_YELLOW, seq % 4);
	SOON(is(&platform.hanging));
	gw_uplink_request_stop(up);
	COMMAND(platform.hang = false);
	gw_uplink_join(up);
	assert_int_equal(
		marks_of(GW_MARK_PARKED), 0); /* though others would bear witness */
	assert_true(store.owed[0]);
}

/* ---- parked records are offered again ---- */

/* Seqs 1..n of alarms of their own are parked, and there is a platform that takes them now. */
static void park_some(uint64_t n)
{
	end_scene();
	for (uint64_t seq = 1; seq <= n; seq++) {
		struct gw_event e = make(seq, GW_LEVEL_RED, seq % 4);

		to_store(&e);
		store.owed[seq - 1] = false;
		store.parked[seq - 1] = true;
	}
	atomic_store(&store.committed, n);
}

static void test_parked_ones_are_offered_after_a_start(void **state)
{
	(void)state;
	park_some(20);
	begin(0);
	SOON(count(&platform.n_taken) == 20);
	assert_taken_once(20);
	for (size_t i = 0; i < 20; i++) {
		assert_int_equal(platform.tries[i].n, 1); /* one at a time */
		assert_int_equal(platform.taken[i], i + 1);
	}
	SOON(marks_of(GW_MARK_UNPARKED) == 20);
	SOON(status().parked == 0);
	SOON((read_faults(), fault[GW_UPLINK_POINT_PARKED] == 0.0));
	SOON(status().up);
}

/* Until the store has opened nobody knows of any: what was raised must not be cleared. */
static void test_a_store_that_opens_late(void **state)
{
	(void)state;
	park_some(3);
	COMMAND(store.failing = true; platform.verdict = GW_SINK_REFUSED);
	n_fault_samples = 0;
	fault[GW_UPLINK_POINT_PARKED] = -1;
	begin(0);
	SOON(count(&store.answers) == 1);
	wait_idle();
	read_faults();
	assert_true(fault[GW_UPLINK_POINT_PARKED] == -1.0);
	COMMAND(store.failing = false; platform.verdict = GW_SINK_SENT);
	advance(SEC);
	SOON(count(&platform.n_taken) == 3);
	SOON(status().parked == 0);
	SOON((read_faults(), fault[GW_UPLINK_POINT_PARKED] == 0.0));
}

static void test_what_is_new_goes_before_what_is_parked(void **state)
{
	(void)state;
	park_some(5);
	COMMAND(platform.hang = true);
	begin(0);
	SOON(is(&platform.hanging)); /* an offer is under way */
	commit(6);
	emit(6, GW_LEVEL_BLUE, 0);
	SOON(count(&platform.n_tries) == 0 && status().pending == 1);
	COMMAND(platform.hang = false);
	SOON(count(&platform.n_taken) == 6);
	assert_int_equal(platform.taken[0], 6);
	assert_taken_once(6);
}

/* Refused again: they stay parked, one request each a round, and rounds become rare. */
static void test_offers_are_paced(void **state)
{
	size_t before;

	(void)state;
	park_some(4);
	COMMAND(platform.verdict = GW_SINK_REFUSED);
	begin(0);
	for (int i = 0; i < 60 && count(&platform.n_tries) < 4; i++) {
		wait_idle();
		advance(SEC / 4);
	}
	assert_int_equal(count(&platform.n_tries), 4);
	SOON((advance(SEC / 100), count(&store.parked_asks) >= 2));
	for (int hour = 0; hour < 6; hour++) {
		before = count(&platform.n_tries);
		for (int i = 0; i < 600; i++) {
			usleep(1500);
			advance(6 * SEC);
		}
		assert_in_range(count(&platform.n_tries) - before, 4, hour ? 28 : 60);
	}
	assert_int_equal(status().parked, 4);
	assert_int_equal(marks_of(GW_MARK_UNPARKED), 0);
	assert_int_equal(marks_of(GW_MARK_PARKED), 0); /* they are: nothing to write */
	assert_false(status().down);
}

/* With somebody to bear witness: once a day in the end. */
static void test_offers_once_a_day(void **state)
{
	size_t tries;

	(void)state;
	park_some(1);
	COMMAND(platform.poison = 1);
	begin(30 * SEC);
	for (int i = 0; i < 2 * 24 * 30; i++) { /* two days, in steps of two minutes */
		usleep(1500);
		advance(120 * SEC);
	}
	tries = count(&platform.n_tries);
	assert_in_range(tries, 6, 15);
	for (int i = 0; i < 25 * 30; i++) {
		usleep(1500);
		advance(120 * SEC);
	}
	assert_in_range(count(&platform.n_tries), tries + 1, tries + 3);
	COMMAND(platform.poison = 0);
	gw_uplink_retry_parked(up); /* a reload */
	SOON(count(&platform.n_taken) == 1);
	SOON(status().parked == 0);
}

static void test_offered_when_the_platform_comes_back(void **state)
{
	(void)state;
	park_some(3);
	COMMAND(platform.verdict = GW_SINK_REFUSED);
	begin(0);
	SOON((advance(SEC / 100), count(&store.parked_asks) == 2)); /* the round is over */
	SOON(count(&platform.n_tries) == 3);
	COMMAND(platform.verdict = GW_SINK_RETRY);
	emit(4, GW_LEVEL_RED, 1);
	commit(4);
	for (unsigned i = 1; i <= 3; i++) {
		SOON(status().retries == i);
		if (i < 3)
			advance(i * SEC);
	}
	SOON((read_faults(), fault[GW_UPLINK_POINT_DOWN] == 1.0));
	COMMAND(platform.verdict = GW_SINK_SENT);
	advance(4 * SEC); /* sooner than by the clock */
	SOON(count(&platform.n_taken) == 4);
	assert_int_equal(platform.taken[0], 4);
	assert_taken_once(4);
}

static void test_offered_under_another_token(void **state)
{
	char path[] = "/tmp/tocsin-token-XXXXXX";
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	park_some(1);
	token_path = path;
	COMMAND(platform.poison = 1);
	begin(0);
	SOON(count(&platform.n_tries) == 1);
	advance(5 * SEC);
	wait_idle();
	assert_int_equal(count(&platform.n_tries), 1);
	COMMAND(platform.poison = 0);
	assert_int_equal(write(fd, "new\n", 4), 4);
	advance(10 * SEC);
	SOON(count(&platform.n_taken) == 1);
	close(fd);
	unlink(path);
	token_path = NULL;
}

/* Every record was refused while heartbeats were taken: when one is taken, so may the others be. */
static void test_parked_on_a_heartbeats_word_alone(void **state)
{
	(void)state;
	again_with_heartbeat(30 * SEC);
	SOON(count(&platform.n_heartbeats) == 1);
	COMMAND(platform.verdict = GW_SINK_REFUSED);
	commit(1000);
	for (uint64_t seq = 1; seq <= 4; seq++)
		emit(seq, GW_LEVEL_RED, seq % 4);
	SOON(marks_of(GW_MARK_PARKED) == 4);
	COMMAND(platform.verdict = GW_SINK_SENT);
	emit(5, GW_LEVEL_BLUE, 0);
	advance(SEC);
	SOON(count(&platform.n_taken) == 5);
	assert_taken_once(5);
	SOON(status().parked == 0);
}

static struct gw_resend_result resend(uint64_t from_seq)
{
	struct gw_resend_result r;

	assert_true(gw_uplink_resend(up, &(struct gw_resend){.from_seq = from_seq}));
	assert_false(gw_uplink_resend(up, &(struct gw_resend){.from_seq = from_seq}));
	SOON(gw_uplink_take_resend_result(up, &r));
	assert_false(gw_uplink_take_resend_result(up, &r));
	return r;
}

static void test_resend(void **state)
{
	struct gw_resend_result r;

	(void)state;
	COMMAND(platform.poison = 2);
	commit(1000);
	for (uint64_t seq = 1; seq <= 7; seq++)
		emit(seq, GW_LEVEL_YELLOW, seq % 4);
	SOON(marks_of(GW_MARK_PARKED) == 1 && marks_of(GW_MARK_DELIVERED) == 6);
	SOON(status().parked == 1);
	COMMAND(platform.poison = 0);
	r = resend(0); /* what is parked */
	assert_int_equal(r.parked, 1);
	assert_int_equal(r.owed, 0);
	SOON(count(&platform.n_taken) == 7);
	SOON(status().parked == 0);
	r = resend(4); /* and what was delivered */
	assert_int_equal(r.parked, 0);
	assert_int_equal(r.owed, 4);
	SOON(count(&platform.n_taken) == 11);
	SOON(marks_of(GW_MARK_DELIVERED) == 11);
	r = resend(1000);
	assert_int_equal(r.owed, 0);
	assert_false(r.failed);
	COMMAND(store.failing = true);
	r = resend(1);
	assert_true(r.failed);
}

/* ---- heartbeats are a kind of their own ---- */

static void test_a_heartbeats_hold_is_its_own(void **state)
{
	(void)state;
	again_with_heartbeat(30 * SEC);
	SOON(count(&platform.n_heartbeats) == 1);
	COMMAND(platform.heartbeat_verdict = GW_SINK_RETRY; platform.heartbeat_status = 503;
		platform.heartbeat_retry_after_ns = 60 * SEC);
	advance(30 * SEC);
	SOON(status().retries == 1);
	commit(1);
	emit(1, GW_LEVEL_RED,
		0); /* time stands still: nothing but the alarm may make it go */
	SOON(count(&platform.n_taken) == 1);
	advance(59 * SEC);
	wait_idle();
	assert_int_equal(count(&platform.n_heartbeats), 2);
	COMMAND(platform.heartbeat_verdict = GW_SINK_SENT);
	advance(1 * SEC);
	SOON(count(&platform.n_heartbeats) == 3);
}

/* ... and so is its back-off: the second try of an alarm does not wait for it. */
static void test_a_heartbeats_back_off_is_its_own(void **state)
{
	(void)state;
	again_with_heartbeat(30 * SEC);
	SOON(count(&platform.n_heartbeats) == 1);
	COMMAND(platform.heartbeat_verdict = platform.verdict = GW_SINK_RETRY);
	for (unsigned i = 1; i <= 8; i++) {
		advance(60 * SEC);
		SOON(status().retries == i);
	}
	commit(1);
	emit(1, GW_LEVEL_RED, 0);
	SOON(count(&platform.n_tries) == 1);
	SOON(status().retries >= 9);
	COMMAND(platform.verdict = GW_SINK_SENT);
	advance(1 * SEC);
	SOON(count(&platform.n_taken) == 1);
}

static void test_an_events_hold_is_not_the_heartbeats(void **state)
{
	(void)state;
	again_with_heartbeat(5 * SEC);
	SOON(count(&platform.n_heartbeats) == 1);
	COMMAND(platform.verdict = GW_SINK_RETRY; platform.retry_after_ns = 60 * SEC);
	commit(1);
	emit(1, GW_LEVEL_RED, 0);
	SOON(status().retries == 1);
	COMMAND(platform.verdict = GW_SINK_SENT);
	advance(5 * SEC);
	SOON(count(&platform.n_heartbeats) == 2);
	wait_idle(); /* it lives: but it asked for silence */
	assert_int_equal(count(&platform.n_tries), 1);
	advance(55 * SEC);
	SOON(count(&platform.n_taken) == 1);
}

static void test_heartbeats_refused_are_no_outage(void **state)
{
	(void)state;
	again_with_heartbeat(1 * SEC);
	SOON(count(&platform.n_heartbeats) == 1);
	SOON((read_faults(), fault[GW_UPLINK_POINT_DOWN] == 0.0));
	COMMAND(platform.heartbeat_verdict = GW_SINK_REFUSED;
		platform.heartbeat_status = 404);
	commit(1000);
	for (uint64_t i = 1; i <= 40; i++) {
		size_t beats = count(&platform.n_heartbeats);

		advance(1 * SEC);
		SOON(count(&platform.n_heartbeats) > beats);
		if (i % 4 == 0) {
			emit(i / 4, GW_LEVEL_YELLOW, 0);
			SOON(count(&platform.n_taken) == i / 4);
		}
		read_faults();
		assert_true(fault[GW_UPLINK_POINT_DOWN] == 0.0);
		assert_true(status().up);
	}
	assert_int_equal(n_fault_samples, 2); /* down 0, parked 0 */
	assert_non_null(strstr(status().why, "heartbeats are refused"));
	COMMAND(platform.heartbeat_verdict = GW_SINK_SENT);
	advance(1 * SEC);
	SOON(status().why[0] == '\0');
}

/* A 429 says that somebody is there, too. */
static void test_a_busy_platform_is_reached(void **state)
{
	(void)state;
	again_with_heartbeat(1 * SEC);
	SOON(count(&platform.n_heartbeats) == 1);
	COMMAND(platform.heartbeat_verdict = GW_SINK_RETRY; platform.heartbeat_status = 429;
		platform.heartbeat_retry_after_ns = 5 * SEC);
	for (size_t i = 2; i < 10; i++) {
		advance(5 * SEC);
		SOON(count(&platform.n_heartbeats) == i);
	}
	wait_idle();
	assert_false(status().down);
	assert_int_equal(status().retries, 0);
}

/* Who does not know us does not take alarms: better said in a quiet hour. But once. */
static void test_a_stranger_is_told_of_after_a_minute(void **state)
{
	(void)state;
	again_with_heartbeat(1 * SEC);
	SOON(count(&platform.n_heartbeats) == 1);
	COMMAND(platform.heartbeat_verdict = GW_SINK_REFUSED;
		platform.heartbeat_status = 401);
	for (size_t i = 2; i < 50; i++) {
		advance(1 * SEC);
		SOON(count(&platform.n_heartbeats) == i);
	}
	wait_idle();
	assert_false(status().down);
	for (size_t i = 50; i < 70; i++) {
		advance(1 * SEC);
		SOON(count(&platform.n_heartbeats) == i);
	}
	SOON((read_faults(), fault[GW_UPLINK_POINT_DOWN] == 1.0));
	commit(1);
	emit(1, GW_LEVEL_RED, 0); /* it is taken all the same */
	SOON((read_faults(), fault[GW_UPLINK_POINT_DOWN] == 0.0));
	n_fault_samples = 0;
	for (size_t i = 0; i < 100; i++) {
		size_t beats = count(&platform.n_heartbeats);

		advance(1 * SEC);
		SOON(count(&platform.n_heartbeats) > beats);
	}
	wait_idle();
	read_faults();
	assert_int_equal(n_fault_samples, 0);
}

static void test_heartbeats(void **state)
{
	(void)state;
	again_with_heartbeat(30 * SEC);
	SOON(count(&platform.n_heartbeats) == 1);
	advance(29 * SEC);
	wait_idle();
	assert_int_equal(count(&platform.n_heartbeats), 1);
	advance(1 * SEC);
	SOON(count(&platform.n_heartbeats) == 2);
	SOON(status().up);
	COMMAND(platform.heartbeat_verdict = GW_SINK_RETRY);
	advance(30 * SEC);
	SOON(status().retries == 1);
	advance(1 * SEC); /* sooner than its period: is it away? */
	SOON(status().retries == 2);
	advance(2 * SEC);
	SOON((read_faults(), fault[GW_UPLINK_POINT_DOWN] == 1.0));
	COMMAND(platform.heartbeat_verdict = GW_SINK_SENT);
	advance(30 * SEC);
	SOON((read_faults(), fault[GW_UPLINK_POINT_DOWN] == 0.0));
}

/* A platform that takes heartbeats but no events is not called back by a heartbeat. */
static void test_heartbeats_do_not_hide_that_events_fail(void **state)
{
	(void)state;
	again_with_heartbeat(1 * SEC);
	SOON(count(&platform.n_heartbeats) == 1);
	fail_times(4, 60 * SEC);
	SOON((read_faults(), fault[GW_UPLINK_POINT_DOWN] == 1.0));
	advance(1 * SEC);
	SOON(status().retries >= 5);
	wait_idle();
	read_faults();
	assert_true(fault[GW_UPLINK_POINT_DOWN] == 1.0);
}

static void test_backlog_of_an_earlier_run(void **state)
{
	struct gw_event e;
	size_t i;

	(void)state;
	end_scene();
	for (uint64_t seq = 1; seq <= 300; seq++) {
		e = make(seq, seq % 3 == 0 ? GW_LEVEL_RED : GW_LEVEL_YELLOW, seq % 3 == 0);
		strcpy(e.boot, "00000000-0000-0000-0000-000000000000");
		to_store(&e);
	}
	atomic_store(&store.committed, 300);
	begin(0);
	emit(301, GW_LEVEL_BLUE, 0);
	commit(301);
	SOON(count(&platform.n_taken) == 301);
	SOON(marks_of(GW_MARK_DELIVERED) == 301);
	assert_taken_once(301);
	for (i = 1; i < 100; i++)
		assert_true(platform.taken[i] % 3 == 0 &&
			platform.taken[i] > platform.taken[i - 1]);
	for (i = 101; i < 300; i++)
		assert_true(platform.taken[i] > platform.taken[i - 1]);
	assert_int_equal(platform.taken[300], 301);
	SOON(status().pending == 0);
}

static void test_overflow_goes_through_the_store(void **state)
{
	size_t i;
	uint64_t last[4] = {0};

	(void)state;
	COMMAND(platform.verdict = GW_SINK_RETRY);
	for (uint64_t seq = 1; seq <= 6000; seq++) {
		emit(seq, GW_LEVEL_YELLOW, seq % 4);
		if (seq % 100 == 0)
			commit(seq);
	}
	SOON(gw_ring_count(gw_uplink_events(up)) == 0 && status().tried);
	assert_in_range(status().pending, 6000, 6000); /* what is in the store counts */
	COMMAND(platform.verdict = GW_SINK_SENT);
	advance(60 * SEC);
	SOON(count(&platform.n_taken) == 6000);
	assert_taken_once(6000);
	for (i = 0; i < 6000; i++) {
		assert_true(platform.taken[i] > last[platform.taken[i] % 4]);
		last[platform.taken[i] % 4] = platform.taken[i];
	}
	SOON(status().pending == 0);
}

static void test_overflow_while_the_store_answers(void **state)
{
	(void)state;
	end_scene();
	COMMAND(store.hold_answer = true);
	COMMAND(platform.verdict = GW_SINK_RETRY);
	begin(0);
	SOON(count(&store.asks) == 1); /* nothing was owed when it looked */
	for (uint64_t seq = 1; seq <= 5000; seq++)
		emit(seq, GW_LEVEL_YELLOW, seq % 4);
	commit(5000);
	SOON(gw_ring_count(gw_uplink_events(up)) == 0);
	COMMAND(store.hold_answer = false);
	COMMAND(platform.verdict = GW_SINK_SENT);
	gw_wake_poke(gw_uplink_wake(up));
	SOON(count(&platform.n_taken) == 5000);
	assert_taken_once(5000);
}

/* The store is so far behind that it does not know yet what was left to it. */
static void test_overflow_that_the_store_has_not_seen(void **state)
{
	static struct gw_event late[6000];

	(void)state;
	COMMAND(platform.verdict = GW_SINK_RETRY);
	for (uint64_t seq = 1; seq <= 6000; seq++) {
		late[seq - 1] = make(seq, GW_LEVEL_YELLOW, seq % 4);
		while (gw_ring_push(gw_uplink_events(up), &late[seq - 1], 1,
			       sizeof(late[0])) == 0)
			usleep(1000);
		gw_wake_poke(gw_uplink_wake(up));
	}
	SOON(gw_ring_count(gw_uplink_events(up)) == 0);
	COMMAND(platform.verdict = GW_SINK_SENT);
	advance(60 * SEC);
	SOON(status().pending ==
		0); /* what was in memory is gone, and it waits for the store */
	advance(1 * SEC);
	SOON(count(&store.answers) > 1); /* which knows of nothing */
	assert_true(count(&platform.n_taken) < 6000);
	for (size_t i = count(&platform.n_taken); i < 6000; i++)
		to_store(&late[i]);
	commit(6000);
	/* An ask from before the commit may still be answered, and is paced: time goes on. */
	SOON((advance(10 * MS), count(&platform.n_taken) == 6000));
	assert_taken_once(6000);
}

/* The store has an event that is still on its way here: it is not taken from both. */
static void test_the_store_is_quicker_than_the_ring(void **state)
{
	struct gw_event e;

	(void)state;
	end_scene();
	store.failing = true;
	begin(0);
	SOON(count(&store.answers) == 1);
	e = make(1, GW_LEVEL_RED, 0);
	to_store(&e);
	commit(1);
	pthread_mutex_lock(&lock);
	store.failing = false;
	pthread_mutex_unlock(&lock);
	wait_idle();
	advance(SEC);
	SOON(count(&store.answers) >= 2);
	wait_idle();
	assert_int_equal(gw_ring_push(gw_uplink_events(up), &e, 1, sizeof(e)), 1);
	gw_wake_poke(gw_uplink_wake(up));
	SOON(count(&platform.n_taken) > 0);
	wait_idle();
	assert_taken_once(1);
}

/* The ring was full for so long that the engine lost one for it. */
static void test_what_the_engine_left_out_is_fetched(void **state)
{
	struct gw_event e = make(2, GW_LEVEL_YELLOW, 1);

	(void)state;
	emit(1, GW_LEVEL_RED, 0);
	to_store(&e);
	emit(3, GW_LEVEL_RED, 2);
	commit(3);
	SOON(count(&platform.n_taken) == 3);
	assert_taken_once(3);
}

static void test_a_store_that_is_mute_holds_nothing_back(void **state)
{
	(void)state;
	end_scene();
	COMMAND(store.mute = true);
	begin(0);
	SOON(count(&store.asks) == 1);
	emit(1, GW_LEVEL_RED, 0);
	commit(1);
	wait_idle();
	assert_int_equal(count(&platform.n_tries), 0);
	advance(200 * MS);
	SOON(count(&platform.n_taken) == 1);
}

static void test_settled_while_the_store_answers(void **state)
{
	struct gw_event e;

	(void)state;
	end_scene();
	COMMAND(store.hold_answer = true);
	e = make(1, GW_LEVEL_RED, 0);
	to_store(&e);
	e = make(2, GW_LEVEL_RED, 0);
	to_store(&e);
	atomic_store(&store.committed, 2);
	begin(0);
	SOON(count(&store.asks) == 1);
	/* 2 comes through the ring, too, and is delivered before the answer with 1 and 2 */
	while (gw_ring_push(gw_uplink_events(up), &e, 1, sizeof(e)) == 0)
		continue;
	advance(200 * MS);
	SOON(count(&platform.n_taken) == 1);
	COMMAND(store.hold_answer = false);
	gw_wake_poke(gw_uplink_wake(up));
	SOON(count(&platform.n_taken) == 2);
	wait_idle();
	assert_taken_once(2);
}

static void test_a_full_line_to_the_store(void **state)
{
	(void)state;
	COMMAND(store.deaf = true);
	for (uint64_t seq = 1; seq <= 500; seq++)
		emit(seq, GW_LEVEL_YELLOW, 0);
	commit(500);
	SOON(count(&platform.n_taken) == 500);
	assert_int_equal(marks_of(GW_MARK_DELIVERED), 0);
	COMMAND(store.deaf = false);
	gw_wake_poke(gw_uplink_wake(up));
	SOON(marks_of(GW_MARK_DELIVERED) == 500);
	for (size_t i = 0; i < 500; i++)
		assert_int_equal(store.marks[i].seq, i + 1);
}

/* A storm that comes as fast as it is taken in must not keep the thread from sending. */
static void test_a_storm_is_not_taken_in_whole_before_any_leaves(void **state)
{
	(void)state;
	end_scene();
	atomic_store(&store.committed, 1000);
	waiting_at_start = 1000;
	begin(0);
	waiting_at_start = 0;
	SOON(count(&platform.n_taken) == 1000);
	assert_taken_once(1000);
	assert_true(count(&platform.ring_at_first_try) > 0);
	SOON(marks_of(GW_MARK_DELIVERED) == 1000);
}

/* What one turn leaves in the ring does not wait for the next idle wake, two seconds each. */
static void test_a_full_ring_is_emptied_though_nothing_may_leave(void **state)
{
	struct timespec from, to;

	(void)state;
	end_scene();
	clock_gettime(CLOCK_MONOTONIC, &from);
	waiting_at_start = 1000;
	begin(0);
	waiting_at_start = 0;
	SOON(gw_ring_count(gw_uplink_events(up)) == 0);
	clock_gettime(CLOCK_MONOTONIC, &to);
	assert_in_range(to.tv_sec - from.tv_sec, 0, 3);
	assert_int_equal(count(&platform.n_tries), 0);
}

static void test_life_goes_on_while_a_request_hangs(void **state)
{
	(void)state;
	COMMAND(platform.hang = true);
	commit(9);
	emit(1, GW_LEVEL_RED, 0);
	SOON(is(&platform.hanging));
	advance(3 * SEC);
	emit(2, GW_LEVEL_RED, 1);
	SOON(gw_ring_count(gw_uplink_events(up)) == 0);
	SOON(status().pending == 2);
	SOON(atomic_load(&gw_uplink_thread(up)->beat_ns) >= START_NS + 3 * SEC);
	COMMAND(platform.hang = false);
	SOON(count(&platform.n_taken) == 2);
}

static void test_stop_delivers_what_is_at_hand(void **state)
{
	(void)state;
	commit(3);
	COMMAND(platform.hang = true);
	emit(1, GW_LEVEL_RED, 0);
	emit(2, GW_LEVEL_RED, 0);
	emit(3, GW_LEVEL_RED, 0);
	gw_uplink_request_stop(up);
	COMMAND(platform.hang = false);
	gw_uplink_join(up);
	assert_taken_once(3);
	assert_int_equal(marks_of(GW_MARK_DELIVERED), 3);
}

static void test_stop_delivers_a_full_ring(void **state)
{
	(void)state;
	end_scene();
	atomic_store(&store.committed, 1000);
	waiting_at_start = 1000;
	begin(0);
	waiting_at_start = 0;
	gw_uplink_request_stop(up);
	gw_uplink_join(up);
	assert_taken_once(1000);
	assert_int_equal(marks_of(GW_MARK_DELIVERED), 1000);
}

static void test_stop_does_not_wait_for_a_dead_platform(void **state)
{
	(void)state;
	commit(3);
	COMMAND(platform.hang = true);
	emit(1, GW_LEVEL_RED, 0);
	SOON(is(&platform.hanging));
	gw_uplink_request_stop(up);
	wait_idle();
	advance(1 * SEC);
	gw_uplink_join(up);
	assert_int_equal(count(&platform.n_taken), 0);
}

#define IT(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IT(test_leaves_when_committed),
		IT(test_leaves_after_200_ms_all_the_same),
		IT(test_a_repeat_has_the_same_bytes),
		IT(test_retry_after_is_obeyed),
		IT(test_a_new_alarm_does_not_wait_for_the_back_off),
		IT(test_down_after_three_failures_and_back),
		IT(test_down_after_a_minute_of_silence),
		IT(test_one_poison_of_five_is_parked),
		IT(test_denied_to_all_parks_nothing),
		IT(test_denied_to_one_parks_it),
		IT(test_everything_refused_parks_nothing),
		IT(test_everything_refused_heartbeats_too),
		IT(test_too_large_is_split),
		IT(test_without_a_witness_it_stays_owed),
		IT(test_another_token_is_no_witness),
		IT(test_nothing_is_parked_while_stopping),
		IT(test_parked_ones_are_offered_after_a_start),
		IT(test_a_store_that_opens_late),
		IT(test_what_is_new_goes_before_what_is_parked),
		IT(test_offers_are_paced),
		IT(test_offers_once_a_day),
		IT(test_offered_when_the_platform_comes_back),
		IT(test_offered_under_another_token),
		IT(test_parked_on_a_heartbeats_word_alone),
		IT(test_resend),
		IT(test_a_heartbeats_hold_is_its_own),
		IT(test_a_heartbeats_back_off_is_its_own),
		IT(test_an_events_hold_is_not_the_heartbeats),
		IT(test_heartbeats_refused_are_no_outage),
		IT(test_a_busy_platform_is_reached),
		IT(test_a_stranger_is_told_of_after_a_minute),
		IT(test_heartbeats),
		IT(test_heartbeats_do_not_hide_that_events_fail),
		IT(test_backlog_of_an_earlier_run),
		IT(test_overflow_goes_through_the_store),
		IT(test_overflow_while_the_store_answers),
		IT(test_overflow_that_the_store_has_not_seen),
		IT(test_the_store_is_quicker_than_the_ring),
		IT(test_what_the_engine_left_out_is_fetched),
		IT(test_a_store_that_is_mute_holds_nothing_back),
		IT(test_settled_while_the_store_answers),
		IT(test_a_full_line_to_the_store),
		IT(test_a_storm_is_not_taken_in_whole_before_any_leaves),
		IT(test_a_full_ring_is_emptied_though_nothing_may_leave),
		IT(test_life_goes_on_while_a_request_hangs),
		IT(test_stop_delivers_what_is_at_hand),
		IT(test_stop_delivers_a_full_ring),
		IT(test_stop_does_not_wait_for_a_dead_platform),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
