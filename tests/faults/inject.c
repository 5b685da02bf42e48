/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LD_PRELOAD=libinject.so TOCSIN_INJECT=FILE tocsind ...: calls on files fail, take long or end
 * the process by number and by path; the n-th allocation fails; clocks are off. inject.h is what
 * the test writes.
 */
#undef _FORTIFY_SOURCE   /* its inline wrappers have the names that are defined here */
#undef _FILE_OFFSET_BITS /* nor the names of the 64-bit calls for the others */
#undef _TIME_BITS

#include "inject.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

extern void *__libc_malloc(size_t n);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *p, size_t n);
extern void *__libc_memalign(size_t align, size_t n);

static struct inject_page *page;
static int (*own_clock_gettime)(clockid_t, struct timespec *);

static void __attribute__((constructor)) map_page(void)
{
	const char *path = getenv("TOCSIN_INJECT");
	int fd = path ? (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC) : -1;
	void *at;

	*(void **)(void *)&own_clock_gettime = dlsym(RTLD_NEXT, "clock_gettime");
	if (fd < 0)
		return;
	at = mmap(NULL, sizeof(*page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	syscall(SYS_close, fd);
	if (at != MAP_FAILED)
		page = at;
}

/* ---- the rules ---- */

static bool matches(const struct inject_rule *r, const char *path, int fd)
{
	char link[40], target[512];
	ssize_t n;

	if (r->path[0] == '\0')
		return true;
	if (path)
		return strstr(path, r->path) != NULL;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = syscall(SYS_readlinkat, AT_FDCWD, link, target, sizeof(target) - 1);
	if (n <= 0)
		return false;
	target[n] = '\0';
	return strstr(target, r->path) != NULL;
}

static void end(void)
{
	syscall(SYS_kill, getpid(), SIGKILL);
	for (;;)
		pause();
}

/* What the call suffers: false, and errno is set, if it is not made. ret_after: the process ends
 * once it was made. */
static bool allowed(uint32_t ops, const char *path, int fd, bool *ret_after)
{
	int error = 0;

	*ret_after = false;
	for (size_t i = 0; page && i < INJECT_RULES; i++) {
		struct inject_rule *r = &page->rules[i];
		struct timespec pause_;
		uint64_t n;

		if (!(r->ops & ops) || r->count == 0 || !matches(r, path, fd))
			continue;
		n = atomic_fetch_add(&r->calls, 1) + 1;
		if (n < r->from || n - r->from >= r->count)
			continue;
		atomic_fetch_add(&page->suffered, 1);
		if (r->kill == INJECT_KILL_BEFORE)
			end();
		*ret_after |= r->kill == INJECT_KILL_AFTER;
		/* in slices: the test may heal the disk meanwhile */
		for (uint32_t ms = 0; ms < r->delay_ms && r->count > 0; ms += 10) {
			pause_ = (struct timespec){.tv_nsec = 10 * 1000 * 1000};
			syscall(SYS_nanosleep, &pause_, NULL);
		}
		if (r->error && r->count > 0)
			error = r->error;
	}
	if (error)
		errno = error;
	return error == 0;
}

static long finish(long made, bool after)
{
	if (after)
		end();
	return made;
}

/* ---- files ---- */

static uint32_t open_ops(int flags)
{
	return INJECT_OPEN |
		((flags & O_ACCMODE) != O_RDONLY || (flags & O_CREAT) ? INJECT_OPEN_WRITE
								      : 0u);
}

static int open_it(int dir, const char *path, int flags, mode_t mode)
{
	bool after;

	if (!allowed(open_ops(flags), path, -1, &after))
		return -1;
	return (int)finish(syscall(SYS_openat, dir, path, flags, mode), after);
}

static mode_t mode_of(int flags, va_list ap)
{
	return flags & (O_CREAT | O_TMPFILE) ? va_arg(ap, mode_t) : 0;
}

#define OPEN(name, dir_arg, dir) \
	int name(dir_arg const char *path, int flags, ...) \
	{ \
		va_list ap; \
		mode_t mode; \
\
		va_start(ap, flags); \
		mode = mode_of(flags, ap); \
		va_end(ap); \
		return open_it(dir, path, flags, mode); \
	}
#define COMMA ,
OPEN(open, , AT_FDCWD)
OPEN(open64, , AT_FDCWD)
OPEN(openat, int from COMMA, from)
OPEN(openat64, int from COMMA, from)

/* The body of a wrapper: by descriptor or by path. */
#define CALL(type, ops, path, fd, call) \
	bool after; \
	if (!allowed(ops, path, fd, &after)) \
		return -1; \
	return (type)finish(call, after)

ssize_t read(int fd, void *to, size_t n)
{
	CALL(ssize_t, INJECT_READ, NULL, fd, syscall(SYS_read, fd, to, n));
}

ssize_t pread(int fd, void *to, size_t n, off_t at)
{
	CALL(ssize_t, INJECT_READ, NULL, fd, syscall(SYS_pread64, fd, to, n, at));
}

ssize_t pread64(int fd, void *to, size_t n, off_t at)
{
	CALL(ssize_t, INJECT_READ, NULL, fd, syscall(SYS_pread64, fd, to, n, at));
}

ssize_t write(int fd, const void *from, size_t n)
{
	CALL(ssize_t, INJECT_WRITE, NULL, fd, syscall(SYS_write, fd, from, n));
}

ssize_t pwrite(int fd, const void *from, size_t n, off_t at)
{
	CALL(ssize_t, INJECT_WRITE, NULL, fd, syscall(SYS_pwrite64, fd, from, n, at));
}

ssize_t pwrite64(int fd, const void *from, size_t n, off_t at)
{
	CALL(ssize_t, INJECT_WRITE, NULL, fd, syscall(SYS_pwrite64, fd, from, n, at));
}

int fsync(int fd)
{
	CALL(int, INJECT_SYNC, NULL, fd, syscall(SYS_fsync, fd));
}

int fdatasync(int fd)
{
	CALL(int, INJECT_SYNC, NULL, fd, syscall(SYS_fdatasync, fd));
}

int ftruncate(int fd, off_t size)
{
	CALL(int, INJECT_TRUNCATE, NULL, fd, syscall(SYS_ftruncate, fd, size));
}

int ftruncate64(int fd, off_t size)
{
	CALL(int, INJECT_TRUNCATE, NULL, fd, syscall(SYS_ftruncate, fd, size));
}

int fallocate(int fd, int mode, off_t at, off_t n)
{
	CALL(int, INJECT_TRUNCATE, NULL, fd, syscall(SYS_fallocate, fd, mode, at, n));
}

int fallocate64(int fd, int mode, off_t at, off_t n)
{
	CALL(int, INJECT_TRUNCATE, NULL, fd, syscall(SYS_fallocate, fd, mode, at, n));
}

int unlink(const char *path)
{
	CALL(int, INJECT_UNLINK, path, -1, syscall(SYS_unlinkat, AT_FDCWD, path, 0));
}

int rename(const char *from, const char *to)
{
	CALL(int, INJECT_RENAME, to, -1,
		syscall(SYS_renameat, AT_FDCWD, from, AT_FDCWD, to));
}

int mkdir(const char *path, mode_t mode)
{
	CALL(int, INJECT_MKDIR, path, -1, syscall(SYS_mkdirat, AT_FDCWD, path, mode));
}

/* ---- memory ---- */

static bool no_memory(void)
{
	uint64_t n, from;

	if (!page || page->malloc_count == 0)
		return false;
	n = atomic_fetch_add(&page->mallocs, 1) + 1;
	from = page->malloc_from;
	if (n < from || n - from >= page->malloc_count)
		return false;
	atomic_fetch_add(&page->suffered, 1);
	errno = ENOMEM;
	return true;
}

void *malloc(size_t n)
{
	return no_memory() ? NULL : __libc_malloc(n);
}

void *calloc(size_t n, size_t size)
{
	return no_memory() ? NULL : __libc_calloc(n, size);
}

void *realloc(void *p, size_t n)
{
	return no_memory() ? NULL : __libc_realloc(p, n);
}

void *aligned_alloc(size_t align, size_t n)
{
	return no_memory() ? NULL : __libc_memalign(align, n);
}

int posix_memalign(void **ret, size_t align, size_t n)
{
	void *got = no_memory() ? NULL : __libc_memalign(align, n);

	if (!got)
		return ENOMEM;
	*ret = got;
	return 0;
}

/* ---- OpenSSL ---- */

struct ssl_ctx_st;
struct ssl_method_st;
struct ssl_ctx_st *SSL_CTX_new(const struct ssl_method_st *method);

/* As the daemon and libcurl call it. The first time, OpenSSL asks for more than there is. */
struct ssl_ctx_st *SSL_CTX_new(const struct ssl_method_st *method)
{
	static atomic_flag refused = ATOMIC_FLAG_INIT;
	struct ssl_ctx_st *(*own)(const struct ssl_method_st *);
	void *(*take)(size_t, const char *, int);

	if (!page || !page->tls_broken) {
		*(void **)(void *)&own = dlsym(RTLD_NEXT, "SSL_CTX_new");
		return own ? own(method) : NULL;
	}
	*(void **)(void *)&take = dlsym(RTLD_DEFAULT, "CRYPTO_malloc");
	if (take && !atomic_flag_test_and_set(&refused))
		take(SIZE_MAX / 4, __FILE__, __LINE__);
	return NULL;
}

/* ---- clocks ---- */

int clock_gettime(clockid_t which, struct timespec *ret)
{
	int64_t off = 0, ns;
	int rc = own_clock_gettime ? own_clock_gettime(which, ret)
				   : (int)syscall(SYS_clock_gettime, which, ret);

	if (page && which == CLOCK_REALTIME)
		off = page->wall_offset_ns;
	else if (page && which == CLOCK_BOOTTIME)
		off = page->boot_offset_ns;
	if (rc || off == 0)
		return rc;
	ns = (int64_t)ret->tv_nsec + off % 1000000000;
	ret->tv_sec += (time_t)(off / 1000000000 + (ns < 0 ? -1 : ns / 1000000000));
	ret->tv_nsec = (long)(ns < 0 ? ns + 1000000000 : ns % 1000000000);
	return 0;
}

int access(const char *path, int mode)
{
	if (page && page->synced && strstr(path, "timesync/synchronized")) {
		errno = ENOENT;
		return page->synced == 2 ? 0 : -1;
	}
	return (int)syscall(SYS_faccessat, AT_FDCWD, path, mode);
}

int adjtimex(struct timex *tx)
{
	int rc = (int)syscall(SYS_adjtimex, tx);

	if (page && page->synced == 1)
		tx->status |= STA_UNSYNC;
	return rc;
}
