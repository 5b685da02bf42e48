/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uplink_fixture.h: the thread of one uplink between a platform (it displaces sink_https.o), a
 * store and a clock (fake_store.h) that the test commands.
 */
#ifndef GW_TESTS_UPLINK_FIXTURE_H
#define GW_TESTS_UPLINK_FIXTURE_H

#include "fake_store.h"

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
	size_t max_events;  /* a request of more is too large: 413; 0: none is */
	uint64_t bad_seq;   /* refuses requests with this seq */
	bool hang;
	bool hanging;
	struct tried *tries;
	size_t n_tries, n_heartbeats;
	uint64_t taken[2 * EVENTS_MAX];
	size_t ring_at_first_try;
	size_t n_taken;
} platform;

__attribute__((unused)) static size_t requests_so_far(void)
{
	return platform.n_tries;
}

__attribute__((unused)) static enum gw_err fake_open(void *state,
	const struct gw_uplink_opts *o, const char *agent, struct gw_error *err)
{
	(void)state;
	(void)o;
	(void)agent;
	(void)err;
	return GW_OK;
}

__attribute__((unused)) static void join(
	const struct gw_sink_body *body, char text[GW_PAYLOAD_MAX])
{
	char *end = text;

	for (size_t i = 0; i < body->n_parts; i++)
		end = mempcpy(end, body->parts[i].iov_base, body->parts[i].iov_len);
	*end = '\0';
}

__attribute__((unused)) static uint64_t seq_of(const struct gw_sink_body *body)
{
	static const char key[] = "\"sequence\":\"";
	char text[GW_PAYLOAD_MAX];
	const char *at;

	join(body, text);
	at = strstr(text, key);
	return at ? strtoull(at + strlen(key), NULL, 10) : HEARTBEAT;
}

__attribute__((unused)) static enum gw_sink_verdict evaluate(
	const struct gw_sink_request *r)
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
	if (platform.max_events > 0 && r->n_bodies > platform.max_events)
		return GW_SINK_REFUSED;
	for (i = 0; i < r->n_bodies; i++) {
		t->seqs[i] = seq_of(&r->bodies[i]);
		if (t->seqs[i] == platform.bad_seq)
			return platform.verdict == GW_SINK_SENT ? GW_SINK_REFUSED
								: platform.verdict;
	}
	if (platform.bad_seq == 0 && platform.verdict != GW_SINK_SENT)
		return platform.verdict;
	for (i = 0; i < r->n_bodies; i++)
		platform.taken[platform.n_taken++] = t->seqs[i];
	return GW_SINK_SENT;
}

__attribute__((unused)) static void fake_send(
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
			.status = platform.max_events > 0 ? 413 : 0,
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

__attribute__((unused)) static void fake_close(void *state)
{
	(void)state;
}

__attribute__((unused)) static void fake_check(
	const struct gw_uplink_opts *o, struct gw_report *report)
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

__attribute__((unused)) static void fill(void *arg, struct gw_heartbeat *h)
{
	(void)arg;
	h->site = &site;
}

__attribute__((unused)) static struct gw_event make(uint64_t seq, int level, unsigned alarm)
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
		.boot_ns = gw_clock_boot_ns(),
		.wall_ms = gw_clock_wall_ms(),
		.synced = true,
		.boot = "11111111-2222-3333-4444-555555555555"};
}

__attribute__((unused)) static void to_store(const struct gw_event *e)
{
	pthread_mutex_lock(&lock);
	store.events[store.n] = *e;
	store.events[store.n].durable = true;
	store.owed[store.n++] = true;
	pthread_mutex_unlock(&lock);
}

/* As the engine does: one event to both. */
__attribute__((unused)) static void emit(uint64_t seq, int level, unsigned alarm)
{
	struct gw_event e = make(seq, level, alarm);

	to_store(&e);
	while (gw_ring_push(gw_uplink_events(up), &e, 1, sizeof(e)) == 0)
		usleep(1000);
	gw_wake_poke(gw_uplink_wake(up));
}

__attribute__((unused)) static void commit(uint64_t seq)
{
	atomic_store(&store.committed, seq);
	gw_wake_poke(gw_uplink_wake(up));
}

__attribute__((unused)) static size_t count(const size_t *what)
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
__attribute__((unused)) static void wait_idle(void)
{
	for (int i = 0; i < 3; i++) {
		gw_wake_poke(gw_uplink_wake(up));
		usleep(3000);
	}
}

__attribute__((unused)) static void read_faults(void)
{
	struct gw_sample s;

	for (; gw_ring_pop(faults, &s, 1, sizeof(s)) == 1; n_fault_samples++)
		fault[s.point] = s.value;
}

static uint64_t waiting_at_start; /* events in the ring before the thread runs */

__attribute__((unused)) static void begin(int64_t heartbeat_ns)
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

__attribute__((unused)) static int setup(void **state)
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
	SOON(count(&store.replies) == 1); /* nothing is owed */
	return 0;
}

__attribute__((unused)) static void end_uplink(void)
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
	gw_batch_free(store.reply);
	free(platform.tries);
	memset(&store, 0, sizeof(store));
	memset(&platform, 0, sizeof(platform));
	platform.tries = calloc(4096, sizeof(struct tried));
}

__attribute__((unused)) static int teardown(void **state)
{
	(void)state;
	end_uplink();
	free(platform.tries);
	return 0;
}

__attribute__((unused)) static void again_with_heartbeat(int64_t ns)
{
	end_uplink();
	begin(ns);
	SOON(count(&store.replies) == 1);
}

__attribute__((unused)) static struct gw_uplink_status status(void)
{
	struct gw_uplink_status s;

	gw_uplink_status(up, &s);
	return s;
}

/* Everything taken once, and each alarm's by seq. */
__attribute__((unused)) static void assert_taken_once(size_t n)
{
	static bool seen[EVENTS_MAX + 1];

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

__attribute__((unused)) static bool is(const bool *what)
{
	bool now;

	pthread_mutex_lock(&lock);
	now = *what;
	pthread_mutex_unlock(&lock);
	return now;
}

__attribute__((unused)) static void fail_times(unsigned n, int64_t step_ns)
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

#endif
