/* SPDX-License-Identifier: Apache-2.0 */
/*
 * supervise.h: faults that main raises: a source whose driver does not return, and those
 * of the gateway as a whole. They go to the engine through a ring of its own, so that
 * each ring has one producer.
 *
 * Owner: the gateway. Thread: main. Life: init, attach its ring to each engine, ..., fini.
 */
#ifndef GW_APP_SUPERVISE_H
#define GW_APP_SUPERVISE_H

#include "base/wake.h"
#include "conf/config.h"
#include "flow/ring.h"
#include "source/source.h"

/* A driver hangs if it has not beaten for this long. Between calls the core beats; an open beats
 * every second by itself (source/driver.h), whatever time-outs are configured. */
#define GW_SUPERVISE_HUNG_NS (15 * GW_NS_PER_SEC)

struct gw_supervisor {
	struct gw_ring
		ring; /* of struct gw_sample; point is an index into config->points */
	struct gw_wake *engine_wake;
	int reported[GW_GATEWAY_POINTS]; /* 1 + the value sent last; 0: none yet */
};

enum gw_err gw_supervise_init(
	struct gw_supervisor *s, struct gw_wake *engine_wake, struct gw_error *err);
void gw_supervise_fini(struct gw_supervisor *s); /* zeroed or twice is fine */

/* Sets one of the gateway's own faults; sends nothing if it is unchanged. False: the
 * ring is full, to be repeated. */
bool gw_supervise_report(struct gw_supervisor *s, const struct gw_config *c,
	enum gw_gateway_point point, bool fault, int64_t now_ns);

/* Once a second for each source. since_ns: its last beat, or when main last ran again
 * after a pause if that is later. Raises `down` of a source that hangs; when it works
 * again, the source itself reports its state. */
void gw_supervise_source(struct gw_supervisor *s, const struct gw_config *c, size_t index,
	struct gw_source *source, int64_t since_ns, int64_t now_ns);

#endif
