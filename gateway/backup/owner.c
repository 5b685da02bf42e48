/* SPDX-License-Identifier: Apache-2.0 */
#include "backup/owner.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum gw_err gw_owner_become(uid_t uid, gid_t gid, struct gw_error *err)
{
	if (geteuid() != 0)
		return GW_OK;
	/* Root's other groups are not needed later. */
	if ((uid != 0 && setgroups(1, &gid)) || setegid(gid) || seteuid(uid))
		return gw_fail(err, GW_ERR_SYSTEM, errno, "cannot become user %u: %s",
			(unsigned)uid, gw_errno_text(errno));
	return GW_OK;
}

enum gw_err gw_owner_become_of(const char *folder, struct gw_error *err)
{
	struct stat st;

	if (stat(folder, &st))
		return gw_fail(
			err, GW_ERR_SYSTEM, errno, "%s: %s", folder, gw_errno_text(errno));
	return gw_owner_become(st.st_uid, st.st_gid, err);
}

enum gw_err gw_owner_make_folder(
	const char *path, uid_t owner, gid_t group, struct gw_error *err)
{
	enum gw_err rc = GW_OK;
	int fd;

	if (mkdir(path, 0700))
		return errno == EEXIST ? GW_OK
				       : gw_fail(err, GW_ERR_SYSTEM, errno, "make %s: %s",
						 path, gw_errno_text(errno));
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || (geteuid() == 0 && group != (gid_t)-1 && fchown(fd, owner, group)) ||
		fchmod(fd, 0750))
		rc = gw_fail(
			err, GW_ERR_SYSTEM, errno, "%s: %s", path, gw_errno_text(errno));
	if (fd >= 0)
		close(fd);
	return rc;
}

void gw_owner_return(void)
{
	if (getuid() == 0 && (seteuid(0) || setegid(getgid())))
		abort(); /* the saved user is root: it cannot fail */
}
