/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/pending_alarms.h"

struct gw_pending_alarm *gw_pending_alarm_find(struct gw_load *l, const char *key)
{
	const struct gw_strmap_entry *e = gw_strmap_find(&l->pending_keys, key);

	return e ? l->pending[e->value] : NULL;
}

struct gw_pending_alarm *gw_pending_alarm_add(struct gw_load *l, const char *key)
{
	struct gw_pending_alarm *p, **all;

	if (l->n_pending >= GW_ALARMS_MAX)
		return NULL;
	p = gw_arena_alloc(&l->reader.scratch, 1, sizeof(*p));
	all = gw_arena_grow(&l->reader.scratch, l->pending, l->n_pending, &l->cap_pending,
		sizeof(struct gw_pending_alarm *));
	if (!p || !all || !gw_strmap_add(&l->pending_keys, key, (uint32_t)l->n_pending))
		return NULL;
	p->opts.info.key = key;
	p->device = GW_NO_DEVICE;
	/* by itself, unless it turns out to stand for a device, source or uplink */
	p->voter = (uint32_t)(l->n_devices + l->config->n_sources + l->config->n_uplinks +
		1 + l->n_pending);
	l->pending = all;
	l->pending[l->n_pending++] = p;
	return p;
}
