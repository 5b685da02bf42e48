/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/doubt.h"

#include "base/match.h"

#include <string.h>

void gw_doubt_owner(struct gw_load *l)
{
	l->doubt.owners = l->doubt.any = true;
}

void gw_doubt_device(struct gw_load *l, const char *source)
{
	gw_index_add(&l->doubt.sources, source, 0);
	l->doubt.any = true;
}

void gw_doubt_points(struct gw_load *l, struct gw_load_device *d)
{
	d->doubtful = true;
	l->doubt.any = true;
}

void gw_doubt_alarm(struct gw_load *l)
{
	l->doubt.alarms = l->doubt.any = true;
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

bool gw_doubt_pattern(const struct gw_load *l, const char *pattern)
{
	char memory[256], *device, *point = NULL;
	bool device_known = false;

	if (!l->doubt.any)
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
	if (l->doubt.owners && !owner_known(l, memory))
		return true;
	for (size_t i = 0; device && i < l->n_devices; i++) {
		if (!gw_match(memory, l->devices[i].source->name) ||
			!gw_match(device, l->devices[i].device->name))
			continue;
		device_known = true;
		if (l->devices[i].doubtful)
			return true;
	}
	for (size_t i = 0; device && !device_known && i < l->config->n_sources; i++)
		if (gw_match(memory, l->config->sources[i].name) &&
			gw_index_find(&l->doubt.sources, l->config->sources[i].name))
			return true;
	return false;
}
