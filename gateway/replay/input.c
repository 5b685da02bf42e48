/* SPDX-License-Identifier: Apache-2.0 */
#include "replay/input.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUFFER (1 << 20)

static enum gw_err open_file(struct gw_replay_input *in, struct gw_error *err)
{
	const char *file = in->files[in->at];

	in->fd = open(file, O_RDONLY | O_CLOEXEC);
	if (in->fd < 0)
		return gw_fail(err, GW_ERR_SYSTEM, errno, "%s", gw_errno_text(errno));
	in->ended = false;
	in->begin = in->end = 0;
	/* Time must not fall from one file to the next. */
	in->csv = (struct gw_csv){
		.has_time = in->has_time, .last_ms = in->last_ns / GW_NS_PER_MS};
	in->format = GW_INPUT_NEW;
	in->offset = 0;
	in->closed = in->block_seen = false;
	gw_decode_reset(&in->decode);
	return GW_OK;
}

static void add_size(struct gw_replay_input *in, const char *file, bool *known)
{
	struct stat st;

	if (stat(file, &st) == 0 && S_ISREG(st.st_mode))
		in->total += (uint64_t)st.st_size;
	else
		*known = false;
}

enum gw_err gw_replay_input_open(
	struct gw_replay_input *in, const char *const *files, struct gw_error *err)
{
	bool known = true;

	*in = (struct gw_replay_input){.files = files, .fd = -1};
	in->capacity = BUFFER;
	in->buffer = malloc(in->capacity);
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

void gw_replay_input_close(struct gw_replay_input *in)
{
	if (!in->buffer)
		return;
	if (in->fd >= 0)
		close(in->fd);
	free(in->buffer);
	gw_point_names_fini(&in->names);
	gw_decode_fini(&in->decode);
	*in = (struct gw_replay_input){.fd = -1};
}

void gw_replay_input_where(const struct gw_replay_input *in, struct gw_text *t)
{
	gw_text_add(t, in->files[in->at] ? in->files[in->at] : in->files[in->at - 1]);
	if (in->format == GW_INPUT_RECORDING)
		gw_text_addf(t, ": byte %llu", (unsigned long long)in->offset);
	else if (in->csv.line)
		gw_text_addf(
			t, ":%llu:%u", (unsigned long long)in->csv.line, in->csv.column);
}

/* Moves the rest to the front and reads more after it. */
static enum gw_err fill(struct gw_replay_input *in, struct gw_error *err)
{
	ssize_t n;

	memmove(in->buffer, in->buffer + in->begin, in->end - in->begin);
	in->end -= in->begin;
	in->begin = 0;
	do
		n = read(in->fd, in->buffer + in->end, in->capacity - in->end);
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

/* The complete lines in the buffer. */
static enum gw_err take_lines(struct gw_replay_input *in, struct gw_reading *ret,
	size_t max, size_t *n, struct gw_error *err)
{
	while (*n < max && in->begin < in->end) {
		const char *line = in->buffer + in->begin;
		size_t left = in->end - in->begin;
		const char *newline = memchr(line, '\n', left);
		size_t length = newline ? (size_t)(newline - line) : left;
		enum gw_err rc;
		bool any;

		if (length > GW_CSV_LINE_MAX) {
			in->csv.line++;
			in->csv.column = 1;
			return gw_fail(err, GW_ERR_PROTOCOL, 0,
				"a line of more than %d bytes: this is no CSV of samples",
				GW_CSV_LINE_MAX);
		}
		if (!newline && !in->ended)
			break;
		rc = gw_csv_line(&in->csv, &in->names, line, length, &ret[*n], &any, err);
		if (rc)
			return rc;
		in->begin += length + (newline != NULL);
		if (any) {
			in->has_time = true;
			in->last_ns = ret[*n].time_ns;
			(*n)++;
		}
	}
	return GW_OK;
}

/* ---- recordings ---- */

/* Makes the buffer large enough for a block. */
static enum gw_err grow_buffer(
	struct gw_replay_input *in, size_t size, struct gw_error *err)
{
	char *buffer;

	if (size <= in->capacity)
		return GW_OK;
	buffer = realloc(in->buffer, size);
	if (!buffer)
		return gw_fail(err, GW_ERR_SYSTEM, ENOMEM, "out of memory");
	in->buffer = buffer;
	in->capacity = size;
	return GW_OK;
}

static enum gw_err use_block(struct gw_replay_input *in,
	const struct gw_recording_block *block, struct gw_error *err)
{
	struct gw_recording_scan scan = {.block = *block};
	uint64_t lost = 0;
	enum gw_err rc = GW_OK;

	switch (block->kind) {
	case GW_RECORDING_POINTS: return gw_decode_points(&in->decode, block, err);
	case GW_RECORDING_SAMPLES:
		rc = gw_decode_load(&in->decode, block, err);
		if (!rc && in->has_time && !in->block_seen && in->decode.n &&
			in->decode.heap[0].next_ns < in->last_ns)
			return gw_fail(err, GW_ERR_PROTOCOL, 0,
				"begins before the file before it ends");
		in->block_seen = true;
		break;
	case GW_RECORDING_GAP:
		if (!gw_recording_read_lost(&scan, &lost))
			return gw_fail(err, GW_ERR_CORRUPT, 0, "damaged: a gap is not one");
		in->gaps++;
		in->lost += lost;
		break;
	case GW_RECORDING_END: in->closed = true; break;
	default: break; /* of a later version: not needed to understand the others */
	}
	return rc;
}

static enum gw_err next_block(
	struct gw_replay_input *in, bool *ret_any, struct gw_error *err)
{
	struct gw_recording_block block;
	size_t size;
	enum gw_err rc = gw_recording_read_block((unsigned char *)in->buffer + in->begin,
		in->end - in->begin, &block, &size, err);

	*ret_any = false;
	if (rc == GW_ERR_FULL) { /* at the end of the file: truncated or complete */
		if (in->ended)
			in->begin = in->end;
		return in->ended ? GW_OK : grow_buffer(in, size, err);
	}
	if (!rc)
		rc = use_block(in, &block, err);
	if (rc)
		return rc;
	in->begin += size;
	in->offset += size;
	*ret_any = true;
	return GW_OK;
}

/* The samples of the blocks in the buffer. */
static enum gw_err take_blocks(struct gw_replay_input *in, struct gw_reading *ret,
	size_t max, size_t *n, struct gw_error *err)
{
	enum gw_err rc = GW_OK;
	bool any = true;

	while (!rc && *n < max && any) {
		struct gw_reading *r = &ret[*n];

		if (gw_decode_next(&in->decode, &in->names, r, &rc)) {
			/* the samples of two blocks may overlap a little */
			if (in->has_time && r->time_ns < in->last_ns)
				r->time_ns = in->last_ns;
			in->has_time = true;
			in->last_ns = r->time_ns;
			(*n)++;
		} else if (rc) {
			gw_fail(err, rc, ENOMEM, "out of memory");
		} else {
			rc = next_block(in, &any, err);
		}
	}
	return rc;
}

/* ---- files ---- */

/* CSV or a recording. */
static enum gw_err detect_format(struct gw_replay_input *in, struct gw_error *err)
{
	size_t n = in->end - in->begin, m = GW_RECORDING_MAGIC_LEN;
	const char *at = in->buffer + in->begin;

	if (n < m && !in->ended)
		return GW_OK;
	in->format = GW_INPUT_CSV;
	if (n < m || memcmp(at, GW_RECORDING_MAGIC, m - 1) != 0)
		return GW_OK;
	in->format = GW_INPUT_RECORDING;
	if (at[m - 1] != GW_RECORDING_MAGIC[m - 1])
		return gw_fail(err, GW_ERR_PROTOCOL, 0,
			"a recording of version %u; this program reads version %u",
			(unsigned)(unsigned char)at[m - 1],
			(unsigned)GW_RECORDING_MAGIC[m - 1]);
	in->begin += m;
	in->offset = m;
	return GW_OK;
}

static enum gw_err next_file(struct gw_replay_input *in, struct gw_error *err)
{
	close(in->fd);
	in->fd = -1;
	if (in->format == GW_INPUT_RECORDING) {
		in->n_truncated += !in->closed;
	} else if (!in->csv.has_header) {
		in->csv.line = in->csv.column = 1;
		return gw_fail(err, GW_ERR_PROTOCOL, 0,
			"the file is empty: the header time_ms,point,value[,quality] is wanted");
	}
	in->at++;
	return in->files[in->at] ? open_file(in, err) : GW_OK;
}

enum gw_err gw_replay_input_next(struct gw_replay_input *in, struct gw_reading *ret,
	size_t max, size_t *ret_n, struct gw_error *err)
{
	enum gw_err rc = GW_OK;
	size_t n = 0;

	while (!rc && n == 0 && in->files[in->at]) {
		if (in->format == GW_INPUT_NEW)
			rc = detect_format(in, err);
		if (!rc && in->format == GW_INPUT_CSV)
			rc = take_lines(in, ret, max, &n, err);
		else if (!rc && in->format == GW_INPUT_RECORDING)
			rc = take_blocks(in, ret, max, &n, err);
		if (rc || n)
			break;
		rc = in->ended ? next_file(in, err) : fill(in, err);
	}
	in->readings += n;
	*ret_n = n;
	return rc;
}
