/* SPDX-License-Identifier: Apache-2.0 */
/*
 * killat PAGE COMMAND...: runs the command and ends it with SIGKILL before or after the n-th
 * system call that any of its threads makes once the test has armed it. Calls that only wait are
 * not counted. PAGE is a file of eight 64-bit words shared with the test:
 *
 *   0 armed (1: count)   1 calls so far   2 n (0: never)   3 after (0: before)
 *   4 pid of the command 5 number of the call it ended at  6, 7 free
 *
 * SIGTERM, SIGINT and SIGHUP are passed on; the exit status is the command's.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ARMED, CALLS, AT, AFTER, PID, CALL, WORDS = 8 };

static _Atomic uint64_t *page;
static volatile pid_t child;

static void pass_on(int sig)
{
	if (child > 0)
		kill(child, sig);
}

static bool only_waits(long call)
{
	switch (call) {
#ifdef SYS_poll
	case SYS_poll:
#endif
#ifdef SYS_epoll_wait
	case SYS_epoll_wait:
#endif
#ifdef SYS_select
	case SYS_select:
#endif
	case SYS_ppoll:
	case SYS_pselect6:
	case SYS_epoll_pwait:
	case SYS_futex:
	case SYS_nanosleep:
	case SYS_clock_nanosleep:
	case SYS_restart_syscall: return true;
	default: return false;
	}
}

/* At a stop of the thread for a system call: true if the command must end here. */
static bool due(pid_t thread)
{
	struct __ptrace_syscall_info info;
	static uint64_t due_exit;
	static pid_t due_thread;

	if (!page[ARMED] ||
		ptrace(PTRACE_GET_SYSCALL_INFO, thread, sizeof(info), &info) <= 0)
		return false;
	if (info.op == PTRACE_SYSCALL_INFO_EXIT)
		return due_exit && due_thread == thread;
	if (info.op != PTRACE_SYSCALL_INFO_ENTRY || only_waits((long)info.entry.nr))
		return false;
	if (atomic_fetch_add(&page[CALLS], 1) + 1 != page[AT])
		return false;
	page[CALL] = info.entry.nr;
	due_exit = page[AFTER];
	due_thread = thread;
	return !page[AFTER];
}

static void start(char **command)
{
	child = fork();
	if (child < 0) {
		perror("killat: fork");
		exit(2);
	}
	if (child == 0) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		execv(command[0], command);
		perror(command[0]);
		_exit(127);
	}
}

static int follow(void)
{
	const long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE |
		PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL;
	bool first = true;

	for (;;) {
		int status, sig = 0;
		pid_t thread = waitpid(-1, &status, __WALL);

		if (thread < 0) {
			if (errno == EINTR)
				continue;
			return 2;
		}
		if (WIFEXITED(status) || WIFSIGNALED(status)) {
			if (thread != child)
				continue;
			return WIFEXITED(status) ? WEXITSTATUS(status)
						 : 128 + WTERMSIG(status);
		}
		if (first) {
			ptrace(PTRACE_SETOPTIONS, child, NULL, options);
			first = false;
		} else if (WSTOPSIG(status) == (SIGTRAP | 0x80)) {
			if (due(thread)) {
				kill(child, SIGKILL);
				continue;
			}
		} else if (WSTOPSIG(status) != SIGTRAP && WSTOPSIG(status) != SIGSTOP) {
			sig = WSTOPSIG(status);
		}
		ptrace(PTRACE_SYSCALL, thread, NULL, (long)sig);
	}
}

int main(int argc, char **argv)
{
	int fd = argc > 2 ? open(argv[1], O_RDWR | O_CLOEXEC) : -1;
	struct sigaction act = {.sa_handler = pass_on};
	void *at;

	if (fd < 0) {
		fprintf(stderr, "usage: killat PAGE COMMAND...\n");
		return 2;
	}
	at = mmap(NULL, WORDS * sizeof(*page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED) {
		perror("killat: mmap");
		return 2;
	}
	page = at;
	sigaction(SIGTERM, &act, NULL);
	sigaction(SIGINT, &act, NULL);
	sigaction(SIGHUP, &act, NULL);
	start(argv + 2);
	page[PID] = (uint64_t)child;
	return follow();
}
