/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/resolve.h"

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

/* Held by the asker and the thread; the last one frees it. */
struct job {
	_Atomic int holders;
	int done_fd;
	_Atomic bool done; /* set before done_fd, after what follows */
	int rc;            /* of getaddrinfo */
	char address[GW_RESOLVE_ADDRESS];
	char host[];
};

static void let_go(struct job *job)
{
	if (atomic_fetch_sub_explicit(&job->holders, 1, memory_order_acq_rel) > 1)
		return;
	close(job->done_fd);
	free(job);
}

static int look_up(const char *host, int flags, char ret_address[GW_RESOLVE_ADDRESS])
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = flags};
	struct addrinfo *found;
	int rc = getaddrinfo(host, NULL, &hints, &found);

	if (rc != 0)
		return rc;
	rc = getnameinfo(found->ai_addr, found->ai_addrlen, ret_address, GW_RESOLVE_ADDRESS,
		NULL, 0, NI_NUMERICHOST);
	freeaddrinfo(found);
	return rc;
}

static void *run(void *arg)
{
	struct job *job = arg;

	job->rc = look_up(job->host, 0, job->address);
	atomic_store_explicit(&job->done, true, memory_order_release);
	eventfd_write(job->done_fd, 1);
	let_go(job);
	return NULL;
}

static struct job *begin(const char *host)
{
	size_t size = strlen(host) + 1;
	struct job *job = calloc(1, sizeof(*job) + size);
	pthread_attr_t attr;
	pthread_t id;
	int rc;

	if (!job)
		return NULL;
	memcpy(job->host, host, size);
	atomic_init(&job->holders, 2);
	job->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (job->done_fd < 0) {
		free(job);
		return NULL;
	}
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	rc = pthread_create(&id, &attr, run, job);
	pthread_attr_destroy(&attr);
	if (rc == 0)
		return job;
	errno = rc;
	close(job->done_fd);
	free(job);
	return NULL;
}

enum gw_err gw_resolve_host(const char *host, int timeout_ms, int wake_fd,
	char ret_address[GW_RESOLVE_ADDRESS], struct gw_error *err)
{
	struct pollfd fds[2] = {{.events = POLLIN}, {.fd = wake_fd, .events = POLLIN}};
	struct job *job;
	enum gw_err result;

	if (look_up(host, AI_NUMERICHOST, ret_address) == 0)
		return GW_OK;
	job = begin(host);
	if (!job)
		return gw_fail(err, GW_ERR_SYSTEM, errno, "look up %s: %s", host,
			gw_errno_text(errno));
	fds[0].fd = job->done_fd;
	poll(fds, 2, timeout_ms);
	if (!atomic_load_explicit(&job->done, memory_order_acquire)) {
		if (fds[1].revents & POLLIN)
			result = gw_fail(err, GW_ERR_STOPPED, 0, "stopping");
		else
			result = gw_fail(err, GW_ERR_TIMEOUT, 0,
				"look up %s: no answer from the name server", host);
	} else if (job->rc != 0) {
		result = gw_fail(err, GW_ERR_LINK, job->rc, "look up %s: %s", host,
			gai_strerror(job->rc));
	} else {
		memcpy(ret_address, job->address, sizeof(job->address));
		result = GW_OK;
	}
	let_go(job);
	return result;
}
