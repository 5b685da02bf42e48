/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/dns.h"

#include "drivers/wait.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* Shared by the caller and the thread that looks up; the last of them frees it. */
struct lookup {
	_Atomic int refs;
	_Atomic bool done; /* after what is below, before done_fd */
	int done_fd;
	int rc; /* of getaddrinfo */
	struct gw_dns_addresses found;
	char port[8], host[];
};

static void unref(struct lookup *l)
{
	if (atomic_fetch_sub_explicit(&l->refs, 1, memory_order_acq_rel) != 1)
		return;
	close(l->done_fd);
	free(l);
}

static int get_addresses(
	const char *host, const char *port, int flags, struct gw_dns_addresses *ret)
{
	struct addrinfo hints = {.ai_flags = flags, .ai_socktype = SOCK_STREAM}, *found;
	int code = getaddrinfo(host, port, &hints, &found);

	if (code != 0)
		return code;
	ret->n = 0;
	for (struct addrinfo *i = found; i && ret->n < GW_DNS_ADDRESSES_MAX;
		i = i->ai_next) {
		struct gw_dns_address *a = &ret->at[ret->n++];

		memcpy(&a->addr, i->ai_addr, i->ai_addrlen);
		a->len = i->ai_addrlen;
	}
	freeaddrinfo(found);
	return 0;
}

static void *run(void *arg)
{
	struct lookup *l = arg;

	l->rc = get_addresses(l->host, l->port, AI_ADDRCONFIG, &l->found);
	atomic_store_explicit(&l->done, true, memory_order_release);
	eventfd_write(l->done_fd, 1);
	unref(l);
	return NULL;
}

/* NULL: err says why. */
static struct lookup *begin(const char *host, const char *port, struct gw_error *err)
{
	size_t size = strlen(host) + 1;
	struct lookup *l = calloc(1, sizeof(*l) + size);
	pthread_attr_t attr;
	pthread_t id;
	int code;

	if (!l) {
		gw_fail(err, GW_ERR_SYSTEM, ENOMEM, "look up %s: out of memory", host);
		return NULL;
	}
	atomic_init(&l->refs, 2);
	memcpy(l->host, host, size);
	snprintf(l->port, sizeof(l->port), "%s", port);
	l->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (l->done_fd < 0) {
		code = errno;
		free(l);
		gw_fail(err, GW_ERR_SYSTEM, code, "eventfd: %s", gw_errno_text(code));
		return NULL;
	}
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	code = pthread_create(&id, &attr, run, l);
	pthread_attr_destroy(&attr);
	if (code != 0) {
		close(l->done_fd);
		free(l);
		gw_fail(err, GW_ERR_SYSTEM, code, "thread: %s", gw_errno_text(code));
		return NULL;
	}
	return l;
}

static enum gw_err wait_done(
	struct lookup *l, int64_t until_ns, struct gw_emit *emit, struct gw_error *err)
{
	short revents;

	while (!atomic_load_explicit(&l->done, memory_order_acquire)) {
		enum gw_err rc = gw_wait_ready(
			l->done_fd, POLLIN, until_ns, emit, &revents);

		if (rc == GW_ERR_TIMEOUT)
			return gw_fail(err, GW_ERR_LINK, ETIMEDOUT,
				"look up %s: no answer from DNS", l->host);
		if (rc == GW_ERR_STOPPED)
			return gw_fail(err, GW_ERR_STOPPED, 0,
				"stopped while looking up %s", l->host);
		if (rc != GW_OK)
			return gw_fail(err, rc, errno, "poll: %s", gw_errno_text(errno));
	}
	if (l->rc != 0)
		return gw_fail(err, GW_ERR_LINK, 0, "look up %s: %s", l->host,
			gai_strerror(l->rc));
	return GW_OK;
}

enum gw_err gw_dns_resolve(const char *host, uint16_t port, int64_t until_ns,
	struct gw_emit *emit, struct gw_dns_addresses *ret, struct gw_error *err)
{
	struct lookup *l;
	char service[8];
	enum gw_err rc;

	snprintf(service, sizeof(service), "%u", port);
	if (get_addresses(host, service, AI_NUMERICHOST | AI_NUMERICSERV, ret) == 0)
		return GW_OK;
	l = begin(host, service, err);
	if (!l)
		return GW_ERR_SYSTEM;
	rc = wait_done(l, until_ns, emit, err);
	if (rc == GW_OK)
		*ret = l->found;
	unref(l);
	return rc;
}
