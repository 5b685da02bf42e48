/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Main raises a source's `down` while its thread hangs, the source lowers it, through
 * two rings that the engine reads in no particular order. So main waits until the engine
 * has processed its sample, and until the source beats again, before it asks the source
 * to report its state: that sample is then the last one.
 *
 * The source's points keep their values: a device that reports only changes would not
 * send them again. `down` and `silent` say that they are old.
 */
#include "app/supervise.h"

#include "base/clock.h"
#include "base/log.h"

#include <inttypes.h>

#define RING 256

enum gw_err gw_supervise_init(
	struct gw_supervisor *s, struct gw_wake *engine_wake, struct gw_error *err)
{
	s->engine_wake = engine_wake;
	return gw_ring_init(&s->ring, RING, sizeof(struct gw_sample), err);
}

void gw_supervise_fini(struct gw_supervisor *s)
{
	gw_ring_fini(&s->ring);
}

static bool push(struct gw_supervisor *s, uint32_t point, bool value, int64_t now_ns)
{
	const struct gw_sample sample = {.point = point,
		.quality = GW_QUALITY_GOOD,
		.boot_ns = now_ns,
		.value = value};

	if (!gw_ring_push(&s->ring, &sample, 1, sizeof(sample)))
		return false;
	gw_wake_poke(s->engine_wake);
	return true;
}

bool gw_supervise_report(struct gw_supervisor *s, const struct gw_config *c,
	enum gw_gateway_point point, bool fault, int64_t now_ns)
{
	if (s->reported[point] == 1 + fault)
		return true;
	if (!push(s, c->gateway_first_point + (uint32_t)point, fault, now_ns))
		return false;
	s->reported[point] = 1 + fault;
	return true;
}

void gw_supervise_source(struct gw_supervisor *s, const struct gw_config *c, size_t index,
	struct gw_source *source, int64_t since_ns, int64_t now_ns)
{
	struct gw_source_hang *w = gw_source_hang(source);
	uint32_t down = c->source_first_point[index] + c->sources[index].down_point;
	bool hangs = now_ns - since_ns > GW_SUPERVISE_HUNG_NS;

	switch (w->state) {
	case GW_HANG_NONE:
		if (!hangs || !push(s, down, true, now_ns))
			return;
		w->pushed = gw_ring_head(&s->ring);
		w->since_ns = since_ns;
		w->state = GW_HANG_REPORTED;
		gw_source_set_hangs(source, true);
		gw_log(GW_LOG_ERR,
			"%s: its driver has not returned for %" PRId64
			" s, the source counts as down",
			c->sources[index].name, (now_ns - since_ns) / GW_NS_PER_SEC);
		return;
	case GW_HANG_REPORTED:
		if (hangs || gw_ring_processed(&s->ring) < w->pushed)
			return;
		gw_source_request_state(source);
		w->state = GW_HANG_STATE_REQUESTED;
		return;
	case GW_HANG_STATE_REQUESTED:
		if (!gw_source_state_sent(source))
			return;
		w->state = GW_HANG_NONE;
		gw_source_set_hangs(source, false);
		gw_log(GW_LOG_NOTICE, "%s: its driver returned after %" PRId64 " s",
			c->sources[index].name, (now_ns - w->since_ns) / GW_NS_PER_SEC);
		return;
	}
}
