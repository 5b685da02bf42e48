/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reading.h: one value of one point as it is in a file, before it is matched with a
 * configuration.
 *
 * Copied, never owned. Thread: the replay's only one.
 */
#ifndef GW_REPLAY_READING_H
#define GW_REPLAY_READING_H

#include "flow/sample.h"

struct gw_reading {
	int64_t time_ns;  /* of any origin, not falling from reading to reading */
	uint32_t name;    /* index into struct gw_point_names */
	uint16_t quality; /* enum gw_quality */
	double value;     /* finite; 0 where quality is not usable */
};

#endif
