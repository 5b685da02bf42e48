/* SPDX-License-Identifier: Apache-2.0 */
/* The guard of still.c itself: each forbidden call must end a guarded thread. */
#include "base/clock.h"
#include "base/wake.h"
#include "still.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static void need(enum gw_err rc)
{
	assert_int_equal(rc, GW_OK);
}

static void *volatile sink;

static char *volatile text;

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;

static void do_malloc(void)
{
	sink = malloc(1);
}

static void do_calloc(void)
{
	sink = calloc(1, 1);
}

static void do_realloc(void)
{
	sink = realloc(sink, 100);
}

static void do_free(void)
{
	free(sink);
}

static void do_aligned_alloc(void)
{
	sink = aligned_alloc(64, 64);
}

static void do_snprintf(void)
{
	snprintf(text, 16, "%p", sink);
}

static void do_strftime(void)
{
	const struct tm tm = {.tm_year = 126};

	strftime(text, 16, "%Y", &tm);
}

static void do_fprintf(void)
{
	fprintf(stderr, "%p\n", sink);
}

static void do_mutex(void)
{
	pthread_mutex_lock(&mutex);
}

static void do_cond(void)
{
	pthread_cond_signal(&cond);
}

static void do_getpid(void)
{
	(void)getpid();
}

static void do_nanosleep(void)
{
	nanosleep(&(struct timespec){.tv_nsec = 1}, NULL);
}

static void do_write(void)
{
	if (write(2, "0123456789", 10) < 0)
		_exit(3);
}

static void do_nothing(void)
{
	const uint64_t one = 1;
	struct gw_wake wake;
	struct timespec now;

	need(gw_wake_init(&wake, NULL));
	still_arm();
	clock_gettime(CLOCK_BOOTTIME, &now);
	gw_wake_prepare(&wake);
	gw_wake_poke(&wake);
	gw_wake_wait(&wake, 0);
	if (write(wake.fd, &one, sizeof one) != sizeof one)
		__builtin_trap();
	gw_wake_prepare(&wake);
	gw_wake_wait(&wake, GW_NS_PER_SEC);
}

#define NO_FILTER 77

/* Runs what in a child process, guarded if arm; said: its stderr. Returns its wait status. */
static int child(void (*what)(void), bool arm, char *said, size_t size)
{
	int fds[2], status;
	size_t n = 0;
	ssize_t got;
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		dup2(fds[1], 2);
		if (arm)
			still_arm();
		what();
		/* exit_group is not on the list */
		syscall(SYS_exit, arm && !still_filtered() ? NO_FILTER : 0);
	}
	close(fds[1]);
	while (n < size - 1 && (got = read(fds[0], said + n, size - 1 - n)) > 0)
		n += (size_t)got;
	said[n] = '\0';
	close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void a_guarded_thread_aborts_at_a_forbidden_call(void **unused)
{
	static const struct {
		void (*what)(void);
		const char *said;
		int number; /* of a system call */
	} rows[] = {
		{do_malloc, "may not call malloc", 0},
		{do_calloc, "may not call calloc", 0},
		{do_realloc, "may not call realloc", 0},
		{do_free, "may not call free", 0},
		{do_aligned_alloc, "may not call aligned_alloc", 0},
		{do_snprintf, "nprintf", 0},
		{do_strftime, "may not call strftime", 0},
		{do_fprintf, "fprintf", 0},
		{do_mutex, "may not call pthread_mutex_lock", 0},
		{do_cond, "may not call pthread_cond_signal", 0},
		{do_getpid, "system call", SYS_getpid},
#ifdef SYS_clock_nanosleep_time64
		{do_nanosleep, "system call", SYS_clock_nanosleep_time64},
#else
		{do_nanosleep, "system call", SYS_clock_nanosleep},
#endif
		{do_write, "system call", SYS_write},
	};
	char said[256], number[16];

	(void)unused;
	sink = malloc(1);
	text = malloc(16);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		int status = child(rows[i].what, true, said, sizeof said);

		snprintf(number, sizeof number, "call %d ", rows[i].number);
		if (rows[i].number && WIFEXITED(status) && WEXITSTATUS(status) == NO_FILTER)
			continue;
		if (!WIFSIGNALED(status) || !strstr(said, rows[i].said) ||
			(rows[i].number && !strstr(said, number)))
			fail_msg("row %zu: ended with %x, said \"%s\"", i, (unsigned)status,
				said);
		assert_int_equal(child(rows[i].what, false, said, sizeof said), 0);
	}
	assert_int_equal(child(do_nothing, false, said, sizeof said), 0);
	free(sink);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_guarded_thread_aborts_at_a_forbidden_call),
	};

	if (still_impossible()) {
		print_message("skipped: %s\n", still_impossible());
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
