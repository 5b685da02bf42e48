/* SPDX-License-Identifier: Apache-2.0 */
/* error, log, clock, setting and thread: the small ones of the ground floor. */
#include "base/clock.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/setting.h"
#include "base/thread.h"
#include "base/timespec.h"
#include "base/wake.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static void errors_carry_context(void **state)
{
	struct gw_error err;

	(void)state;
	assert_int_equal(gw_fail(&err, GW_ERR_LINK, ECONNREFUSED, "connect %s:%d: %s", "h",
				 502, gw_errno_text(ECONNREFUSED)),
		GW_ERR_LINK);
	assert_int_equal(err.kind, GW_ERR_LINK);
	assert_int_equal(err.native, ECONNREFUSED);
	assert_string_equal(err.text, "connect h:502: Connection refused");
	assert_int_equal(gw_error_wrap(&err, "open %s", "plant"), GW_ERR_LINK);
	assert_string_equal(err.text, "open plant: connect h:502: Connection refused");
	gw_fail(&err, GW_ERR_FULL, 0, "again: %s",
		err.text); /* its own text as an argument */
	assert_string_equal(
		err.text, "again: open plant: connect h:502: Connection refused");
	assert_int_equal(gw_fail(NULL, GW_ERR_TIMEOUT, 0, "nobody asks"), GW_ERR_TIMEOUT);
}

static void long_errors_end_between_characters(void **state)
{
	struct gw_error err;
	char text[400] = "";
	int i;

	(void)state;
	for (i = 0; i < 100; i++)
		strcat(text, "锅");
	gw_fail(&err, GW_ERR_CONFIG, 0, "%s", text);
	assert_int_equal(strlen(err.text), 198); /* 66 of three bytes, of 199 */
	gw_error_wrap(&err, "a");
	assert_int_equal(strlen(err.text), 198);
	gw_error_wrap(&err, "%s", text);
	assert_int_equal(strlen(err.text), 198);
}

static void names_are_known(void **state)
{
	int i;

	(void)state;
	for (i = GW_OK; i <= GW_ERR_STOPPED; i++)
		assert_string_not_equal(gw_err_name((enum gw_err)i), "unknown");
	assert_string_equal(gw_err_name((enum gw_err)99), "unknown");
	assert_string_equal(gw_errno_text(ENOENT), "No such file or directory");
	assert_string_equal(gw_errno_text(123456), "unknown error");
}

/* What gw_log writes while stderr is a file, optionally named in JOURNAL_STREAM. */
static const char *logged(bool journal, enum gw_log_level max, enum gw_log_level level)
{
	static char got[2048];
	FILE *file = tmpfile();
	char stream[64];
	struct stat st;
	int saved = dup(STDERR_FILENO);
	size_t n;

	assert_non_null(file);
	assert_int_equal(fstat(fileno(file), &st), 0);
	snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t)st.st_dev,
		(uintmax_t)st.st_ino + (journal ? 0 : 1));
	setenv("JOURNAL_STREAM", stream, 1);
	dup2(fileno(file), STDERR_FILENO);
	gw_log_init(max);
	errno = EPIPE;
	gw_log(level, "boiler-room: link lost\n(%s)", "timed out");
	assert_int_equal(errno, EPIPE);
	dup2(saved, STDERR_FILENO);
	close(saved);
	unsetenv("JOURNAL_STREAM");
	gw_log_init(GW_LOG_INFO);
	rewind(file);
	n = fread(got, 1, sizeof(got) - 1, file);
	got[n] = '\0';
	fclose(file);
	return got;
}

static void logs_one_line(void **state)
{
	(void)state;
	assert_string_equal(logged(false, GW_LOG_INFO, GW_LOG_WARNING),
		"boiler-room: link lost (timed out)\n");
	assert_string_equal(logged(true, GW_LOG_INFO, GW_LOG_WARNING),
		"<4>boiler-room: link lost (timed out)\n");
	assert_string_equal(logged(true, GW_LOG_INFO, GW_LOG_DEBUG), "");
	assert_string_equal(logged(true, GW_LOG_DEBUG, GW_LOG_DEBUG),
		"<7>boiler-room: link lost (timed out)\n");
}

static void a_log_that_cannot_be_written_changes_nothing(void **state)
{
	int saved = dup(STDERR_FILENO);

	(void)state;
	close(STDERR_FILENO);
	errno = EPIPE;
	gw_log(GW_LOG_ERR, "nobody reads this");
	assert_int_equal(errno, EPIPE);
	dup2(saved, STDERR_FILENO);
	close(saved);
}

static void clocks_advance_and_the_boot_has_an_id(void **state)
{
	int64_t a = gw_clock_boot_ns(), b = gw_clock_boot_ns();
	char id[37];

	(void)state;
	assert_true(a > 0 && b >= a);
	assert_true(gw_clock_wall_ms() > INT64_C(1600000000000));
	gw_clock_boot_id(id);
	assert_int_equal(strlen(id), 36);
	assert_int_equal(id[8], '-');
	(void)gw_clock_synced();
}

static const void *said_where;
static char said_text[600];

static void say(struct gw_report *report, const void *where, const char *text)
{
	(void)report;
	said_where = where;
	snprintf(said_text, sizeof(said_text), "%s", text);
}

static void waits_have_seconds_and_nanoseconds(void **state)
{
	static const struct {
		int64_t ns, sec;
		long nsec;
	} rows[] = {{INT64_MIN, 0, 0}, {-1, 0, 0}, {0, 0, 0}, {999999999, 0, 999999999},
		{GW_NS_PER_SEC, 1, 0}, {5 * GW_NS_PER_SEC + 7, 5, 7},
		{INT64_C(3000000000) * GW_NS_PER_SEC + 1, 3000000000, 1}, /* past 2038 */
		{INT64_MAX, 9223372036, 854775807}};
	struct timespec at;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		at = gw_timespec_from_ns(rows[i].ns);
		assert_true(at.tv_sec == rows[i].sec);
		assert_true(at.tv_nsec == rows[i].nsec);
	}
}

static void reports_are_formatted_and_counted(void **state)
{
	struct gw_report report = {.add = say};
	int field = 0;

	(void)state;
	gw_report(&report, &field, "%d is below %d", 1, 2);
	assert_ptr_equal(said_where, &field);
	assert_string_equal(said_text, "1 is below 2");
	gw_report(&report, NULL, "more");
	assert_int_equal(report.n, 2);
}

/* Sums in files of earlier versions. */
static void a_hash_never_changes(void **state)
{
	(void)state;
	assert_int_equal(gw_hash(GW_HASH_START, "", 0), UINT64_C(0xcbf29ce484222325));
	assert_int_equal(gw_hash(GW_HASH_START, "a", 1), UINT64_C(0xaf63dc4c8601ec8c));
	assert_int_equal(gw_hash(gw_hash(GW_HASH_START, "foo", 3), "bar", 3),
		UINT64_C(0x85944171f73967e8));
}

struct worker {
	struct gw_thread thread;
	struct gw_wake wake;
	char name[16];
	sigset_t mask;
};

static void *work(void *arg)
{
	struct worker *w = arg;

	pthread_sigmask(SIG_SETMASK, NULL, &w->mask);
	while (!gw_thread_stopping(&w->thread)) {
		gw_thread_beat(&w->thread, 4711);
		gw_wake_prepare(&w->wake);
		if (gw_thread_stopping(&w->thread))
			gw_wake_finish(&w->wake);
		else
			gw_wake_wait(&w->wake, -1);
	}
	pthread_getname_np(pthread_self(), w->name, sizeof(w->name));
	return NULL;
}

static void *count_a_run(void *arg)
{
	atomic_fetch_add((_Atomic int *)arg, 1);
	return NULL;
}

/* Made, which may fail, long before it runs; or never run at all. */
static int64_t monotonic_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * GW_NS_PER_SEC + now.tv_nsec;
}

static void a_deadline_is_as_far_away_on_both_clocks(void **state)
{
	static const int64_t ahead_ns[] = {-GW_NS_PER_SEC, 0, 1, 999999999,
		GW_NS_PER_SEC + 999999999, 100000 * GW_NS_PER_SEC};

	(void)state;
	for (size_t i = 0; i < sizeof(ahead_ns) / sizeof(*ahead_ns); i++) {
		int64_t ns = ahead_ns[i] > 0 ? ahead_ns[i] : 0, before_ns = monotonic_ns();
		struct timespec until = gw_thread_deadline(
			gw_clock_boot_ns() + ahead_ns[i]);
		int64_t until_ns = until.tv_sec * GW_NS_PER_SEC + until.tv_nsec;

		assert_in_range(until.tv_nsec, 0, GW_NS_PER_SEC - 1);
		assert_true(until_ns >= before_ns + ns - GW_NS_PER_MS);
		assert_true(until_ns <= monotonic_ns() + ns);
	}
}

static void *note_own_name(void *arg)
{
	pthread_getname_np(pthread_self(), arg, 16);
	return NULL;
}

static void a_thread_has_its_name_from_the_first(void **state)
{
	(void)state;
	for (int i = 0; i < 2000; i++) {
		struct gw_thread t = {.running = false};
		char name[16] = "";

		assert_int_equal(
			gw_thread_start(&t, "named", note_own_name, name, NULL), 0);
		gw_thread_join(&t);
		assert_string_equal(name, "named");
	}
}

static void a_thread_that_is_held_runs_when_it_is_released(void **state)
{
	_Atomic int runs = 0;
	struct gw_thread t = {.running = false};

	(void)state;
	for (int i = 0; i < 100; i++) {
		gw_thread_hold(&t);
		assert_int_equal(gw_thread_start(&t, "held", count_a_run, &runs, NULL), 0);
		assert_false(gw_thread_ended(&t));
		assert_int_equal(atomic_load(&runs), i);
		gw_thread_release(&t);
		gw_thread_release(&t);
		gw_thread_join(&t);
		assert_int_equal(atomic_load(&runs), i + 1);
		assert_true(gw_thread_ended(&t));
	}
	gw_thread_hold(&t);
	assert_int_equal(gw_thread_start(&t, "held", count_a_run, &runs, NULL), 0);
	gw_thread_request_stop(&t);
	gw_thread_join(&t);
	assert_int_equal(atomic_load(&runs), 100);
}

static void *spin(void *arg)
{
	struct gw_thread *t = arg;

	while (!gw_thread_stopping(t))
		;
	return NULL;
}

static bool becomes_runnable(struct gw_thread *t, bool wanted)
{
	for (int i = 0; i < 10000; i++) {
		if (gw_thread_is_runnable(t) == wanted)
			return true;
		usleep(1000);
	}
	return false;
}

/* Who waits for a busy processor is not stuck; who waits for a device is. */
static void a_thread_that_lacks_a_processor_is_runnable(void **state)
{
	static struct worker w;
	struct gw_thread busy = {.running = false};
	struct gw_error err;

	(void)state;
	assert_false(gw_thread_is_runnable(&busy)); /* never started */
	assert_int_equal(gw_thread_start(&busy, "busy", spin, &busy, &err), GW_OK);
	for (int i = 0; i < 100; i++)
		assert_true(gw_thread_is_runnable(&busy));
	gw_thread_request_stop(&busy);
	gw_thread_join(&busy);
	assert_int_equal(gw_wake_init(&w.wake, &err), GW_OK);
	assert_int_equal(gw_thread_start(&w.thread, "waits (R) R", work, &w, &err), GW_OK);
	assert_true(becomes_runnable(&w.thread, false));
	gw_thread_request_stop(&w.thread);
	gw_wake_poke(&w.wake);
	gw_thread_join(&w.thread);
	gw_wake_fini(&w.wake);
}

static void threads_start_and_stop(void **state)
{
	static struct worker w;
	struct gw_error err;
	sigset_t mask;

	(void)state;
	gw_thread_join(&w.thread); /* never started */
	assert_int_equal(gw_wake_init(&w.wake, &err), GW_OK);
	assert_int_equal(
		gw_thread_start(&w.thread, "source:boiler-room-3", work, &w, &err), GW_OK);
	assert_true(w.thread.running);
	assert_true(atomic_load(&w.thread.beat_ns) > 0); /* alive from the start */
	gw_thread_request_stop(&w.thread);
	gw_wake_poke(&w.wake);
	gw_thread_join(&w.thread);
	assert_false(w.thread.running);
	gw_thread_join(&w.thread);
	assert_string_equal(w.name, "source:boiler-r");
	assert_int_equal(sigismember(&w.mask, SIGTERM), 1);
	assert_int_equal(sigismember(&w.mask, SIGHUP), 1);
	assert_int_equal(sigismember(&w.mask, SIGSEGV), 0);
	pthread_sigmask(SIG_SETMASK, NULL, &mask);
	assert_int_equal(sigismember(&mask, SIGTERM), 0); /* main still gets it */
	gw_wake_fini(&w.wake);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(errors_carry_context),
		cmocka_unit_test(long_errors_end_between_characters),
		cmocka_unit_test(names_are_known),
		cmocka_unit_test(logs_one_line),
		cmocka_unit_test(a_log_that_cannot_be_written_changes_nothing),
		cmocka_unit_test(clocks_advance_and_the_boot_has_an_id),
		cmocka_unit_test(waits_have_seconds_and_nanoseconds),
		cmocka_unit_test(reports_are_formatted_and_counted),
		cmocka_unit_test(a_hash_never_changes),
		cmocka_unit_test(threads_start_and_stop),
		cmocka_unit_test(a_thread_that_lacks_a_processor_is_runnable),
		cmocka_unit_test(a_deadline_is_as_far_away_on_both_clocks),
		cmocka_unit_test(a_thread_has_its_name_from_the_first),
		cmocka_unit_test(a_thread_that_is_held_runs_when_it_is_released),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
