/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/modbus_resolve.h"

#include "base/clock.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* Shared by the one who asks and the thread that looks; the last of them frees it. */
struct lookup {
	_Atomic int holders;
	int done_fd;
	char host[256], port[8];
	int rc;
	struct sockaddr_storage addr;
	socklen_t len;
};

static void let_go(struct lookup *l)
{
	if (atomic_fetch_sub_explicit(&l->holders, 1, memory_order_acq_rel) != 1)
		return;
	close(l->done_fd);
	free(l);
}

static int look(const char *host, const char *port, int flags,
	struct sockaddr_storage *ret_addr, socklen_t *ret_len)
{
	struct addrinfo hints = {.ai_flags = flags, .ai_socktype = SOCK_STREAM}, *found;
	int rc = getaddrinfo(host, port, &hints, &found);

	if (rc != 0)
		return rc;
	memcpy(ret_addr, found->ai_addr, found->ai_addrlen);
	*ret_len = found->ai_addrlen;
	freeaddrinfo(found);
	return 0;
}

static void *look_up(void *arg)
{
	struct lookup *l = arg;
	uint64_t one = 1;

	l->rc = look(l->host, l->port, AI_ADDRCONFIG, &l->addr, &l->len);
	if (write(l->done_fd, &one, sizeof(one)) < 0)
		l->rc = EAI_SYSTEM; /* cannot happen; the one who asks then times out */
	let_go(l);
	return NULL;
}

static enum gw_err begin(const char *host, const char *port, struct lookup **ret_lookup,
	struct gw_error *err)
{
	struct lookup *l = calloc(1, sizeof(*l));
	pthread_attr_t attr;
	pthread_t id;
	int rc;

	if (!l)
		return gw_fail(
			err, GW_ERR_SYSTEM, ENOMEM, "look up %s: out of memory", host);
	atomic_init(&l->holders, 2);
	snprintf(l->host, sizeof(l->host), "%s", host);
	snprintf(l->port, sizeof(l->port), "%s", port);
	l->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (l->done_fd < 0) {
		rc = errno;
		free(l);
		return gw_fail(err, GW_ERR_SYSTEM, rc, "eventfd: %s", gw_errno_text(rc));
	}
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	rc = pthread_create(&id, &attr, look_up, l);
	pthread_attr_destroy(&attr);
	if (rc != 0) {
		close(l->done_fd);
		free(l);
		return gw_fail(err, GW_ERR_SYSTEM, rc, "thread: %s", gw_errno_text(rc));
	}
	*ret_lookup = l;
	return GW_OK;
}

static enum gw_err wait_done(
	struct lookup *l, int64_t until_ns, int wake_fd, struct gw_error *err)
{
	for (;;) {
		struct pollfd fds[2] = {{.fd = l->done_fd, .events = POLLIN},
			{.fd = wake_fd, .events = POLLIN}};
		int64_t left = until_ns - gw_clock_mono_ns();
		int rc;

		if (left <= 0)
			return gw_fail(err, GW_ERR_LINK, ETIMEDOUT,
				"look up %s: no answer from DNS", l->host);
		rc = poll(fds, 2, (int)(left / GW_NS_PER_MS) + 1);
		if (rc < 0 && errno != EINTR)
			return gw_fail(err, GW_ERR_SYSTEM, errno, "poll: %s",
				gw_errno_text(errno));
		if (rc <= 0)
			continue;
		if (fds[0].revents)
			return GW_OK;
		return gw_fail(
			err, GW_ERR_STOPPED, 0, "stopped while looking up %s", l->host);
	}
}

enum gw_err gw_modbus_resolve(const char *host, uint16_t port, int64_t until_ns,
	int wake_fd, struct sockaddr_storage *ret_addr, socklen_t *ret_len,
	struct gw_error *err)
{
	struct lookup *l = NULL;
	char service[8];
	enum gw_err rc;

	snprintf(service, sizeof(service), "%u", port);
	if (look(host, service, AI_NUMERICHOST | AI_NUMERICSERV, ret_addr, ret_len) == 0)
		return GW_OK;
	rc = begin(host, service, &l, err);
	if (rc != GW_OK)
		return rc;
	rc = wait_done(l, until_ns, wake_fd, err);
	if (rc == GW_OK && l->rc != 0)
		rc = gw_fail(err, GW_ERR_LINK, 0, "look up %s: %s", l->host,
			gai_strerror(l->rc));
	if (rc == GW_OK) {
		*ret_addr = l->addr;
		*ret_len = l->len;
	}
	let_go(l);
	return rc;
}
