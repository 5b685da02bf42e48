/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LD_PRELOAD=libbad_disk.so BAD_DISK=FILE BAD_DISK_DIR=DIR tocsind ...: a disk that misbehaves
 * below DIR as FILE says at that moment, so that it can heal. Its words: sync=MS (each takes so
 * long), read=ERRNO, write=ERRNO, open=ERRNO.
 */
#undef _FORTIFY_SOURCE   /* its inline wrappers have the names that are defined here */
#undef _FILE_OFFSET_BITS /* nor the names of the 64-bit calls for the others */
#undef _TIME_BITS

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static long word(const char *name)
{
	const char *path = getenv("BAD_DISK");
	char text[256], *at;
	ssize_t n = -1;
	int was = errno,
	    fd = path ? (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY) : -1;

	if (fd >= 0) {
		n = syscall(SYS_read, fd, text, sizeof(text) - 1);
		syscall(SYS_close, fd);
	}
	errno = was;
	if (n <= 0)
		return 0;
	text[n] = '\0';
	at = strstr(text, name);
	return at ? strtol(at + strlen(name), NULL, 10) : 0;
}

static bool is_there(const char *path)
{
	const char *dir = getenv("BAD_DISK_DIR");

	return dir && path && strncmp(path, dir, strlen(dir)) == 0;
}

static bool is_file_there(int fd)
{
	char link[40], path[512];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	if (n <= 0)
		return false;
	path[n] = '\0';
	return is_there(path);
}

static bool fails(int fd, const char *name)
{
	long why = word(name);

	if (!why || !is_file_there(fd))
		return false;
	errno = (int)why;
	return true;
}

static void linger(int fd)
{
	long ms = is_file_there(fd) ? word("sync=") : 0;
	struct timespec left = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

	if (ms)
		nanosleep(&left, NULL);
}

int fsync(int fd)
{
	linger(fd);
	return fails(fd, "write=") ? -1 : (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
	linger(fd);
	return fails(fd, "write=") ? -1 : (int)syscall(SYS_fdatasync, fd);
}

ssize_t pread(int fd, void *to, size_t n, off_t at)
{
	return fails(fd, "read=") ? -1 : syscall(SYS_pread64, fd, to, n, at);
}

ssize_t pread64(int fd, void *to, size_t n, off64_t at)
{
	return fails(fd, "read=") ? -1 : syscall(SYS_pread64, fd, to, n, at);
}

ssize_t read(int fd, void *to, size_t n)
{
	return fails(fd, "read=") ? -1 : syscall(SYS_read, fd, to, n);
}

ssize_t pwrite(int fd, const void *from, size_t n, off_t at)
{
	return fails(fd, "write=") ? -1 : syscall(SYS_pwrite64, fd, from, n, at);
}

ssize_t pwrite64(int fd, const void *from, size_t n, off64_t at)
{
	return fails(fd, "write=") ? -1 : syscall(SYS_pwrite64, fd, from, n, at);
}

static int open_it(const char *path, int flags, mode_t mode)
{
	long why = is_there(path) ? word("open=") : 0;

	if (why) {
		errno = (int)why;
		return -1;
	}
	return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

int open(const char *path, int flags, ...)
{
	mode_t mode = 0;
	va_list more;

	va_start(more, flags);
	if (flags & (O_CREAT | O_TMPFILE))
		mode = va_arg(more, mode_t);
	va_end(more);
	return open_it(path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
	mode_t mode = 0;
	va_list more;

	va_start(more, flags);
	if (flags & (O_CREAT | O_TMPFILE))
		mode = va_arg(more, mode_t);
	va_end(more);
	return open_it(path, flags, mode);
}
