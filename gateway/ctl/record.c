/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/record.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/timespec.h"
#include "control/protocol.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#define CHUNK 65536
/* The head of the last block of a complete file: its kind, and length 0. */
#define TAIL 12
static const char end_of_file[8] = "END!\0\0\0";

static volatile sig_atomic_t asked_to_end;

static void on_signal(int number)
{
	(void)number;
	asked_to_end = 1;
}

/* What was written, and its last bytes. */
struct sink {
	int fd;
	uint64_t bytes;
	char tail[TAIL];
};

static enum gw_err write_all(struct sink *s, const char *at, size_t n, struct gw_error *err)
{
	size_t n_old = n < TAIL ? TAIL - n : 0;
	int why;

	memmove(s->tail, s->tail + TAIL - n_old, n_old);
	memcpy(s->tail + n_old, at + n - (TAIL - n_old), TAIL - n_old);
	s->bytes += n;
	why = gw_file_write(s->fd, at, n);
	return why
		? gw_fail(err, GW_ERR_SYSTEM, why, "cannot write: %s", gw_errno_text(why))
		: GW_OK;
}

/* Signals are unblocked only while waiting, so that none is missed just before. */
static int wait_for(int fd, int64_t until_ns, const sigset_t *open)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	int64_t left_ns = until_ns - gw_clock_boot_ns();
	struct timespec left = gw_timespec_from_ns(left_ns);

	if (until_ns != INT64_MAX && left_ns <= 0)
		return 0;
	return ppoll(&p, 1, until_ns == INT64_MAX ? NULL : &left, open);
}

static enum gw_err copy(
	struct gw_connection *c, struct sink *s, int64_t until_ns, struct gw_error *err)
{
	char chunk[CHUNK];
	sigset_t mask, open;
	bool ending = false;

	sigemptyset(&mask);
	sigaddset(&mask, SIGINT);
	sigaddset(&mask, SIGTERM);
	sigprocmask(SIG_BLOCK, &mask, &open);
	for (;;) {
		int ready = wait_for(c->fd, until_ns, &open);
		ssize_t n;

		if (!ending && (ready == 0 || asked_to_end)) {
			ending = true;
			until_ns = INT64_MAX;
			asked_to_end = 0; /* a second signal ends it at once */
			shutdown(c->fd, SHUT_WR);
		} else if (asked_to_end) {
			return GW_OK;
		}
		if (ready <= 0)
			continue;
		n = recv(c->fd, chunk, sizeof(chunk), 0);
		if (n == 0 || (n < 0 && errno == ECONNRESET))
			return GW_OK;
		if (n < 0 && errno != EINTR)
			return gw_fail(err, GW_ERR_LINK, errno, "tocsind: %s",
				gw_errno_text(errno));
		if (n > 0 && write_all(s, chunk, (size_t)n, err))
			return GW_ERR_SYSTEM;
	}
}

enum gw_err gw_record_write(struct gw_connection *c, int fd, int64_t for_ns,
	uint64_t *ret_bytes, struct gw_error *err)
{
	struct sigaction action = {.sa_handler = on_signal};
	struct sink s = {.fd = fd};
	int64_t until_ns = for_ns ? gw_clock_boot_ns() + for_ns : INT64_MAX;
	enum gw_err rc = GW_OK;

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	if (c->n > c->consumed)
		rc = write_all(&s, c->bytes + c->consumed, c->n - c->consumed, err);
	if (!rc)
		rc = copy(c, &s, until_ns, err);
	*ret_bytes = s.bytes;
	if (!rc && memcmp(s.tail, end_of_file, sizeof(end_of_file)) != 0)
		return gw_fail(err, GW_ERR_LINK, 0,
			"the end is missing: tocsind went away, or it was interrupted twice");
	return rc;
}
