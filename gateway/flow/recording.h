/* SPDX-License-Identifier: Apache-2.0 */
/*
 * recording.h: the file format of recorded samples, both ways. Pure: bytes in memory.
 *
 * A file is the magic and a row of blocks: kind, length of the payload and CRC-32 of all of it
 * but the CRC itself, each 4 bytes, then the payload. Numbers are little-endian; varint is
 * LEB128, signed ones zigzag first. A block is complete in itself, so a file that was cut can be
 * read up to its last whole block.
 *
 *   GW_RECORDING_POINTS   varint index of the first, then per point varint length and bytes of key
 *                         and unit; index 0 begins a new table
 *   GW_RECORDING_SAMPLES  8 bytes time in ns since 1970, then runs, see below
 *   GW_RECORDING_GAP      varint number of samples lost here
 *   GW_RECORDING_END      empty: the recording was ended properly
 *
 * A run is a value that did not change. It is written once: when the value changes, when its
 * samples become irregular, or after GW_RECORDING_SPAN_NS. It is a varint point; signed varint
 * time of its first sample after that of the block; one byte quality | encoding << 4 | 0x80 if
 * it repeats; the value by its encoding (0: none, 1..4: signed varint, to be divided by
 * 10^(encoding-1), 5: 8 bytes); if it repeats, varint number of further samples and varint time
 * from the first to the last, evenly spaced.
 *
 * Owner: the caller. Thread: one.
 */
#ifndef GW_FLOW_RECORDING_H
#define GW_FLOW_RECORDING_H

#include "base/clock.h"
#include "flow/info.h"
#include "flow/sample.h"

#define GW_RECORDING_MAGIC       "TOCSINR\x01" /* the last byte is the version */
#define GW_RECORDING_MAGIC_LEN   8
#define GW_RECORDING_SPAN_NS     (60 * GW_NS_PER_SEC)
#define GW_RECORDING_BLOCK_HEAD  12
#define GW_RECORDING_RUN_MAX     48         /* bytes, the most one run takes */
#define GW_RECORDING_BLOCK_MAX   (64 << 20) /* bytes of a payload */
#define GW_RECORDING_REPEATS_MAX 1000000
#define GW_RECORDING_TIME_MAX    (INT64_C(4000000000000) * GW_NS_PER_MS) /* to the year 2096 */

enum gw_recording_block_kind {
	GW_RECORDING_POINTS = 0x53544e50,  /* "PNTS" as the bytes of the file */
	GW_RECORDING_SAMPLES = 0x4c504d53, /* "SMPL" */
	GW_RECORDING_GAP = 0x21504147,     /* "GAP!" */
	GW_RECORDING_END = 0x21444e45,     /* "END!" */
};

/* ---- writing ---- */

struct gw_byte_buffer { /* grows; failed: out of memory, nothing more is added */
	unsigned char *at;
	size_t n, capacity;
	bool failed;
};
void gw_byte_buffer_fini(struct gw_byte_buffer *b); /* zeroed or twice is fine */

struct gw_recording_open_run;

struct gw_recording {
	struct gw_byte_buffer
		out; /* finished bytes; the caller takes them from the front */
	struct gw_byte_buffer block;
	struct gw_recording_open_run *open_runs; /* of each point; n 0: none */
	uint32_t n_points;
	uint32_t *open_points; /* points with an open run */
	uint32_t n_open;
	int64_t offset_ns;      /* from CLOCK_BOOTTIME to time since 1970 */
	int64_t block_start_ns; /* CLOCK_BOOTTIME; 0: no open block */
	uint64_t samples;       /* taken so far */
};

/* r is zeroed. Writes the magic. */
void gw_recording_begin(struct gw_recording *r, struct gw_time now);
/* A table of points, the first or a new one. */
void gw_recording_points(
	struct gw_recording *r, const struct gw_point_info *points, uint32_t n);
/* point is an index into the table; others are ignored. */
void gw_recording_sample(struct gw_recording *r, const struct gw_sample *sample);
/* Closes the block if it is older than GW_RECORDING_SPAN_NS, or at once. */
void gw_recording_flush(struct gw_recording *r, int64_t boot_ns, bool at_once);
void gw_recording_gap(struct gw_recording *r, uint64_t lost);
void gw_recording_end(struct gw_recording *r);
void gw_recording_fini(struct gw_recording *r); /* zeroed or twice is fine */

/* ---- reading ---- */

struct gw_recording_block {
	uint32_t kind;
	const unsigned char *at;
	size_t n;
};
/* The block at the front of n bytes. GW_OK: it is *ret_size bytes long; GW_ERR_FULL: it is not
 * whole, *ret_size bytes are needed; GW_ERR_CORRUPT: not a block. */
enum gw_err gw_recording_read_block(const unsigned char *bytes, size_t n,
	struct gw_recording_block *ret_block, size_t *ret_size, struct gw_error *err);

struct gw_recording_run {
	uint32_t point;
	uint16_t quality;
	double value;
	int64_t first_ns, last_ns; /* since 1970 */
	uint64_t repeats; /* further samples after the first, evenly up to last_ns */
};

/* Reads a payload entry by entry; block is set, the rest zero at first. Each function returns
 * false at the end, and sets malformed if the payload is not well-formed although its CRC is
 * right. */
struct gw_recording_scan {
	struct gw_recording_block block;
	size_t at;
	int64_t base_ns; /* samples */
	uint32_t index;  /* points: of the next */
	bool started, malformed;
};
bool gw_recording_run(struct gw_recording_scan *s, struct gw_recording_run *ret_run);
bool gw_recording_next_point(struct gw_recording_scan *s, uint32_t *ret_index,
	const char **ret_key, size_t *ret_length);
/* The payload of a gap. */
bool gw_recording_read_lost(struct gw_recording_scan *s, uint64_t *ret_lost);

#endif
