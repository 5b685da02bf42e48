/* SPDX-License-Identifier: Apache-2.0 */
/*
 * supervise.h: the faults that main raises for parts that cannot do it themselves: a source whose
 * driver does not return, and what concerns the gateway as a whole. They go to the engine through
 * a ring of main's own, so that each ring keeps one producer.
 *
 * Owner: the gateway. Thread: main. Life: init, attach its ring to each engine, ..., fini.
 */
#ifndef GW_APP_SUPERVISE_H
#define GW_APP_SUPERVISE_H

#include "base/wake.h"
#include "conf/config.h"
#include "flow/ring.h"
#include "source/source.h"

/* A driver that has not returned, nor looked whether it is to stop, for this long hangs. The
 * longest wait that a driver may be configured to is 10 s for one answer. */
#define GW_SUPERVISE_HUNG_NS (15 * GW_NS_PER_SEC)

struct gw_supervisor {
	struct gw_ring
		ring; /* of struct gw_sample; point is an index into config->points */
	struct gw_wake *engine_wake;
	int reported
		[GW_GATEWAY_POINTS]; /* 1 + what the engine was told last; 0: nothing yet */
};

enum gw_err gw_supervise_init(
	struct gw_supervisor *s, struct gw_wake *engine_wake, struct gw_error *err);
void gw_supervise_fini(struct gw_supervisor *s); /* zeroed or twice is fine */

/* One of the gateway's own faults stands or does not; nothing is sent if the engine knows. False:
 * the engine is behind, to be said again. */
bool gw_supervise_report(struct gw_supervisor *s, const struct gw_config *c,
	enum gw_gateway_point point, bool fault, int64_t now_ns);

/* Once a second, for each source: since_ns is its last beat, or when main last woke from a pause
 * of its own if that is later. Raises the `down` of a source that hangs; the source itself says
 * what it is once it moves again. */
void gw_supervise_source(struct gw_supervisor *s, const struct gw_config *c, size_t index,
	struct gw_source *source, int64_t since_ns, int64_t now_ns);

#endif
