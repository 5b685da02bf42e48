/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/log.h"
#include "source/source.h"

#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* Displaces the library's: what the source says is part of the contract. */
static char reported[8][256];
static _Atomic int n_said;

void gw_log_init(enum gw_log_level max)
{
	(void)max;
}

void gw_log(enum gw_log_level level, const char *fmt, ...)
{
	va_list ap;
	int at = atomic_load(&n_said);

	(void)level;
	if (at == 8)
		return;
	va_start(ap, fmt);
	vsnprintf(reported[at], sizeof(reported[at]), fmt, ap);
	va_end(ap);
	atomic_store(&n_said, at + 1);
}

/* Displace the library's and libc's. A thread that is watched skips its waits: each is over at
 * once, and the clock as much later. */
static struct gw_thread *watched;
static _Atomic int64_t skipped_ns;
static _Atomic int waits;
static int longest_ms, beatless; /* waits; those with no beat since the one before */
static int64_t last_beat_ns;

int64_t gw_clock_boot_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return t.tv_sec * GW_NS_PER_SEC + t.tv_nsec + skipped_ns;
}

int64_t gw_clock_wall_ms(void)
{
	return 0;
}

bool gw_clock_synced(void)
{
	return true;
}

void gw_clock_boot_id(char ret_id[37])
{
	memset(ret_id, 0, 37);
}

int poll(struct pollfd *fds, nfds_t n, int timeout_ms)
{
	struct timespec t = {timeout_ms / 1000, timeout_ms % 1000 * GW_NS_PER_MS};
	int64_t beat_ns;

	if (watched) {
		beat_ns = atomic_load(&watched->beat_ns);
		beatless += beat_ns == last_beat_ns;
		last_beat_ns = beat_ns;
		longest_ms = timeout_ms > longest_ms ? timeout_ms : longest_ms;
		skipped_ns += timeout_ms * GW_NS_PER_MS;
		waits++;
		t = (struct timespec){0};
	}
	return ppoll(fds, n, &t, NULL);
}

/* A driver that does as it is told. */
static _Atomic int fail_opens, lose_link, opens, closes, polls;
static _Atomic bool open_now;

static enum gw_err fake_open(void *state, const struct gw_source_opts *opts,
	struct gw_emit *emit, struct gw_error *err)
{
	(void)state, (void)opts, (void)emit;
	opens++;
	if (fail_opens > 0) {
		fail_opens--;
		return gw_fail(err, GW_ERR_LINK, 0, "nobody there");
	}
	open_now = true;
	return GW_OK;
}

static enum gw_err fake_poll(
	void *state, int timeout_ms, struct gw_emit *emit, struct gw_error *err)
{
	struct pollfd stop = {.fd = gw_emit_stop_fd(emit), .events = POLLIN};

	(void)state;
	assert_true(open_now);
	assert_in_range(timeout_ms, 0, GW_BEAT_MAX_MS);
	if (lose_link) {
		lose_link = 0;
		return gw_fail(err, GW_ERR_LINK, 0, "timed out");
	}
	polls++;
	gw_emit_sample(emit, 0, GW_QUALITY_GOOD, 1, gw_clock_boot_ns(), 0);
	poll(&stop, 1, timeout_ms < 5 ? timeout_ms : 5);
	return gw_emit_stopping(emit) ? GW_ERR_STOPPED : GW_OK;
}

static void fake_close(void *state)
{
	(void)state;
	closes++;
	open_now = false;
}

static const struct gw_driver driver = {
	.name = "fake", .open = fake_open, .poll = fake_poll, .close = fake_close};
static const struct gw_source_opts opts = {.name = "boiler-room",
	.driver_table = &driver,
	.poll_ns = GW_NS_PER_SEC,
	.n_points = 2,
	.down_point = 2};

static void nap(void)
{
	nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

static struct gw_source *make(int failing)
{
	struct gw_source *s = NULL;

	n_said = fail_opens = lose_link = opens = closes = polls = 0;
	fail_opens = failing;
	assert_int_equal(gw_source_new(&opts, 1 << 16, NULL, NULL, &s, NULL), GW_OK);
	return s;
}

static struct gw_source *begin(int failing)
{
	struct gw_source *s = make(failing);

	assert_int_equal(gw_source_start(s, NULL), GW_OK);
	return s;
}

static void wait_for(struct gw_source *s, enum gw_source_state state)
{
	struct gw_source_status status;

	for (int i = 0; i < 20000; i++, nap()) {
		gw_source_status(s, &status);
		if (status.state == state)
			return;
	}
	fail_msg("the source never came to state %d", (int)state);
}

/* Samples of the down point and bad-link samples, as they came. */
static void read_ring(struct gw_source *s, char *ret_story, size_t size)
{
	struct gw_sample one;
	size_t n = 0;

	while (gw_ring_pop(gw_source_ring(s), &one, 1, sizeof(one)) == 1) {
		char mark = one.point == 2                   ? (char)('0' + (int)one.value)
			: one.quality == GW_QUALITY_BAD_LINK ? (char)('a' + one.point)
							     : '.';

		if (n + 1 < size && (mark != '.' || n == 0 || ret_story[n - 1] != '.'))
			ret_story[n++] = mark;
	}
	ret_story[n] = '\0';
}

static int64_t stop_ms(struct gw_source *s)
{
	int64_t before_ns = gw_clock_boot_ns();

	gw_source_request_stop(s);
	gw_source_join(s);
	return (gw_clock_boot_ns() - before_ns) / GW_NS_PER_MS;
}

static void a_link_that_is_lost_comes_back(void **state)
{
	struct gw_source *s = begin(0);
	struct gw_source_status status;
	char samples[64];

	(void)state;
	wait_for(s, GW_SOURCE_UP);
	while (polls < 3)
		nap();
	fail_opens = 1;
	lose_link = 1;
	wait_for(s, GW_SOURCE_DOWN);
	gw_source_status(s, &status);
	assert_string_equal(status.why, "timed out");
	wait_for(s, GW_SOURCE_UP);
	gw_source_status(s, &status);
	assert_string_equal(status.why, "");
	assert_int_equal(status.tries, 0);
	assert_true(stop_ms(s) < 500);
	assert_int_equal(opens, 3);
	assert_true(closes >= opens);
	read_ring(s, samples, sizeof(samples));
	samples[6] = '\0';
	assert_string_equal(samples, "0.ab10"); /* bad once, however many tries */
	assert_int_equal(n_said, 3);
	assert_string_equal(reported[0], "boiler-room: link up");
	assert_non_null(
		strstr(reported[1], "boiler-room: link lost (timed out), retry in "));
	assert_non_null(strstr(reported[2], "boiler-room: link back after 00:00:0"));
	assert_non_null(strstr(reported[2], ", 2 tries"));
	gw_source_free(s);
}

static void down_at_start_is_normal_and_logged_once(void **state)
{
	struct gw_source *s = begin(2);
	char samples[64];

	(void)state;
	wait_for(s, GW_SOURCE_DOWN);
	wait_for(s, GW_SOURCE_UP);
	stop_ms(s);
	assert_int_equal(n_said, 2);
	assert_non_null(
		strstr(reported[0], "boiler-room: no link (nobody there), retry in 0."));
	assert_non_null(strstr(reported[1], ", 3 tries"));
	read_ring(s, samples, sizeof(samples));
	samples[4] = '\0';
	assert_string_equal(samples, "ab10");
	gw_source_free(s);
}

static void stop_ends_a_back_off_at_once(void **state)
{
	struct gw_source *s = begin(1000);
	struct gw_source_status status;

	(void)state;
	do {
		nap();
		gw_source_status(s, &status);
	} while (status.tries < 2); /* the wait is now 1 s or more */
	assert_true(stop_ms(s) < 500);
	assert_int_equal(n_said, 1);
	gw_source_free(s);
	assert_true(closes >= 1);
}

static void the_thread_beats_in_a_back_off(void **state)
{
	struct gw_source *s = make(INT_MAX);

	(void)state;
	watched = gw_source_thread(s);
	assert_int_equal(gw_source_start(s, NULL), GW_OK);
	while (waits < 300) /* back-offs of a minute among them */
		nap();
	gw_source_free(s); /* stops and joins by itself */
	watched = NULL;
	assert_in_range(longest_ms, 1, GW_BEAT_MAX_MS);
	assert_int_equal(beatless, 0);
}

static void free_takes_null_and_what_never_ran(void **state)
{
	struct gw_source *s = NULL;

	(void)state;
	gw_source_free(NULL);
	assert_int_equal(gw_source_new(&opts, 16, NULL, NULL, &s, NULL), GW_OK);
	gw_source_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_link_that_is_lost_comes_back),
		cmocka_unit_test(down_at_start_is_normal_and_logged_once),
		cmocka_unit_test(stop_ends_a_back_off_at_once),
		cmocka_unit_test(the_thread_beats_in_a_back_off),
		cmocka_unit_test(free_takes_null_and_what_never_ran),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
