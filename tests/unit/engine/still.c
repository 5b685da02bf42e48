/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is forbidden is defined here under its own name, so that the program and its libraries
 * come here first; system calls are forbidden by a seccomp filter of the one thread.
 */
#undef _FORTIFY_SOURCE /* its inline functions have the names that are defined here */

#include "still.h"

#include "tests/unit/fixture/real_call.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || \
	__has_feature(memory_sanitizer)
#define SANITIZED
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED
#endif

static atomic_uint n_armed, n_filtered;

unsigned still_armed(void)
{
	return atomic_load_explicit(&n_armed, memory_order_acquire);
}

unsigned still_filtered(void)
{
	return atomic_load_explicit(&n_filtered, memory_order_acquire);
}

void still_say(const char *text)
{
	for (size_t n = strlen(text); n > 0;) {
		char part[8] = "        ";
		size_t some = n < sizeof part ? n : sizeof part;

		memcpy(part, text, some);
		if (write(2, part, sizeof part) < 0)
			return;
		text += some;
		n -= some;
	}
}

#ifdef SANITIZED

const char *still_impossible(void)
{
	return "the sanitizer has its own malloc and locks";
}

void still_arm(void)
{
}

#else

enum { FREE, HELD, LEAVING };
static _Thread_local __attribute__((tls_model("initial-exec"))) int state;
static pthread_key_t leaving;

const char *still_impossible(void)
{
	const char *preloaded = getenv("LD_PRELOAD");

	if (preloaded && strstr(preloaded, "vgpreload"))
		return "valgrind calls the kernel from the thread it watches";
	return NULL;
}

static _Noreturn void die(const char *what, const char *name)
{
	static _Thread_local bool
		dying; /* the handler of a test library comes here again */

	if (!dying) {
		dying = true;
		still_say(what);
		still_say(name);
		still_say("\n");
	}
	__builtin_trap();
}

static void hold(const char *name)
{
	if (__builtin_expect(state == HELD, 0))
		die("still: this thread may not call ", name);
}

/* ---- system calls ---- */

#define LET(number) \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (number), 0, 1), \
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
#define LET_8_BYTES(number) \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (number), 0, 4), \
		BPF_STMT( \
			BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2])), \
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 8, 0, 1), \
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW), \
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP)

static const struct sock_filter filter[] = {
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	/* The engine's whole list: it sleeps, is woken and wakes others by eventfd, whose reads
	 * and writes have 8 bytes. The numbers are of this machine's own ABI: this is a test, not
	 * a wall against somebody who means harm. */
	LET(SYS_ppoll),
#ifdef SYS_ppoll_time64
	LET(SYS_ppoll_time64),
#endif
	LET_8_BYTES(SYS_read),
	LET_8_BYTES(SYS_write),
	/* It lends the engine to main at a reload and waits to get it back: two semaphores. Locks
	 * are forbidden by their names, below. */
	LET(SYS_futex),
	/* Answered in user space by the vDSO, unless the machine's clock source has none there
	 * (some virtual machines): then it is a call, and no cure is in our hands. */
	LET(SYS_clock_gettime),
#ifdef SYS_clock_gettime64
	LET(SYS_clock_gettime64),
#endif
	/* Not the engine's: the end of the handler below, and of the thread. */
	LET(SYS_rt_sigreturn),
	LET(SYS_exit),
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
};

static void refused(int signal, siginfo_t *info, void *context)
{
	int saved = errno, n = info->si_syscall;
	char digits[12], *at = digits + sizeof digits - 1;

	(void)signal;
	(void)context; /* the result is what the kernel put there: the number, or an error */
	if (state == LEAVING) { /* the C library takes the thread apart */
		errno = saved;
		return;
	}
	*at = '\0';
	do {
		*--at = (char)('0' + n % 10);
		n /= 10;
	} while (n > 0);
	die("still: this thread may not call the kernel: system call ", at);
}

static void leave(void *unused)
{
	(void)unused;
	state = LEAVING;
}

void still_arm(void)
{
	const struct sock_fprog program = {.len = sizeof filter / sizeof filter[0],
		/* the kernel only reads it */
		.filter = (struct sock_filter *)(uintptr_t)filter};
	static atomic_flag ready = ATOMIC_FLAG_INIT;
	struct sigaction act = {.sa_sigaction = refused, .sa_flags = SA_SIGINFO};

	if (state != FREE)
		return;
	if (!atomic_flag_test_and_set(&ready)) {
		pthread_key_create(&leaving, leave);
		sigaction(SIGSYS, &act, NULL);
	}
	pthread_setspecific(leaving, &leaving); /* leave() as its function has returned */
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
		syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0)
		atomic_fetch_add_explicit(&n_filtered, 1, memory_order_acq_rel);
	atomic_fetch_add_explicit(&n_armed, 1, memory_order_acq_rel);
	state = HELD;
}

/* ---- memory ---- */

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);
void *__libc_memalign(size_t align, size_t size);
void __libc_free(void *p);

void *malloc(size_t size)
{
	hold("malloc");
	return __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
	hold("calloc");
	return __libc_calloc(n, size);
}

void *realloc(void *p, size_t size)
{
	hold("realloc");
	return __libc_realloc(p, size);
}

void free(void *p)
{
	hold("free");
	__libc_free(p);
}

void *aligned_alloc(size_t align, size_t size)
{
	hold("aligned_alloc");
	return __libc_memalign(align, size);
}

int posix_memalign(void **ret_p, size_t align, size_t size)
{
	void *p;

	hold("posix_memalign");
	p = __libc_memalign(align, size);
	if (!p)
		return ENOMEM;
	*ret_p = p;
	return 0;
}

/* ---- locks ---- */

/* A pointer from dlsym is a function's, which ISO C has no cast for. */
#define FORBID(type, name, parameters, arguments) \
	type name parameters \
	{ \
		static type(*_Atomic own) parameters; \
		type(*call) parameters = atomic_load_explicit(&own, memory_order_relaxed); \
\
		hold(#name); \
		if (!call) { \
			*(void **)(void *)&call = real_call(#name); \
			atomic_store_explicit(&own, call, memory_order_relaxed); \
		} \
		return call arguments; \
	}

FORBID(int, pthread_mutex_lock, (pthread_mutex_t * m), (m))
FORBID(int, pthread_mutex_trylock, (pthread_mutex_t * m), (m))
FORBID(int, pthread_mutex_timedlock, (pthread_mutex_t * m, const struct timespec *t),
	(m, t))
FORBID(int, pthread_mutex_unlock, (pthread_mutex_t * m), (m))
FORBID(int, pthread_rwlock_rdlock, (pthread_rwlock_t * l), (l))
FORBID(int, pthread_rwlock_wrlock, (pthread_rwlock_t * l), (l))
FORBID(int, pthread_spin_lock, (pthread_spinlock_t * l), (l))
FORBID(int, pthread_cond_wait, (pthread_cond_t * c, pthread_mutex_t *m), (c, m))
FORBID(int, pthread_cond_timedwait,
	(pthread_cond_t * c, pthread_mutex_t *m, const struct timespec *t), (c, m, t))
FORBID(int, pthread_cond_signal, (pthread_cond_t * c), (c))
FORBID(int, pthread_cond_broadcast, (pthread_cond_t * c), (c))
FORBID(int, pthread_once, (pthread_once_t * o, void (*f)(void)), (o, f))

/* ---- formatted text ---- */

FORBID(int, vsnprintf, (char *to, size_t n, const char *f, va_list a), (to, n, f, a))
FORBID(int, vsprintf, (char *to, const char *f, va_list a), (to, f, a))
FORBID(int, vfprintf, (FILE * to, const char *f, va_list a), (to, f, a))
FORBID(size_t, strftime, (char *to, size_t n, const char *f, const struct tm *t),
	(to, n, f, t))
FORBID(int, fputs, (const char *text, FILE *to), (text, to))
FORBID(size_t, fwrite, (const void *from, size_t size, size_t n, FILE *to),
	(from, size, n, to))

#define FORBID_FORMAT(name, parameters, call) \
	int name parameters \
	{ \
		va_list a; \
		int length; \
\
		hold(#name); \
		va_start(a, f); \
		length = call; \
		va_end(a); \
		return length; \
	}

FORBID_FORMAT(snprintf, (char *to, size_t n, const char *f, ...), vsnprintf(to, n, f, a))
FORBID_FORMAT(sprintf, (char *to, const char *f, ...), vsprintf(to, f, a))
FORBID_FORMAT(fprintf, (FILE * to, const char *f, ...), vfprintf(to, f, a))
FORBID_FORMAT(printf, (const char *f, ...), vfprintf(stdout, f, a))

/* What _FORTIFY_SOURCE makes of them. */
int __vsnprintf_chk(char *to, size_t n, int flag, size_t room, const char *f, va_list a);
int __snprintf_chk(char *to, size_t n, int flag, size_t room, const char *f, ...);
int __sprintf_chk(char *to, int flag, size_t room, const char *f, ...);
int __vsprintf_chk(char *to, int flag, size_t room, const char *f, va_list a);
int __vfprintf_chk(FILE *to, int flag, const char *f, va_list a);
int __fprintf_chk(FILE *to, int flag, const char *f, ...);
int __printf_chk(int flag, const char *f, ...);

FORBID(int, __vsnprintf_chk,
	(char *to, size_t n, int flag, size_t room, const char *f, va_list a),
	(to, n, flag, room, f, a))
FORBID(int, __vsprintf_chk, (char *to, int flag, size_t room, const char *f, va_list a),
	(to, flag, room, f, a))
FORBID(int, __vfprintf_chk, (FILE * to, int flag, const char *f, va_list a),
	(to, flag, f, a))
FORBID_FORMAT(__snprintf_chk,
	(char *to, size_t n, int flag, size_t room, const char *f, ...),
	__vsnprintf_chk(to, n, flag, room, f, a))
FORBID_FORMAT(__sprintf_chk, (char *to, int flag, size_t room, const char *f, ...),
	__vsprintf_chk(to, flag, room, f, a))
FORBID_FORMAT(__fprintf_chk, (FILE * to, int flag, const char *f, ...),
	__vfprintf_chk(to, flag, f, a))
FORBID_FORMAT(
	__printf_chk, (int flag, const char *f, ...), __vfprintf_chk(stdout, flag, f, a))

#endif
