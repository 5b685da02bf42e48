/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/connection.h"

#include "control/protocol.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define CHUNK 65536
/* Longer than any document of a gateway: the peer is not tocsind. */
#define LINE_MAX_BYTES ((size_t)256 * 1024 * 1024)

/* Says what the user can do. */
static enum gw_err unreachable(const char *path, int why, struct gw_error *err)
{
	if (why == EACCES || why == EPERM)
		return gw_fail(err, GW_ERR_LINK, why,
			"cannot reach tocsind at %s: you may not: be root, or in the group " GW_PROTOCOL_GROUP
			" (gpasswd -a USER " GW_PROTOCOL_GROUP ", then log in again)",
			path);
	if (why == ENOENT || why == ECONNREFUSED)
		return gw_fail(err, GW_ERR_LINK, why,
			"cannot reach tocsind at %s: is it running? systemctl status tocsind",
			path);
	return gw_fail(err, GW_ERR_LINK, why, "cannot reach tocsind at %s: %s", path,
		gw_errno_text(why));
}

enum gw_err gw_connection_open(
	struct gw_connection *c, const char *path, struct gw_error *err)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd;

	*c = (struct gw_connection){.fd = -1};
	if (strlen(path) >= sizeof(at.sun_path))
		return unreachable(path, ENAMETOOLONG, err);
	memcpy(at.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return unreachable(path, errno, err);
	if (connect(fd, (const struct sockaddr *)&at, sizeof(at)) < 0) {
		int why = errno;

		close(fd);
		return unreachable(path, why, err);
	}
	c->fd = fd;
	return GW_OK;
}

void gw_connection_close(struct gw_connection *c)
{
	if (c->fd >= 0)
		close(c->fd);
	if (c->passed_fd > 0)
		close(c->passed_fd);
	free(c->bytes);
	*c = (struct gw_connection){.fd = -1};
}

/* EPIPE is no failure yet: tocsind may have replied before it closed. */
enum gw_err gw_connection_send(
	struct gw_connection *c, const char *request, struct gw_error *err)
{
	size_t n = strlen(request), done = 0;

	while (done < n + 1) {
		const char *from = done < n ? request + done : "\n";
		ssize_t sent = send(c->fd, from, done < n ? n - done : 1, MSG_NOSIGNAL);

		if (sent < 0 && errno == EPIPE)
			return GW_OK;
		if (sent < 0 && errno != EINTR)
			return gw_fail(err, GW_ERR_LINK, errno, "tocsind went away: %s",
				gw_errno_text(errno));
		if (sent > 0)
			done += (size_t)sent;
	}
	return GW_OK;
}

static enum gw_err make_room(struct gw_connection *c, struct gw_error *err)
{
	size_t capacity;
	char *bytes;

	if (c->consumed > 0) {
		memmove(c->bytes, c->bytes + c->consumed, c->n - c->consumed);
		c->n -= c->consumed;
		c->consumed = 0;
	}
	if (c->n + CHUNK <= c->capacity)
		return GW_OK;
	capacity = c->capacity * 2 > c->n + CHUNK ? c->capacity * 2 : c->n + CHUNK;
	bytes = capacity <= LINE_MAX_BYTES ? realloc(c->bytes, capacity) : NULL;
	if (!bytes)
		return gw_fail(err, GW_ERR_SYSTEM, ENOMEM, "the answer is too long");
	c->bytes = bytes;
	c->capacity = capacity;
	return GW_OK;
}

/* As recv, and keeps the descriptor that came with the bytes. */
static ssize_t receive(struct gw_connection *c)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec part = {c->bytes + c->n, c->capacity - c->n};
	struct msghdr m = {.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes)};
	ssize_t n = recvmsg(c->fd, &m, MSG_CMSG_CLOEXEC);
	struct cmsghdr *h = n > 0 ? CMSG_FIRSTHDR(&m) : NULL;

	if (h && h->cmsg_level == SOL_SOCKET && h->cmsg_type == SCM_RIGHTS &&
		h->cmsg_len == CMSG_LEN(sizeof(int))) {
		if (c->passed_fd > 0)
			close(c->passed_fd);
		memcpy(&c->passed_fd, CMSG_DATA(h), sizeof(int));
	}
	return n;
}

static enum gw_err read_more(struct gw_connection *c, int timeout_ms, struct gw_error *err)
{
	struct pollfd p = {.fd = c->fd, .events = POLLIN};
	int ready = poll(&p, 1, timeout_ms);
	ssize_t n;

	if (ready == 0)
		return gw_fail(err, GW_ERR_TIMEOUT, 0,
			"tocsind does not answer: journalctl -u tocsind");
	n = ready > 0 ? receive(c) : -1;
	if (n < 0 && errno == EINTR)
		return GW_OK;
	if (n < 0 && errno != ECONNRESET)
		return gw_fail(
			err, GW_ERR_LINK, errno, "tocsind: %s", gw_errno_text(errno));
	if (n <= 0)
		return gw_fail(err, GW_ERR_STOPPED, 0,
			"tocsind went away: systemctl status tocsind");
	c->n += (size_t)n;
	return GW_OK;
}

enum gw_err gw_connection_read_line(
	struct gw_connection *c, int timeout_ms, char **ret_line, struct gw_error *err)
{
	size_t looked = 0;
	enum gw_err rc;

	for (;;) {
		size_t have = c->n - c->consumed;
		char *end = have > looked
			? memchr(c->bytes + c->consumed + looked, '\n', have - looked)
			: NULL;

		if (end) {
			*end = '\0';
			*ret_line = c->bytes + c->consumed;
			c->consumed = (size_t)(end - c->bytes) + 1;
			return GW_OK;
		}
		looked = have;
		rc = make_room(c, err);
		if (rc == GW_OK)
			rc = read_more(c, timeout_ms, err);
		if (rc)
			return rc;
	}
}
