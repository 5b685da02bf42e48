/* SPDX-License-Identifier: Apache-2.0 */
/* The way of a log line: the ring of many producers, and the thread that writes. */
#include "base/log.h"
#include "base/log_ring.h"
#include "base/log_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static struct gw_log_ring ring;

static void fill(char *line, size_t n, unsigned number)
{
	for (size_t i = 0; i < n; i++)
		line[i] = (char)('a' + (number + i) % 26);
}

/* Every length, so that lines begin and end anywhere and go over the end of the memory. */
static void lines_of_every_length_come_back_in_order(void **state)
{
	char line[GW_LOG_LINE_MAX], got[GW_LOG_LINE_MAX];

	(void)state;
	for (unsigned round = 0; round < 3; round++)
		for (unsigned n = 1; n <= GW_LOG_LINE_MAX; n++) {
			fill(line, n, n + round);
			assert_true(gw_log_ring_push(&ring, line, n));
			if (n % 3 == 0)
				continue; /* taken later, two at a time */
			for (unsigned k = n % 3 == 1 && n > 1 ? n - 1 : n; k <= n; k++) {
				fill(line, k, k + round);
				assert_int_equal(gw_log_ring_pop(&ring, got), k);
				assert_memory_equal(got, line, k);
			}
		}
	while (gw_log_ring_pop(&ring, got))
		continue;
	assert_int_equal(gw_log_ring_pop(&ring, got), 0);
}

static void a_full_ring_takes_nothing_and_keeps_what_it_has(void **state)
{
	char line[GW_LOG_RING_UNIT * 3], got[GW_LOG_LINE_MAX];
	size_t most = GW_LOG_RING_UNITS / 3;

	(void)state;
	for (unsigned i = 0; i < most; i++) {
		fill(line, sizeof(line), i);
		assert_true(gw_log_ring_push(&ring, line, sizeof(line)));
	}
	assert_false(gw_log_ring_push(&ring, line, sizeof(line)));
	assert_true(gw_log_ring_push(&ring, line, 1)); /* one unit was left over */
	assert_false(gw_log_ring_push(&ring, line, 1));
	for (unsigned i = 0; i < most; i++) {
		fill(line, sizeof(line), i);
		assert_int_equal(gw_log_ring_pop(&ring, got), sizeof(line));
		assert_memory_equal(got, line, sizeof(line));
	}
	assert_int_equal(gw_log_ring_pop(&ring, got), 1);
	assert_int_equal(gw_log_ring_pop(&ring, got), 0);
}

/* ---- stderr as a pipe that this test fills and empties ---- */

struct pipe_stderr {
	int saved, read_fd;
};

static struct pipe_stderr begin(bool full)
{
	struct pipe_stderr p = {.saved = dup(STDERR_FILENO)};
	char junk[4096];
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	memset(junk, '.', sizeof(junk));
	fcntl(ends[1], F_SETFL, O_NONBLOCK);
	while (full && write(ends[1], junk, sizeof(junk)) > 0)
		continue;
	fcntl(ends[1], F_SETFL, 0);
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	dup2(ends[1], STDERR_FILENO);
	close(ends[1]);
	p.read_fd = ends[0];
	return p;
}

static void end(struct pipe_stderr *p)
{
	dup2(p->saved, STDERR_FILENO);
	close(p->saved);
	close(p->read_fd);
}

/* Reads what is there onto the end of text, without the dots. */
static void gather(const struct pipe_stderr *p, char *text, size_t size)
{
	char piece[4096];
	size_t used = strlen(text);
	ssize_t n;

	while ((n = read(p->read_fd, piece, sizeof(piece))) > 0)
		for (ssize_t i = 0; i < n && used < size - 1; i++)
			if (piece[i] != '.')
				text[used++] = piece[i];
	text[used] = '\0';
}

static bool comes(const struct pipe_stderr *p, char *text, size_t size, const char *wanted)
{
	const struct timespec pause = {.tv_nsec = 5000000};

	for (int i = 0; i < 2000 && !strstr(text, wanted); i++) {
		gather(p, text, size);
		nanosleep(&pause, NULL);
	}
	return strstr(text, wanted) != NULL;
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void logging_does_not_wait_for_a_reader_that_stalls(void **state)
{
	const unsigned lines = 20000; /* many times what the ring holds */
	struct pipe_stderr p = begin(true);
	static char text[1 << 21];
	const char *said;

	(void)state;
	*text = '\0';
	assert_int_equal(gw_log_writer_start(NULL), GW_OK);
	for (unsigned i = 0; i < lines; i++) /* one write(2) here would never return */
		gw_log(GW_LOG_INFO, "line %u", i);
	assert_in_range(gw_log_writer_lost(), lines - 2000, lines - 1);
	for (int i = 0; i < 2000 && !gw_log_writer_blocked(); i++)
		nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
	assert_true(gw_log_writer_blocked());
	/* it reads again: what waited, in order, and how many did not */
	assert_true(comes(&p, text, sizeof(text), "log lines were not written"));
	assert_non_null(strstr(text, "line 0\nline 1\nline 2\n"));
	said = strstr(text, " log lines were not written");
	while (said > text && said[-1] != '\n')
		said--;
	assert_int_equal(strtoull(said, NULL, 10), gw_log_writer_lost());
	gw_log(GW_LOG_INFO, "after it");
	assert_true(comes(&p, text, sizeof(text), "after it\n"));
	assert_false(gw_log_writer_blocked());
	/* said once, and the ring is usable as before */
	said = strstr(text, "log lines were not written");
	assert_null(strstr(said + 1, "log lines were not written"));
	gw_log(GW_LOG_INFO, "the last one");
	gw_log_writer_stop();
	gather(&p, text, sizeof(text));
	assert_non_null(strstr(text, "the last one\n"));
	end(&p);
}

static void the_end_waits_a_bounded_time(void **state)
{
	struct pipe_stderr p = begin(true);
	int64_t began_ms;

	(void)state;
	assert_int_equal(gw_log_writer_start(NULL), GW_OK);
	for (unsigned i = 0; i < 3000; i++)
		gw_log(GW_LOG_INFO, "line %u", i);
	began_ms = now_ms();
	gw_log_writer_stop();
	for (unsigned i = 0; i < 100; i++) /* without the thread: not a second each */
		gw_log(GW_LOG_INFO, "after the stop %u", i);
	assert_in_range(now_ms() - began_ms, 0, 2 * GW_LOG_LAST_MS);
	end(&p);
}

static void lines_before_the_thread_are_written_at_once(void **state)
{
	struct pipe_stderr p = begin(false);
	static char text[10000];

	(void)state;
	*text = '\0';
	gw_log(GW_LOG_INFO, "before");
	gather(&p, text, sizeof(text));
	assert_non_null(strstr(text, "before\n"));
	assert_int_equal(gw_log_writer_start(NULL), GW_OK);
	gw_log(GW_LOG_INFO, "within");
	gw_log_writer_stop();
	gather(&p, text, sizeof(text));
	assert_non_null(strstr(text, "within\n"));
	end(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_of_every_length_come_back_in_order),
		cmocka_unit_test(a_full_ring_takes_nothing_and_keeps_what_it_has),
		cmocka_unit_test(logging_does_not_wait_for_a_reader_that_stalls),
		cmocka_unit_test(lines_before_the_thread_are_written_at_once),
		/* last: on a busy machine its thread may be left behind */
		cmocka_unit_test(the_end_waits_a_bounded_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
