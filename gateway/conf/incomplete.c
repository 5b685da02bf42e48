/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/incomplete.h"

#include "base/match.h"

#include <string.h>

void gw_incomplete_owner(struct gw_load *l)
{
	l->incomplete.owners = l->incomplete.any = true;
}

void gw_incomplete_device(struct gw_load *l, const char *source)
{
	gw_strmap_add(&l->incomplete.sources, source, 0);
	l->incomplete.any = true;
}

void gw_incomplete_points(struct gw_load *l, struct gw_load_device *d)
{
	d->points_incomplete = true;
	l->incomplete.any = true;
}

void gw_incomplete_alarm(struct gw_load *l)
{
	l->incomplete.alarms = l->incomplete.any = true;
}

/* A known source or uplink of this name. */
static bool owner_known(const struct gw_load *l, const char *pattern)
{
	const struct gw_config *c = l->config;

	for (size_t i = 0; i < c->n_sources; i++)
		if (gw_match(pattern, c->sources[i].name))
			return true;
	for (size_t i = 0; i < c->n_uplinks; i++)
		if (gw_match(pattern, c->uplinks[i].name))
			return true;
	return false;
}

bool gw_incomplete_may_match(const struct gw_load *l, const char *pattern)
{
	char memory[256], *device, *point = NULL;
	bool device_known = false;

	if (!l->incomplete.any)
		return false;
	strncpy(memory, pattern, sizeof(memory) - 1);
	memory[sizeof(memory) - 1] = '\0';
	memory[strcspn(memory, ":")] = '\0';
	device = strchr(memory, '/');
	if (device)
		*device++ = '\0';
	point = device ? strchr(device, '/') : NULL;
	if (point)
		*point++ = '\0';
	if (l->incomplete.owners && !owner_known(l, memory))
		return true;
	for (size_t i = 0; device && i < l->n_devices; i++) {
		if (!gw_match(memory, l->devices[i].source->name) ||
			!gw_match(device, l->devices[i].device->name))
			continue;
		device_known = true;
		if (l->devices[i].points_incomplete)
			return true;
	}
	for (size_t i = 0; device && !device_known && i < l->config->n_sources; i++)
		if (gw_match(memory, l->config->sources[i].name) &&
			gw_strmap_find(&l->incomplete.sources, l->config->sources[i].name))
			return true;
	return false;
}
