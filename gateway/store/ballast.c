/* SPDX-License-Identifier: Apache-2.0 */
#include "store/ballast.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

static bool allocate(int fd, int64_t bytes)
{
	static const char zeros[4096];

	if (fallocate(fd, 0, 0, bytes) == 0)
		return true;
	if (errno != EOPNOTSUPP)
		return false;
	/* A file system without fallocate needs bytes in the file. */
	for (int64_t at = 0; at < bytes; at += (int64_t)sizeof(zeros)) {
		size_t n = bytes - at < (int64_t)sizeof(zeros) ? (size_t)(bytes - at)
							       : sizeof(zeros);

		if (write(fd, zeros, n) != (ssize_t)n)
			return false;
	}
	return true;
}

bool gw_ballast_reserve(const char *dir, const char *path, int64_t bytes)
{
	struct statvfs fs;
	struct stat st;
	bool allocated;
	int fd;

	if (stat(path, &st) == 0 && st.st_size == bytes)
		return true;
	if (statvfs(dir, &fs) || (uint64_t)fs.f_bavail * fs.f_frsize < 2 * (uint64_t)bytes)
		return false;
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
	if (fd < 0)
		return false;
	allocated = allocate(fd, bytes);
	close(fd);
	if (!allocated)
		unlink(path);
	return allocated;
}
