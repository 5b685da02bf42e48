/* SPDX-License-Identifier: Apache-2.0 */
#include "alert_log/alert_log.h"

#include "control_fixture.h"
#include "tests/unit/fixture/temp_dir.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINE(seq, ms) \
	"2026-11-21T00:15:30." ms "+00:00 RED raised boiler/gas-1/ch4 ch4-high 52.3 " \
	"%LEL above 50 @ A/-1/锅炉房 #" seq "\n"

static struct gw_alert_log *a;
static char folder[TEMP_DIR_MAX], path[96], moved[128];
static int64_t now_ns;

static int setup(void **state)
{
	struct gw_error err;

	fixture_setup(state);
	now_ns = 1000 * GW_NS_PER_SEC;
	if (temp_dir_make(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/log/alerts.log", folder);
	snprintf(moved, sizeof(moved), "%s.1", path);
	assert_int_equal(gw_alert_log_new(path, 64, &a, &err), GW_OK);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	gw_alert_log_free(a);
	return temp_dir_remove(folder);
}

static void push(uint64_t seq)
{
	struct gw_event e = fixture_event(seq);

	assert_int_equal(gw_ring_push(gw_alert_log_events(a), &e, 1, sizeof(e)), 1);
}

static int64_t step(uint64_t seq)
{
	push(seq);
	return gw_alert_log_step(a, now_ns);
}

static const char *content(const char *of)
{
	static char text[4 << 20];
	int fd = open(of, O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, text, sizeof(text) - 1);

	close(fd);
	text[n > 0 ? n : 0] = '\0';
	return text;
}

static struct gw_alert_log_status status(void)
{
	struct gw_alert_log_status s;

	gw_alert_log_status(a, &s);
	return s;
}

static void a_line_a_transition_and_nothing_else(void **state)
{
	mode_t before = umask(0077);
	struct stat st;

	(void)state;
	assert_true(step(1) == INT64_MAX);
	push(2);
	push(3);
	gw_alert_log_step(a, now_ns);
	umask(before);
	assert_string_equal(
		content(path), LINE("1", "124") LINE("2", "125") LINE("3", "126"));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0640);
	assert_int_equal(status().lines, 3);
	assert_int_equal(status().waiting, 0);
	assert_int_equal(fixture.n_said, 0);
}

static void a_file_that_was_moved_or_removed_begins_anew(void **state)
{
	(void)state;
	step(1);
	assert_int_equal(rename(path, moved), 0);
	step(2);
	assert_string_equal(content(moved), LINE("1", "124"));
	assert_string_equal(content(path), LINE("2", "125"));
	assert_int_equal(unlink(path), 0);
	step(3);
	assert_string_equal(content(path), LINE("3", "126"));
	/* logrotate's create: another file is there already */
	assert_int_equal(rename(path, moved), 0);
	close(open(path, O_CREAT | O_WRONLY, 0600));
	step(4);
	assert_string_equal(content(path), LINE("4", "127"));
}

static void a_torn_line_of_a_crash_stays_alone(void **state)
{
	int fd;

	(void)state;
	step(1);
	fd = open(path, O_WRONLY | O_TRUNC);
	assert_int_equal(write(fd, "2026-11-", 8), 8);
	close(fd);
	unlink(moved);
	gw_alert_log_free(a);
	assert_int_equal(gw_alert_log_new(path, 64, &a, NULL), GW_OK);
	step(2);
	assert_string_equal(content(path), "2026-11-\n" LINE("2", "125"));
}

/* A disk with room for 150 bytes: a line and a half. */
static void limit(rlim_t bytes)
{
	struct rlimit r;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &r), 0);
	r.rlim_cur = bytes;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &r), 0);
}

static void a_full_disk_is_logged_once_and_tears_no_line(void **state)
{
	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	limit(150);
	push(1);
	step(2);
	assert_true(status().failing);
	assert_int_equal(strlen(content(path)), 150);
	assert_int_equal(status().lines, 1);
	assert_int_equal(status().waiting, 1);
	for (uint64_t seq = 3; seq < 10; seq++) {
		now_ns += GW_ALERT_LOG_RETRY_NS;
		step(seq);
	}
	assert_int_equal(fixture.n_said, 1);
	assert_non_null(strstr(fixture.said[0], "alerts.log: File too large"));
	limit(RLIM_INFINITY);
	assert_true(gw_alert_log_step(a, now_ns) > now_ns); /* not before its time */
	assert_true(status().failing);
	now_ns += GW_ALERT_LOG_RETRY_NS;
	assert_true(gw_alert_log_step(a, now_ns) == INT64_MAX);
	assert_false(status().failing);
	assert_int_equal(fixture.n_said, 2);
	assert_non_null(strstr(fixture.said[1], "written again after 16s, 0 lines lost"));
	assert_int_equal(
		strncmp(content(path), LINE("1", "124") LINE("2", "125") LINE("3", "126"),
			3 * strlen(LINE("1", "124"))),
		0);
	assert_int_equal(strlen(content(path)), 9 * strlen(LINE("1", "124")));
}

static void a_line_half_written_into_a_moved_file_is_whole_in_the_next(void **state)
{
	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	limit(150);
	push(1);
	step(2);
	assert_true(status().failing);
	limit(RLIM_INFINITY);
	assert_int_equal(rename(path, moved), 0);
	now_ns += GW_ALERT_LOG_RETRY_NS;
	gw_alert_log_step(a, now_ns);
	assert_string_equal(content(path), LINE("2", "125"));
}

static void lines_beyond_the_memory_are_counted_and_the_newest_stay(void **state)
{
	const uint64_t n = 20000;
	struct gw_alert_log_status s;
	char last[16];

	(void)state;
	step(1);
	unlink(path);
	assert_int_equal(symlink("/dev/full", path), 0);
	for (uint64_t seq = 2; seq <= n; seq++)
		step(seq);
	s = status();
	assert_true(s.failing);
	assert_true(s.lost > 0);
	assert_int_equal(s.lost + s.waiting + s.lines, n);
	assert_int_equal(fixture.n_said, 1);
	unlink(path);
	now_ns += GW_ALERT_LOG_RETRY_NS;
	gw_alert_log_step(a, now_ns);
	s = status();
	assert_int_equal(s.lost + s.lines, n);
	snprintf(last, sizeof(last), " #%d\n", (int)n);
	assert_non_null(strstr(content(path), last));
	assert_true(strlen(content(path)) > GW_ALERT_LOG_BUFFER / 2);
	assert_true(strlen(content(path)) <= GW_ALERT_LOG_BUFFER);
	assert_non_null(strstr(fixture.said[1], "lines lost"));
}

static void the_thread_writes_when_poked_and_all_before_it_ends(void **state)
{
	(void)state;
	assert_int_equal(gw_alert_log_start(a, NULL), GW_OK);
	for (uint64_t seq = 1; seq <= 50; seq++) {
		push(seq);
		gw_wake_poke(gw_alert_log_wake(a));
	}
	gw_alert_log_request_stop(a);
	gw_alert_log_join(a);
	assert_int_equal(status().lines, 50);
	assert_int_equal(status().waiting, 0);
}

/* What it appends to is the file itself, or nothing. */
static void a_symbolic_link_is_not_followed(void **state)
{
	char other[96];

	(void)state;
	step(1);
	snprintf(other, sizeof(other), "%s/log/precious", folder);
	assert_int_equal(rename(path, other), 0);
	assert_int_equal(symlink(other, path), 0);
	step(2);
	assert_true(status().failing);
	assert_int_equal(fixture.n_said, 1);
	assert_non_null(strstr(fixture.said[0], "symbolic link is not followed"));
	assert_null(strstr(content(other), "#2"));
	unlink(path);
	assert_int_equal(symlink("nothing", path), 0); /* nor made through one */
	now_ns += GW_ALERT_LOG_RETRY_NS;
	gw_alert_log_step(a, now_ns);
	assert_true(status().failing);
	unlink(path);
	now_ns += GW_ALERT_LOG_RETRY_NS;
	gw_alert_log_step(a, now_ns);
	assert_string_equal(content(path), LINE("2", "125"));
}

/* The folder may be one: that is root's business. */
static void a_link_to_the_folder_is_followed(void **state)
{
	char log[96], elsewhere[96];

	(void)state;
	snprintf(log, sizeof(log), "%s/log", folder);
	snprintf(elsewhere, sizeof(elsewhere), "%s/disk2", folder);
	assert_int_equal(mkdir(elsewhere, 0755), 0);
	assert_int_equal(symlink(elsewhere, log), 0);
	step(1);
	assert_false(status().failing);
	assert_string_equal(content(path), LINE("1", "124"));
}

static void a_new_file_belongs_to_the_group_and_is_read_by_no_other(void **state)
{
	gid_t group = geteuid() == 0 ? 4711 : getegid();
	struct stat st;

	(void)state;
	gw_alert_log_group(a, group);
	step(1);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_gid, group);
	assert_int_equal(st.st_mode & 07777, 0640);
}

static bool synced(uint64_t times)
{
	const struct timespec pause = {.tv_nsec = 5000000};

	for (int i = 0; i < 4000 && status().syncs < times; i++)
		nanosleep(&pause, NULL);
	return status().syncs == times;
}

/* Soon, and not once a line: by the clock of this test it is always the same second. */
static void lines_are_synced_once_a_second(void **state)
{
	(void)state;
	assert_int_equal(gw_alert_log_start(a, NULL), GW_OK);
	for (uint64_t seq = 1; seq <= 300; seq++) {
		push(seq);
		gw_wake_poke(gw_alert_log_wake(a));
		while (status().lines < seq)
			sched_yield();
		if (seq == 1)
			assert_true(synced(1));
	}
	assert_int_equal(status().syncs, 1);
	gw_alert_log_request_stop(a);
	gw_alert_log_join(a);
	assert_int_equal(status().lines, 300);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_line_a_transition_and_nothing_else),
		TEST(a_file_that_was_moved_or_removed_begins_anew),
		TEST(a_torn_line_of_a_crash_stays_alone),
		TEST(a_full_disk_is_logged_once_and_tears_no_line),
		TEST(a_line_half_written_into_a_moved_file_is_whole_in_the_next),
		TEST(lines_beyond_the_memory_are_counted_and_the_newest_stay),
		TEST(the_thread_writes_when_poked_and_all_before_it_ends),
		TEST(a_symbolic_link_is_not_followed),
		TEST(a_link_to_the_folder_is_followed),
		TEST(a_new_file_belongs_to_the_group_and_is_read_by_no_other),
		TEST(lines_are_synced_once_a_second),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
