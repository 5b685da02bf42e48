/* SPDX-License-Identifier: Apache-2.0 */
#include "backup/space.h"

#include "store/backup.h"

#include <errno.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

enum gw_err gw_space_check(
	int fd, const char *path, dev_t state, uint64_t bytes, struct gw_error *err)
{
	struct statvfs v;
	struct stat st;
	uint64_t have, reserve;

	if (fstatvfs(fd, &v) || fstat(fd, &st))
		return gw_fail(
			err, GW_ERR_SYSTEM, errno, "%s: %s", path, gw_errno_text(errno));
	have = (uint64_t)v.f_bavail * v.f_frsize;
	reserve = st.st_dev == state ? GW_BACKUP_RESERVE : 0;
	if (have >= bytes + reserve)
		return GW_OK;
	if (reserve > 0)
		return gw_fail(err, GW_ERR_SYSTEM, ENOSPC,
			"%s: its disk has %llu MB free, and it needs %llu MB, of which %llu MB stay free for alarms: name a folder on another disk",
			path, (unsigned long long)have >> 20,
			((unsigned long long)(bytes + reserve) >> 20) + 1,
			(unsigned long long)reserve >> 20);
	return gw_fail(err, GW_ERR_SYSTEM, ENOSPC,
		"%s: its disk has %llu MB free, and it needs %llu MB", path,
		(unsigned long long)have >> 20, ((unsigned long long)bytes >> 20) + 1);
}
