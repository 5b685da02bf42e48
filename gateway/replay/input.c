/* SPDX-License-Identifier: Apache-2.0 */
#include "replay/input.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUFFER (1 << 20)

static enum gw_err open_file(struct gw_input *in, struct gw_error *err)
{
	const char *file = in->files[in->at];
	bool timed = in->csv.timed;
	int64_t last_ms = in->csv.last_ms;

	in->fd = open(file, O_RDONLY | O_CLOEXEC);
	if (in->fd < 0)
		return gw_fail(err, GW_ERR_SYSTEM, errno, "%s", gw_errno_text(errno));
	in->ended = false;
	in->begin = in->end = 0;
	/* The next file goes on where this one ends; its time may not fall either. */
	in->csv = (struct gw_csv){.timed = timed, .last_ms = last_ms};
	return GW_OK;
}

static void add_size(struct gw_input *in, const char *file, bool *known)
{
	struct stat st;

	if (stat(file, &st) == 0 && S_ISREG(st.st_mode))
		in->total += (uint64_t)st.st_size;
	else
		*known = false;
}

enum gw_err gw_input_open(
	struct gw_input *in, const char *const *files, struct gw_error *err)
{
	bool known = true;

	*in = (struct gw_input){.files = files, .fd = -1};
	in->buffer = malloc(BUFFER);
	if (!in->buffer)
		return gw_fail(err, GW_ERR_SYSTEM, ENOMEM, "out of memory");
	for (; files[in->at]; in->at++) {
		if (access(files[in->at], R_OK) != 0)
			return gw_fail(
				err, GW_ERR_SYSTEM, errno, "%s", gw_errno_text(errno));
		add_size(in, files[in->at], &known);
	}
	if (!known)
		in->total = 0;
	in->at = 0;
	return open_file(in, err);
}

void gw_input_close(struct gw_input *in)
{
	if (!in->buffer)
		return;
	if (in->fd >= 0)
		close(in->fd);
	free(in->buffer);
	gw_names_fini(&in->names);
	*in = (struct gw_input){.fd = -1};
}

void gw_input_where(const struct gw_input *in, struct gw_text *t)
{
	gw_text_add(t, in->files[in->at] ? in->files[in->at] : in->files[in->at - 1]);
	if (in->csv.line)
		gw_text_addf(
			t, ":%llu:%u", (unsigned long long)in->csv.line, in->csv.column);
}

/* Move what is left to the front and read more behind it. */
static enum gw_err fill(struct gw_input *in, struct gw_error *err)
{
	ssize_t n;

	memmove(in->buffer, in->buffer + in->begin, in->end - in->begin);
	in->end -= in->begin;
	in->begin = 0;
	do
		n = read(in->fd, in->buffer + in->end, BUFFER - in->end);
	while (n < 0 && errno == EINTR);
	if (n < 0) {
		in->csv.line = 0; /* of no line */
		return gw_fail(err, GW_ERR_SYSTEM, errno, "%s", gw_errno_text(errno));
	}
	in->ended = n == 0;
	in->end += (size_t)n;
	in->bytes += (uint64_t)n;
	return GW_OK;
}

/* The lines that are whole in the buffer. */
static enum gw_err take_lines(struct gw_input *in, struct gw_reading *ret, size_t max,
	size_t *n, struct gw_error *err)
{
	while (*n < max && in->begin < in->end) {
		const char *line = in->buffer + in->begin;
		size_t left = in->end - in->begin;
		const char *feed = memchr(line, '\n', left);
		size_t length = feed ? (size_t)(feed - line) : left;
		enum gw_err kind;
		bool any;

		if (length > GW_CSV_LINE_MAX) {
			in->csv.line++;
			in->csv.column = 1;
			return gw_fail(err, GW_ERR_PROTOCOL, 0,
				"a line of more than %d bytes: this is no CSV of samples",
				GW_CSV_LINE_MAX);
		}
		if (!feed && !in->ended)
			break;
		kind = gw_csv_line(&in->csv, &in->names, line, length, &ret[*n], &any, err);
		if (kind)
			return kind;
		in->begin += length + (feed != NULL);
		*n += any;
	}
	return GW_OK;
}

static enum gw_err next_file(struct gw_input *in, struct gw_error *err)
{
	close(in->fd);
	in->fd = -1;
	if (!in->csv.headed) {
		in->csv.line = in->csv.column = 1;
		return gw_fail(err, GW_ERR_PROTOCOL, 0,
			"the file is empty: the header time_ms,point,value[,quality] is "
			"wanted");
	}
	in->at++;
	return in->files[in->at] ? open_file(in, err) : GW_OK;
}

enum gw_err gw_input_next(struct gw_input *in, struct gw_reading *ret, size_t max,
	size_t *ret_n, struct gw_error *err)
{
	enum gw_err kind = GW_OK;
	size_t n = 0;

	while (!kind && n == 0 && in->files[in->at]) {
		kind = take_lines(in, ret, max, &n, err);
		if (kind || n)
			break;
		kind = in->ended ? next_file(in, err) : fill(in, err);
	}
	in->readings += n;
	*ret_n = n;
	return kind;
}
