/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sample.h: one reading of one point, and the ring it travels in. Quality travels with every
 * sample: a dead device never keeps its last good value.
 *
 * Copied, never owned. Thread: producer and consumer of the ring that carries it.
 */
#ifndef GW_FLOW_SAMPLE_H
#define GW_FLOW_SAMPLE_H

#include "flow/ring.h"

#include <assert.h>
#include <stdint.h>

enum gw_quality {
	GW_QUALITY_NONE = 0, /* never read since start */
	GW_QUALITY_GOOD,
	GW_QUALITY_UNCERTAIN,    /* usable, with doubt */
	GW_QUALITY_SILENT,       /* nothing heard for longer than allowed */
	GW_QUALITY_BAD_TIMEOUT,  /* the device did not answer */
	GW_QUALITY_BAD_LINK,     /* the bus or broker is not reachable */
	GW_QUALITY_BAD_PROTOCOL, /* an answer that is not exactly what was asked for */
	GW_QUALITY_BAD_REFUSED,  /* the device answered with an error (Modbus exception) */
	GW_QUALITY_BAD_RANGE,    /* of old recordings: outside the range was no value */
	GW_QUALITY_BAD_PAYLOAD,  /* no number, no such path, wrong type */
	GW_QUALITY_OVER_RANGE,   /* usable, above the measuring range */
	GW_QUALITY_UNDER_RANGE,  /* usable, below the measuring range */
	GW_QUALITY_BAD_INVALID,  /* what a device sends instead of a value; not finite */
	/* uncertain: of unknown age. It may raise an alarm, and takes nothing back. */
	GW_QUALITY_RETAINED,
	GW_QUALITY_COUNT,
};
static_assert(GW_QUALITY_COUNT <= 16, "recordings keep four bits; the numbers are stored");

/* "good", "uncertain", "uncertain-over-range", "silent", "bad-timeout" ...; GW_QUALITY_NONE
 * is "silent": not heard yet. */
const char *gw_quality_name(enum gw_quality q);

/* Whether the value may drive a condition. */
static inline int gw_quality_usable(unsigned q)
{
	const unsigned usable = 1U << GW_QUALITY_GOOD | 1U << GW_QUALITY_UNCERTAIN |
		1U << GW_QUALITY_OVER_RANGE | 1U << GW_QUALITY_UNDER_RANGE |
		1U << GW_QUALITY_RETAINED;

	return q < GW_QUALITY_COUNT && (usable >> q & 1) != 0;
}

/* Whether it is also a reading of now: it may clear an alarm, and the device has spoken. */
static inline int gw_quality_current(unsigned q)
{
	return gw_quality_usable(q) && q != GW_QUALITY_RETAINED;
}

struct gw_sample {
	uint32_t point;   /* index of the point within its source, 0 .. n_points - 1 */
	uint16_t quality; /* enum gw_quality */
	uint16_t flags;   /* reserved, 0 */
	int64_t mono_ns; /* CLOCK_BOOTTIME when the gateway received it; per source not falling */
	int64_t device_ns; /* the device's own time, ns since 1970, or 0 */
	double value; /* in the point's unit, finite; discrete inputs are 0 or 1; 0 if bad */
};
static_assert(sizeof(struct gw_sample) == 32, "a sample is half a cache line");

#endif
