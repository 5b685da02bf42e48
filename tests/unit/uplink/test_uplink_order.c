/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Uplink and store together, both with their threads: whatever order the events of one alarm reach
 * the platform in, the newest is its last word. The platform is this file's: it takes the place of
 * sink_https.o.
 */
#include "faulty_vfs.h"
#include "store_fixture.h"

#include "uplink/uplink.h"

#define SOON_MS 20000 /* only bounds a failure */
#define MOST    4096

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* ---- the platform ---- */

struct taken {
	uint64_t seq;
	uint32_t sum; /* of its bytes */
};

static struct {
	_Atomic bool away;
	_Atomic int requests;    /* that it takes before it goes away; < 0: any number */
	_Atomic uint64_t poison; /* refuses requests with this seq */
	_Atomic size_t n;
	struct taken taken[MOST];
} platform;

static enum gw_err fake_open(void *state, const struct gw_uplink_opts *o, const char *agent,
	struct gw_error *err)
{
	(void)state;
	(void)o;
	(void)agent;
	(void)err;
	return GW_OK;
}

/* The sequence of the event, and a sum of its bytes. */
static struct taken read_body(const struct gw_sink_body *body)
{
	static const char key[] = "\"sequence\":\"";
	static char text[GW_PAYLOAD_MAX];
	size_t n = 0;
	struct taken t = {.seq = 0};
	const char *at;

	for (size_t i = 0; i < body->n_parts; i++) {
		memcpy(text + n, body->parts[i].iov_base, body->parts[i].iov_len);
		n += body->parts[i].iov_len;
	}
	for (size_t i = 0; i < n; i++)
		t.sum = t.sum * 31 + (unsigned char)text[i];
	at = memmem(text, n, key, strlen(key));
	assert_non_null(at);
	t.seq = strtoull(at + strlen(key), NULL, 10);
	return t;
}

static void fake_send(
	void *state, const struct gw_sink_request *r, struct gw_sink_result *ret_result)
{
	(void)state;
	*ret_result = (struct gw_sink_result){.verdict = GW_SINK_RETRY, .why = "away"};
	if (platform.away || platform.requests == 0)
		return;
	for (size_t i = 0; i < r->n_bodies; i++) {
		if (read_body(&r->bodies[i]).seq == platform.poison) {
			ret_result->verdict = GW_SINK_REFUSED;
			return;
		}
	}
	ret_result->verdict = GW_SINK_SENT;
	platform.requests -= platform.requests > 0;
	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < r->n_bodies && platform.n < MOST; i++)
		platform.taken[platform.n++] = read_body(&r->bodies[i]);
	pthread_mutex_unlock(&lock);
}

static void fake_close(void *state)
{
	(void)state;
}

const struct gw_sink gw_sink_https = {.name = "fake",
	.scheme = "https://",
	.url_form = "https://...",
	.state_size = 1,
	.open = fake_open,
	.send = fake_send,
	.close = fake_close};

/* "1 2 3": the order in which the first `n` came. */
static const char *order(void)
{
	static char text[65536];
	size_t used = 0;

	text[0] = '\0';
	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < platform.n; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%llu",
			used ? " " : "", (unsigned long long)platform.taken[i].seq);
	pthread_mutex_unlock(&lock);
	return text;
}

static size_t times(uint64_t seq)
{
	size_t n = 0;

	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < platform.n; i++)
		n += platform.taken[i].seq == seq;
	pthread_mutex_unlock(&lock);
	return n;
}

/* Every repeat is the same to the byte. */
static void assert_same_bytes(void)
{
	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < platform.n; i++)
		for (size_t k = 0; k < i; k++)
			if (platform.taken[i].seq == platform.taken[k].seq)
				assert_int_equal(
					platform.taken[i].sum, platform.taken[k].sum);
	pthread_mutex_unlock(&lock);
}

/* ---- the gateway ---- */

static struct gw_store *store;
static struct gw_uplink *up;
static uint64_t last_seq; /* given */
static const char *const one_sink[] = {"city"};

#define SOON(condition) \
	do { \
		int left_ms = SOON_MS; \
		while (!(condition) && left_ms-- > 0) \
			usleep(1000); \
		if (left_ms < 0) \
			fail_msg("%s does not come true; taken: %s", #condition, order()); \
	} while (0)

static void begin(void)
{
	struct gw_uplink_opts o = {.name = "city",
		.url = "https://h/",
		.timeout_ns = 5 * GW_NS_PER_SEC,
		.batch = 64};
	int64_t wait_ns;

	store = new_store(one_sink, 1, 16 * MIB);
	assert_int_equal(gw_uplink_new(&o, 0, store, NULL, 1024, &up, NULL), GW_OK);
	assert_int_equal(gw_store_start(store, NULL), GW_OK);
	wait_ns = disk.open_rc ? 200 * GW_NS_PER_MS : 60 * GW_NS_PER_SEC;
	assert_int_equal(
		gw_store_await_previous_run(store, wait_ns, wait_ns), !disk.open_rc);
	last_seq = gw_store_last_seq(store);
	assert_int_equal(gw_uplink_start(up, NULL), GW_OK);
}

static void end(void)
{
	gw_uplink_request_stop(up);
	gw_uplink_join(up);
	gw_store_free(store); /* it wakes the uplink */
	gw_uplink_free(up);
	up = NULL;
	store = NULL;
}

static int setup(void **state)
{
	vfs_heal();
	platform.away = false;
	platform.requests = -1;
	platform.poison = 0;
	platform.n = 0;
	if (fixture_setup(state))
		return -1;
	begin();
	return 0;
}

static int teardown(void **state)
{
	vfs_heal();
	end();
	return fixture_teardown(state);
}

/* As the engine does: one event to both. Returns its seq. */
static uint64_t emit(size_t alarm, enum gw_level level, bool raised)
{
	struct gw_event e = make_event(store, ++last_seq, alarm, level);

	e.boot_ns = gw_clock_boot_ns();
	e.wall_ms = gw_clock_wall_ms();
	gw_clock_boot_id(e.boot);
	if (!raised) {
		e.change = GW_CHANGE_CLEARED;
		e.state = e.underlying = GW_STATE_NORMAL;
	}
	push(store, &e);
	gw_wake_poke(gw_store_wake(store));
	SOON(gw_ring_push(gw_uplink_events(up), &e, 1, sizeof(e)) == 1);
	gw_wake_poke(gw_uplink_wake(up));
	return last_seq;
}

static uint64_t owed_now(void)
{
	struct gw_store_status st;

	gw_store_status(store, &st);
	return st.owed[0];
}

/* An earlier start that could deliver nothing. */
static void owe_three(void)
{
	platform.away = true;
	emit(0, GW_LEVEL_RED, true);
	emit(0, GW_LEVEL_RED, false);
	emit(1, GW_LEVEL_YELLOW, true);
	SOON(gw_store_committed(store) == 3 && owed_now() == 3);
	end();
	assert_string_equal(order(), "");
}

/* ---- tests ---- */

static void events_in_order_are_sent_once(void **state)
{
	(void)state;
	for (int i = 0; i < 50; i++)
		emit((size_t)i % 3, GW_LEVEL_RED, i % 2 == 0);
	SOON(platform.n >= 50 && owed_now() == 0);
	end();
	begin();
	emit(0, GW_LEVEL_RED, true);
	SOON(platform.n >= 51 && owed_now() == 0);
	assert_int_equal(platform.n, 51);
}

/* The new raise does not wait for what the disk cannot say, and has the last word all the same. */
static void the_newest_is_repeated_after_events_that_it_overtook(void **state)
{
	uint64_t newest;

	(void)state;
	owe_three();
	platform.away = false;
	disk.open_rc = SQLITE_CANTOPEN;
	begin();
	assert_true(last_seq > 3);
	newest = emit(0, GW_LEVEL_RED, true);
	SOON(times(newest) == 1);
	assert_int_equal(platform.n, 1);
	vfs_heal();
	SOON(times(newest) == 2 && times(3) == 1);
	SOON(owed_now() == 0);
	assert_int_equal(platform.n, 5);
	assert_int_equal(platform.taken[1].seq, 1);
	assert_int_equal(platform.taken[2].seq, 2);
	assert_same_bytes();
	end();
	begin(); /* and nobody sends it once more */
	emit(2, GW_LEVEL_RED, true);
	SOON(times(last_seq) == 1 && owed_now() == 0);
	assert_int_equal(platform.n, 6);
}

/* The start that overtook ends before it delivered the older ones: the next one can only know it
 * from the journal, also of an alarm that is normal again. */
static void another_start_repeats_the_newest_after_the_older_ones(void **state)
{
	uint64_t newest;

	(void)state;
	owe_three();
	platform.away = false;
	disk.open_rc = SQLITE_CANTOPEN;
	begin();
	emit(0, GW_LEVEL_RED, true);
	newest = emit(0, GW_LEVEL_RED, false);
	SOON(times(newest) == 1);
	platform.away = true;
	vfs_heal();
	SOON(gw_store_committed(store) == newest && owed_now() == 3);
	end();
	assert_int_equal(platform.n, 2);
	platform.away = false;
	begin();
	SOON(times(newest) == 2 && times(3) == 1 && owed_now() == 0);
	assert_int_equal(platform.n, 6);
	assert_int_equal(platform.taken[3].seq, 2);
	assert_same_bytes();
}

/* The older ones are delivered, and power goes before the newest is sent again. */
static void a_power_cut_before_the_repeat_repeats_it_at_the_next_start(void **state)
{
	uint64_t newest;

	(void)state;
	owe_three();
	platform.away = false;
	platform.requests = 2;
	disk.open_rc = SQLITE_CANTOPEN;
	begin();
	newest = emit(0, GW_LEVEL_RED, true);
	SOON(times(newest) == 1);
	vfs_heal();
	SOON(times(2) == 1);
	SOON(owed_now() == 1);
	end();
	assert_int_equal(times(newest), 1);
	platform.requests = -1;
	begin();
	SOON(times(newest) == 2 && owed_now() == 0);
	assert_int_equal(platform.taken[platform.n - 1].seq, newest);
	assert_same_bytes();
}

/* What is owed comes from the store worst first: the end of an alarm whose level had risen comes
 * before its raise. */
static void a_level_that_rose_in_a_long_backlog(void **state)
{
	uint64_t ended, raised;

	(void)state;
	platform.away = true;
	raised = emit(0, GW_LEVEL_YELLOW, true);
	ended = emit(0, GW_LEVEL_RED, false);
	for (size_t i = 1; i <= 200; i++)
		emit(i, GW_LEVEL_RED, true);
	SOON(gw_store_committed(store) == last_seq && owed_now() == 202);
	end();
	platform.away = false;
	begin();
	SOON(times(raised) == 1 && times(ended) == 2 && owed_now() == 0);
	assert_int_equal(platform.taken[platform.n - 1].seq, ended);
	assert_int_equal(platform.n, 203);
	assert_same_bytes();
}

static void a_parked_one_that_is_taken_at_last(void **state)
{
	uint64_t raised, ended;

	(void)state;
	platform.poison = 1;
	raised = emit(0, GW_LEVEL_RED, true);
	SOON(gw_store_committed(store) == raised);
	for (size_t i = 1; i <= 4; i++)
		emit(i, GW_LEVEL_RED, true);
	ended = emit(0, GW_LEVEL_RED, false);
	SOON(times(ended) == 1 && times(raised) == 0);
	platform.poison = 0;
	gw_uplink_retry_parked(up);
	SOON(times(raised) == 1);
	SOON(times(ended) == 2 && owed_now() == 0);
	assert_int_equal(platform.taken[platform.n - 1].seq, ended);
	assert_same_bytes();
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(events_in_order_are_sent_once),
		TEST(the_newest_is_repeated_after_events_that_it_overtook),
		TEST(another_start_repeats_the_newest_after_the_older_ones),
		TEST(a_power_cut_before_the_repeat_repeats_it_at_the_next_start),
		TEST(a_level_that_rose_in_a_long_backlog),
		TEST(a_parked_one_that_is_taken_at_last),
	};

	vfs_install();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
