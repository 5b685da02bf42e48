/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file, for sites without a network and for tests: one body a line, synced before it counts as
 * sent. A line that a crash cut is removed when the file is opened: its event is sent again.
 */
#include "base/file.h"
#include "base/text.h"
#include "uplink/sink.h"
#include "uplink/uplink_settings.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define REPAIR_MAX (1 << 20) /* longer than any line of ours */
#define IOV_BATCH  64

struct file_state {
	const char *path;
	int fd;
	bool open;
	dev_t dev;
	ino_t ino;
};

static void file_check(const struct gw_uplink_opts *o, struct gw_report *report)
{
	const char *const *const unused[] = {&o->ca, &o->cert, &o->key, &o->token_file};
	size_t i;

	if (strncasecmp(o->url, "file:///", strlen("file:///")) != 0 ||
		o->url[strlen("file:///")] == '\0' || o->url[strlen(o->url) - 1] == '/')
		gw_report(report, &o->url,
			"\"%s\" names no file (file:///var/lib/tocsin/alerts.ndjson would)",
			o->url);
	for (i = 0; i < sizeof(unused) / sizeof(unused[0]); i++)
		if (gw_setting_is_set(*unused[i]))
			gw_report(report, unused[i],
				"a file needs no ca, cert, key or token_file");
}

static enum gw_err file_open(void *state, const struct gw_uplink_opts *o, const char *agent,
	struct gw_error *err)
{
	struct file_state *s = state;

	(void)agent;
	if (strncasecmp(o->url, "file:///", strlen("file:///")) != 0)
		return gw_fail(
			err, GW_ERR_CONFIG, 0, "\"%.150s\" is not file:///...", o->url);
	s->path = o->url + strlen("file://");
	return GW_OK;
}

static void file_close(void *state)
{
	struct file_state *s = state;

	if (s->open)
		close(s->fd);
	s->open = false;
}

static void __attribute__((format(printf, 2, 3)))
set_retry(struct gw_sink_result *ret_result, const char *fmt, ...)
{
	struct gw_text t;
	va_list ap;

	*ret_result = (struct gw_sink_result){.verdict = GW_SINK_RETRY};
	gw_text_init(&t, ret_result->why, sizeof(ret_result->why));
	va_start(ap, fmt);
	gw_text_addv(&t, fmt, ap);
	va_end(ap);
}

/* Removes an incomplete last line, if it can be one of ours. */
static int repair_tail(int fd, off_t size)
{
	char *tail, *newline;
	off_t n_kept = size;
	size_t n = size < REPAIR_MAX ? (size_t)size : REPAIR_MAX;
	int failed = 0;

	if (size == 0)
		return 0;
	tail = malloc(n);
	if (tail == NULL)
		return -1;
	if (pread(fd, tail, n, size - (off_t)n) != (ssize_t)n) {
		free(tail);
		return -1;
	}
	if (tail[n - 1] != '\n') {
		newline = memrchr(tail, '\n', n);
		if (newline != NULL)
			n_kept = size - (tail + n - newline) + 1;
		else if (n == (size_t)size)
			n_kept = 0;
		if (n_kept < size && (newline ? newline[1] : tail[0]) == '{')
			failed = ftruncate(fd, n_kept);
		else if (write(fd, "\n", 1) != 1)
			failed = -1;
	}
	free(tail);
	return failed;
}

static bool reopen(struct file_state *s, struct gw_sink_result *ret_result)
{
	struct gw_error err;
	struct stat st;

	if (s->open && stat(s->path, &st) == 0 && st.st_dev == s->dev &&
		st.st_ino == s->ino)
		return true;
	file_close(s);
	/* Not blocking: a pipe in its place is refused below and must not hang us here. */
	s->fd = open(s->path, O_RDWR | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (s->fd < 0 && errno == ENOENT)
		s->fd = open(s->path,
			O_RDWR | O_APPEND | O_CREAT | O_EXCL | O_CLOEXEC | O_NOCTTY, 0640);
	if (s->fd < 0) {
		set_retry(ret_result, "%s: %s", s->path, gw_errno_text(errno));
		return false;
	}
	s->open = true;
	if (fstat(s->fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		set_retry(ret_result, "%s is not a plain file", s->path);
		file_close(s);
		return false;
	}
	s->dev = st.st_dev;
	s->ino = st.st_ino;
	if (repair_tail(s->fd, st.st_size) != 0) {
		set_retry(ret_result, "%s: %s", s->path, gw_errno_text(errno));
		file_close(s);
		return false;
	}
	/* The folder's entry must last as well as what is in the file. An empty file may be new,
	 * also from an earlier try whose sync failed. */
	if (st.st_size == 0 && gw_file_sync_folder_of(s->path, &err)) {
		set_retry(ret_result, "%s: %s", s->path, gw_errno_text(err.native));
		file_close(s);
		return false;
	}
	return true;
}

static bool write_all(int fd, struct iovec *iov, size_t n)
{
	while (n > 0) {
		ssize_t done = writev(fd, iov, (int)(n < IOV_BATCH ? n : IOV_BATCH));

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return false;
		for (; n > 0 && (size_t)done >= iov->iov_len; iov++, n--)
			done -= (ssize_t)iov->iov_len;
		if (n > 0 && done > 0) {
			iov->iov_base = (char *)iov->iov_base + done;
			iov->iov_len -= (size_t)done;
		}
	}
	return true;
}

static void file_send(
	void *state, const struct gw_sink_request *r, struct gw_sink_result *ret_result)
{
	struct file_state *s = state;
	struct iovec lines[(GW_SINK_PARTS + 1) * GW_UPLINK_BATCH_MAX];
	static char newline[] = "\n";
	struct stat st;
	size_t n = 0, i, k;

	if (r->n_bodies > GW_UPLINK_BATCH_MAX || !reopen(s, ret_result)) {
		if (r->n_bodies > GW_UPLINK_BATCH_MAX)
			set_retry(ret_result, "%zu events are too many", r->n_bodies);
		return;
	}
	for (i = 0; i < r->n_bodies; i++) {
		for (k = 0; k < r->bodies[i].n_parts; k++)
			lines[n++] = r->bodies[i].parts[k];
		lines[n++] = (struct iovec){.iov_base = newline, .iov_len = 1};
	}
	if (fstat(s->fd, &st) != 0) {
		set_retry(ret_result, "%s: %s", s->path, gw_errno_text(errno));
		file_close(s);
		return;
	}
	if (!write_all(s->fd, lines, n) || fdatasync(s->fd) != 0) {
		set_retry(ret_result, "%s: %s", s->path, gw_errno_text(errno));
		/* All of it is sent again. If it cannot be removed, the repeat has the same id and
		 * bytes; half a line is repaired when the file is opened again. */
		if (ftruncate(s->fd, st.st_size) != 0)
			ret_result->retry_after_ns = 0;
		file_close(s);
		return;
	}
	*ret_result = (struct gw_sink_result){.verdict = GW_SINK_SENT};
}

const struct gw_sink gw_sink_file = {
	.name = "file",
	.scheme = "file:",
	.url_form = "file:///...",
	.why_unused = "a file gives no answer",
	.check = file_check,
	.state_size = sizeof(struct file_state),
	.open = file_open,
	.send = file_send,
	.close = file_close,
};
