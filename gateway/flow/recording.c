/* SPDX-License-Identifier: Apache-2.0 */
#include "flow/recording.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SAMPLE_BLOCK_BYTES (1 << 16) /* bytes of runs after which a block is closed early */
#define HEAD_REPEATS       0x80
#define ENCODING_NONE      0
#define ENCODING_RAW       5
/* A table of points is cut into blocks of about this size. */
#define POINT_BLOCK_BYTES (1 << 16)
/* A repeat that comes this much later than the others ends its run. */
#define JITTER_NS (50 * GW_NS_PER_MS)

static const double powers[] = {1, 10, 100, 1000};

struct gw_recording_open_run {
	int64_t first_ns, last_ns; /* CLOCK_BOOTTIME */
	double value;
	uint64_t n; /* samples */
	uint16_t quality;
};

/* CRC-32/ISO-HDLC (that of zlib), a nibble at a time: a small table, fast enough for blocks. */
static uint32_t crc(uint32_t c, const unsigned char *at, size_t n)
{
	static const uint32_t table[16] = {0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac,
		0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344,
		0xd6d6a3e8, 0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c};

	c = ~c;
	for (size_t i = 0; i < n; i++) {
		c = table[(c ^ at[i]) & 15] ^ c >> 4;
		c = table[(c ^ at[i] >> 4) & 15] ^ c >> 4;
	}
	return ~c;
}

/* ---- bytes ---- */

void gw_byte_buffer_fini(struct gw_byte_buffer *b)
{
	free(b->at);
	*b = (struct gw_byte_buffer){0};
}

static void put_bytes(struct gw_byte_buffer *b, const void *from, size_t n)
{
	if (b->n + n > b->capacity) {
		size_t capacity = 2 * (b->n + n) + 256;
		unsigned char *at = realloc(b->at, capacity);

		if (!at) {
			b->failed = true;
			return;
		}
		b->at = at;
		b->capacity = capacity;
	}
	if (!b->failed && n) {
		memcpy(b->at + b->n, from, n);
		b->n += n;
	}
}

static void put_varint(struct gw_byte_buffer *b, uint64_t v)
{
	unsigned char bytes[10];
	size_t n = 0;

	for (; v >= 0x80; v >>= 7)
		bytes[n++] = (unsigned char)(v | 0x80);
	bytes[n++] = (unsigned char)v;
	put_bytes(b, bytes, n);
}

static void put_signed(struct gw_byte_buffer *b, int64_t v)
{
	put_varint(b, (uint64_t)v << 1 ^ (uint64_t)(v >> 63));
}

static void store_le(unsigned char *to, uint64_t v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		to[i] = (unsigned char)(v >> 8 * i);
}

static void put_block(struct gw_byte_buffer *out, enum gw_recording_block_kind kind,
	const unsigned char *payload, size_t n)
{
	unsigned char head[GW_RECORDING_BLOCK_HEAD];

	store_le(head, kind, 4);
	store_le(head + 4, n, 4);
	store_le(head + 8, crc(crc(0, head, 8), payload, n), 4);
	put_bytes(out, head, sizeof(head));
	put_bytes(out, payload, n);
}

/* ---- writing ---- */

void gw_recording_begin(struct gw_recording *r, struct gw_time now)
{
	r->offset_ns = now.wall_ms * GW_NS_PER_MS - now.boot_ns;
	put_bytes(&r->out, GW_RECORDING_MAGIC, GW_RECORDING_MAGIC_LEN);
}

static void put_text(struct gw_byte_buffer *b, const char *s)
{
	size_t n = strlen(s);

	put_varint(b, n);
	put_bytes(b, s, n);
}

void gw_recording_points(
	struct gw_recording *r, const struct gw_point_info *points, uint32_t n)
{
	struct gw_byte_buffer *b = &r->block;

	gw_recording_flush(r, 0, true);
	free(r->open_runs);
	free(r->open_points);
	r->n_open = 0;
	r->n_points = n;
	r->open_runs = calloc((size_t)n + 1, sizeof(*r->open_runs));
	r->open_points = calloc((size_t)n + 1, sizeof(*r->open_points));
	if (!r->open_runs || !r->open_points) {
		r->n_points = 0;
		r->out.failed = true;
	}
	for (uint32_t i = 0; i < r->n_points;) {
		b->n = 0;
		put_varint(b, i);
		for (; i < n && b->n < POINT_BLOCK_BYTES; i++) {
			put_text(b, points[i].key);
			put_text(b, points[i].unit_of_measure);
		}
		put_block(&r->out, GW_RECORDING_POINTS, b->at, b->n);
	}
	b->n = 0;
}

/* The shortest encoding that gives the same double back. */
static void put_value(
	struct gw_byte_buffer *b, double value, bool usable, unsigned char head)
{
	unsigned char bytes[8];
	uint64_t raw;
	unsigned encoding;

	for (encoding = 1; usable && encoding < ENCODING_RAW; encoding++) {
		double scaled = nearbyint(value * powers[encoding - 1]);

		/* compared as bits: -0.0 is not 0 */
		double back = scaled / powers[encoding - 1];
		if (fabs(scaled) < 1e15 && memcmp(&back, &value, sizeof(back)) == 0 &&
			!(scaled == 0 && signbit(scaled)))
			break;
	}
	if (!usable)
		encoding = ENCODING_NONE;
	head = (unsigned char)(head | encoding << 4);
	put_bytes(b, &head, 1);
	if (encoding == ENCODING_RAW) {
		memcpy(&raw, &value, sizeof(raw));
		store_le(bytes, raw, sizeof(bytes));
		put_bytes(b, bytes, sizeof(bytes));
	} else if (encoding != ENCODING_NONE) {
		put_signed(b, (int64_t)nearbyint(value * powers[encoding - 1]));
	}
}

static void close_run(struct gw_recording *r, uint32_t point)
{
	struct gw_recording_open_run *run = &r->open_runs[point];
	struct gw_byte_buffer *b = &r->block;
	unsigned char head = (unsigned char)(run->quality |
		(run->n > 1 ? HEAD_REPEATS : 0));

	put_varint(b, point);
	put_signed(b, run->first_ns - r->block_start_ns);
	put_value(b, run->value, gw_quality_usable(run->quality), head);
	if (run->n > 1) {
		put_varint(b, run->n - 1);
		put_varint(b, (uint64_t)(run->last_ns - run->first_ns));
	}
	run->n = 0;
}

/* Whether s has the value of the run and comes at about the interval of its samples. */
static bool continues_run(
	const struct gw_recording_open_run *run, const struct gw_sample *s)
{
	int64_t step_ns = s->boot_ns - run->last_ns, mean_ns;

	if (run->quality != s->quality || step_ns < 0 ||
		run->n >= GW_RECORDING_REPEATS_MAX ||
		(gw_quality_usable(s->quality) &&
			memcmp(&run->value, &s->value, sizeof(run->value)) != 0))
		return false;
	if (run->n < 2)
		return true;
	mean_ns = (run->last_ns - run->first_ns) / (int64_t)(run->n - 1);
	return step_ns <= mean_ns + mean_ns / 2 + JITTER_NS && step_ns >= mean_ns / 2;
}

static void begin_block(struct gw_recording *r, int64_t boot_ns)
{
	unsigned char base[8];

	r->block_start_ns = boot_ns;
	r->block.n = 0;
	store_le(base, (uint64_t)(boot_ns + r->offset_ns), sizeof(base));
	put_bytes(&r->block, base, sizeof(base));
}

void gw_recording_sample(struct gw_recording *r, const struct gw_sample *sample)
{
	struct gw_sample s = *sample;
	struct gw_recording_open_run *run;

	if (s.point >= r->n_points || s.quality >= GW_QUALITY_COUNT ||
		s.quality == GW_QUALITY_NONE)
		return;
	if (gw_quality_usable(s.quality) && !isfinite(s.value))
		s.quality = GW_QUALITY_BAD_PAYLOAD; /* as in the engine */
	gw_recording_flush(r, s.boot_ns, r->block.n > SAMPLE_BLOCK_BYTES);
	if (r->block_start_ns == 0)
		begin_block(r, s.boot_ns);
	r->samples++;
	run = &r->open_runs[s.point];
	if (run->n && continues_run(run, &s)) {
		run->last_ns = s.boot_ns;
		run->n++;
		return;
	}
	if (run->n)
		close_run(r, s.point);
	else
		r->open_points[r->n_open++] = s.point;
	*run = (struct gw_recording_open_run){.first_ns = s.boot_ns,
		.last_ns = s.boot_ns,
		.value = s.value,
		.n = 1,
		.quality = s.quality};
}

void gw_recording_flush(struct gw_recording *r, int64_t boot_ns, bool at_once)
{
	if (r->block_start_ns == 0 ||
		(!at_once && boot_ns - r->block_start_ns < GW_RECORDING_SPAN_NS))
		return;
	for (uint32_t i = 0; i < r->n_open; i++)
		close_run(r, r->open_points[i]);
	r->n_open = 0;
	r->block_start_ns = 0;
	put_block(&r->out, GW_RECORDING_SAMPLES, r->block.at, r->block.n);
	r->out.failed |= r->block.failed;
}

void gw_recording_gap(struct gw_recording *r, uint64_t lost)
{
	gw_recording_flush(r, 0, true);
	r->block.n = 0;
	put_varint(&r->block, lost);
	put_block(&r->out, GW_RECORDING_GAP, r->block.at, r->block.n);
}

void gw_recording_end(struct gw_recording *r)
{
	gw_recording_flush(r, 0, true);
	put_block(&r->out, GW_RECORDING_END, r->block.at, 0);
}

void gw_recording_fini(struct gw_recording *r)
{
	gw_byte_buffer_fini(&r->out);
	gw_byte_buffer_fini(&r->block);
	free(r->open_runs);
	free(r->open_points);
	*r = (struct gw_recording){0};
}

/* ---- reading ---- */

static uint64_t load_le(const unsigned char *from, size_t n)
{
	uint64_t v = 0;

	for (size_t i = 0; i < n; i++)
		v |= (uint64_t)from[i] << 8 * i;
	return v;
}

enum gw_err gw_recording_read_block(const unsigned char *bytes, size_t n,
	struct gw_recording_block *ret_block, size_t *ret_size, struct gw_error *err)
{
	size_t length;

	*ret_size = GW_RECORDING_BLOCK_HEAD;
	if (n < GW_RECORDING_BLOCK_HEAD)
		return gw_fail(err, GW_ERR_FULL, 0, "a block is cut off");
	length = (size_t)load_le(bytes + 4, 4);
	if (length > GW_RECORDING_BLOCK_MAX)
		return gw_fail(err, GW_ERR_CORRUPT, 0,
			"damaged: a block of %zu bytes is none", length);
	*ret_size = GW_RECORDING_BLOCK_HEAD + length;
	if (n < *ret_size)
		return gw_fail(err, GW_ERR_FULL, 0, "a block is cut off");
	if (crc(crc(0, bytes, 8), bytes + GW_RECORDING_BLOCK_HEAD, length) !=
		load_le(bytes + 8, 4))
		return gw_fail(err, GW_ERR_CORRUPT, 0, "damaged: a checksum is wrong");
	*ret_block = (struct gw_recording_block){.kind = (uint32_t)load_le(bytes, 4),
		.at = bytes + GW_RECORDING_BLOCK_HEAD,
		.n = length};
	return GW_OK;
}

/* All below return false and set malformed if the payload ends too early. */
static bool read_varint(struct gw_recording_scan *s, uint64_t *ret_value)
{
	uint64_t v = 0;

	for (unsigned shift = 0; shift < 64 && s->at < s->block.n; shift += 7) {
		unsigned char byte = s->block.at[s->at++];

		v |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80)) {
			*ret_value = v;
			return true;
		}
	}
	s->malformed = true;
	return false;
}

static bool read_signed(struct gw_recording_scan *s, int64_t *ret_value)
{
	uint64_t v;

	if (!read_varint(s, &v))
		return false;
	*ret_value = (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
	return true;
}

static bool read_bytes(struct gw_recording_scan *s, size_t n, const unsigned char **ret_at)
{
	if (s->block.n - s->at < n) {
		s->malformed = true;
		return false;
	}
	*ret_at = s->block.at + s->at;
	s->at += n;
	return true;
}

static bool read_value(struct gw_recording_scan *s, unsigned encoding, double *ret_value)
{
	const unsigned char *bytes;
	int64_t scaled;
	uint64_t raw;

	*ret_value = 0;
	if (encoding == ENCODING_NONE)
		return true;
	if (encoding > ENCODING_RAW) {
		s->malformed = true;
		return false;
	}
	if (encoding < ENCODING_RAW) {
		if (!read_signed(s, &scaled))
			return false;
		*ret_value = (double)scaled / powers[encoding - 1];
		return true;
	}
	if (!read_bytes(s, 8, &bytes))
		return false;
	raw = load_le(bytes, 8);
	memcpy(ret_value, &raw, sizeof(raw));
	s->malformed |= !isfinite(*ret_value);
	return !s->malformed;
}

static bool read_base(struct gw_recording_scan *s)
{
	const unsigned char *bytes;

	if (!read_bytes(s, 8, &bytes))
		return false;
	s->base_ns = (int64_t)load_le(bytes, 8);
	s->malformed |= s->base_ns < 0 || s->base_ns > GW_RECORDING_TIME_MAX;
	s->started = true;
	return !s->malformed;
}

static bool read_repeats(struct gw_recording_scan *s, struct gw_recording_run *run)
{
	uint64_t span_ns;

	if (!read_varint(s, &run->repeats) || !read_varint(s, &span_ns))
		return false;
	s->malformed |= run->repeats == 0 || run->repeats > GW_RECORDING_REPEATS_MAX ||
		span_ns > (uint64_t)GW_RECORDING_TIME_MAX;
	run->last_ns += (int64_t)(s->malformed ? 0 : span_ns);
	return !s->malformed;
}

bool gw_recording_run(struct gw_recording_scan *s, struct gw_recording_run *ret_run)
{
	struct gw_recording_run run = {0};
	const unsigned char *head;
	uint64_t point;
	int64_t delta_ns;

	if (s->malformed || (!s->started && !read_base(s)) || s->at == s->block.n)
		return false;
	if (!read_varint(s, &point) || !read_signed(s, &delta_ns) ||
		!read_bytes(s, 1, &head))
		return false;
	run.quality = *head & 0x0f;
	if (point > UINT32_MAX || run.quality == GW_QUALITY_NONE ||
		run.quality >= GW_QUALITY_COUNT || delta_ns < -GW_RECORDING_TIME_MAX ||
		delta_ns > GW_RECORDING_TIME_MAX) {
		s->malformed = true;
		return false;
	}
	run.point = (uint32_t)point;
	run.first_ns = run.last_ns = s->base_ns + delta_ns;
	if (!read_value(s, *head >> 4 & 7, &run.value) ||
		(*head & HEAD_REPEATS && !read_repeats(s, &run)))
		return false;
	s->malformed |= run.first_ns < 0 || run.last_ns > GW_RECORDING_TIME_MAX;
	if (!s->malformed)
		*ret_run = run;
	return !s->malformed;
}

bool gw_recording_next_point(struct gw_recording_scan *s, uint32_t *ret_index,
	const char **ret_key, size_t *ret_length)
{
	const unsigned char *key, *unit;
	uint64_t n, first;

	if (!s->malformed && !s->started && read_varint(s, &first)) {
		s->started = true;
		s->malformed |= first > UINT32_MAX / 2;
		s->index = (uint32_t)first;
	}
	if (s->malformed || s->at == s->block.n)
		return false;
	if (!read_varint(s, &n) || !read_bytes(s, (size_t)n, &key) ||
		!read_varint(s, &first) || !read_bytes(s, (size_t)first, &unit))
		return false;
	*ret_index = s->index++;
	*ret_key = (const char *)key;
	*ret_length = (size_t)n;
	return true;
}

bool gw_recording_read_lost(struct gw_recording_scan *s, uint64_t *ret_lost)
{
	return read_varint(s, ret_lost) && s->at == s->block.n;
}
