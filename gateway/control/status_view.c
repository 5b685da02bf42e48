/* SPDX-License-Identifier: Apache-2.0 */
#include "control/status_view.h"

uint32_t gw_status_view_standing(const struct gw_status_view *v)
{
	struct gw_alarm_view a;
	uint32_t n = 0;

	for (size_t i = 0; i < v->config->n_alarms; i++) {
		gw_view_alarm(v->engine_view, i, &a);
		n += a.state != GW_STATE_NORMAL;
	}
	return n;
}

uint64_t gw_status_view_lost(const struct gw_status_view *v, const struct gw_ring *events)
{
	return v->engine ? gw_engine_lost_events(v->engine, events) : 0;
}
