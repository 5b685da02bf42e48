/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sample.h: one reading of one point. Quality travels with every sample: a dead device never keeps
 * its last good value.
 *
 * Copied, never owned. Thread: producer and consumer of the ring that carries it.
 */
#ifndef GW_FLOW_SAMPLE_H
#define GW_FLOW_SAMPLE_H

#include "flow/ring.h"

#include <assert.h>
#include <stdint.h>

enum gw_quality {
	GW_QUALITY_NONE = 0, /* no sample since the start */
	GW_QUALITY_GOOD,
	GW_QUALITY_UNCERTAIN,    /* usable, of limited trust */
	GW_QUALITY_SILENT,       /* no usable sample for longer than allowed */
	GW_QUALITY_BAD_TIMEOUT,  /* the device did not answer */
	GW_QUALITY_BAD_LINK,     /* the bus or broker is not reachable */
	GW_QUALITY_BAD_PROTOCOL, /* an answer that does not match the request */
	GW_QUALITY_BAD_REFUSED,  /* the device answered with an error (Modbus exception) */
	GW_QUALITY_BAD_RANGE,    /* in old recordings only: outside the range */
	GW_QUALITY_BAD_PAYLOAD,  /* not a number, no such path, wrong type */
	GW_QUALITY_OVER_RANGE,   /* usable, above the measuring range */
	GW_QUALITY_UNDER_RANGE,  /* usable, below the measuring range */
	GW_QUALITY_BAD_INVALID,  /* a code that means "no value"; not finite */
	/* uncertain: of unknown age, see engine/retained.h */
	GW_QUALITY_RETAINED,
	GW_QUALITY_COUNT,
};
static_assert(GW_QUALITY_COUNT <= 16, "recordings store the numbers in four bits");

/* "good", "uncertain", "uncertain-over-range", "silent", "bad-timeout" ...; GW_QUALITY_NONE
 * is "silent". */
const char *gw_quality_name(enum gw_quality q);

/* Whether the value may drive a condition. */
static inline int gw_quality_usable(unsigned q)
{
	const unsigned usable = 1U << GW_QUALITY_GOOD | 1U << GW_QUALITY_UNCERTAIN |
		1U << GW_QUALITY_OVER_RANGE | 1U << GW_QUALITY_UNDER_RANGE |
		1U << GW_QUALITY_RETAINED;

	return q < GW_QUALITY_COUNT && (usable >> q & 1) != 0;
}

/* Usable and of known age: it may clear an alarm, and ends the silence of its device. */
static inline int gw_quality_current(unsigned q)
{
	return gw_quality_usable(q) && q != GW_QUALITY_RETAINED;
}

struct gw_sample {
	uint32_t point;   /* index of the point within its source, 0 .. n_points - 1 */
	uint16_t quality; /* enum gw_quality */
	uint16_t flags;   /* reserved, 0 */
	int64_t boot_ns; /* CLOCK_BOOTTIME when the gateway received it; per source not falling */
	int64_t device_ns; /* the device's own time, ns since 1970, or 0 */
	double value; /* in the point's unit, finite; discrete inputs are 0 or 1; 0 if bad */
};
static_assert(sizeof(struct gw_sample) == 32, "a sample is half a cache line");

#endif
