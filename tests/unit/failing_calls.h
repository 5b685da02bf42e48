/* SPDX-License-Identifier: Apache-2.0 */
/*
 * failing_calls.h: system calls that fail on command, for a whole test program: include it first
 * in one file. One call at a time fails, by its name and by how many of that name go before it.
 */
#ifndef GW_TESTS_FAILING_CALLS_H
#define GW_TESTS_FAILING_CALLS_H

#undef _FORTIFY_SOURCE /* or some of these are inline */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

static struct {
	const char *name; /* the one that fails, NULL: none */
	int before;       /* calls of it that work first */
	int error;        /* errno; 0: it does half of it and says so, if it is write */
	const char *then; /* the one that fails after it, with the same error */
} failing;

__attribute__((unused)) static void call_fails(const char *name, int before, int error)
{
	failing.name = name;
	failing.before = before;
	failing.error = error;
}

/* Whether it was called at all: a trial that hurt nobody proves nothing. */
__attribute__((unused)) static bool call_failed(void)
{
	bool did = !failing.name;

	failing.name = NULL;
	return did;
}

static bool now_fails(const char *name)
{
	if (!failing.name || strcmp(failing.name, name) != 0 || failing.before-- > 0)
		return false;
	failing.name = failing.then;
	failing.then = NULL;
	errno = failing.error;
	return true;
}

#define REAL(name) \
	__typeof__(&name) real; \
	*(void **)&real = dlsym(RTLD_NEXT, CALL_NAME(name))
#define CALL_NAME(name) #name

int fsync(int fd)
{
	REAL(fsync);
	return now_fails("fsync") ? -1 : real(fd);
}

ssize_t write(int fd, const void *from, size_t n)
{
	REAL(write);
	if (now_fails("write")) {
		if (failing.error)
			return -1;
		n /= 2;
	}
	return real(fd, from, n);
}

int close(int fd)
{
	REAL(close);
	if (now_fails("close")) {
		real(fd);
		errno = failing.error;
		return -1;
	}
	return real(fd);
}

int rename(const char *from, const char *to)
{
	REAL(rename);
	return now_fails("rename") ? -1 : real(from, to);
}

int mkdir(const char *path, mode_t mode)
{
	REAL(mkdir);
	return now_fails("mkdir") ? -1 : real(path, mode);
}

ssize_t getrandom(void *to, size_t n, unsigned flags)
{
	REAL(getrandom);
	return now_fails("getrandom") ? -1 : real(to, n, flags);
}

/* Where off_t is 64 bits by a macro, these have other names. */
int fallocate(int fd, int mode, off_t from, off_t n)
{
	int (*real)(int, int, off_t, off_t);

	*(void **)&real = dlsym(RTLD_NEXT, "fallocate64");
	return now_fails("fallocate") ? -1 : real(fd, mode, from, n);
}

int statvfs(const char *path, struct statvfs *to)
{
	int (*real)(const char *, struct statvfs *);

	*(void **)&real = dlsym(RTLD_NEXT, "statvfs64");
	return now_fails("statvfs") ? -1 : real(path, to);
}

int pthread_create(
	pthread_t *id, const pthread_attr_t *attr, void *(*run)(void *), void *arg)
{
	REAL(pthread_create);
	return now_fails("pthread_create") ? failing.error : real(id, attr, run, arg);
}

#endif
