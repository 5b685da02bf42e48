/* SPDX-License-Identifier: Apache-2.0 */
#include "base/notify.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

static bool set_address(struct gw_notify *n, const char *name)
{
	size_t len = strlen(name);

	/* a path needs its NUL, an abstract name has its length */
	if ((name[0] != '/' && name[0] != '@') || len < 2 || len >= sizeof(n->to.sun_path))
		return false;
	n->to = (struct sockaddr_un){.sun_family = AF_UNIX};
	memcpy(n->to.sun_path, name, len);
	if (name[0] == '@')
		n->to.sun_path[0] = '\0';
	n->to_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len +
		(name[0] == '/' ? 1 : 0));
	return true;
}

enum gw_err gw_notify_open(struct gw_notify *n, struct gw_error *err)
{
	const struct timeval timeout = {.tv_usec = GW_NOTIFY_MAX_MS * 1000};
	const char *name = getenv("NOTIFY_SOCKET");

	n->fd = -1;
	if (!name)
		return GW_OK;
	if (!set_address(n, name))
		return gw_fail(err, GW_ERR_CONFIG, 0,
			"NOTIFY_SOCKET=%s is neither an absolute path nor @name", name);
	n->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (n->fd < 0)
		return gw_fail(err, GW_ERR_SYSTEM, errno, "NOTIFY_SOCKET=%s: %s", name,
			gw_errno_text(errno));
	setsockopt(n->fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
	return GW_OK;
}

void gw_notify_send(const struct gw_notify *n, const char *state)
{
	if (n->fd >= 0)
		(void)sendto(n->fd, state, strlen(state), MSG_NOSIGNAL,
			(const struct sockaddr *)&n->to, n->to_len);
}

void gw_notify_close(struct gw_notify *n)
{
	if (n->fd >= 0)
		close(n->fd);
	n->fd = -1;
}
