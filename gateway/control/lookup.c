/* SPDX-License-Identifier: Apache-2.0 */
#include "control/lookup.h"

#include "base/parse.h"

#include <string.h>

/* Similar keys are searched among the first so many alarms only: main must not be
 * blocked. */
#define NEAREST_MAX      1000
#define NEAREST_DISTANCE 3

static void nearest(const struct gw_alarm_opts *alarms, size_t n, const char *text,
	struct gw_lookup_candidates *ret_candidates)
{
	unsigned best = NEAREST_DISTANCE + 1;

	for (size_t i = 0; i < n && i < NEAREST_MAX; i++) {
		unsigned key = gw_parse_distance(text, alarms[i].info.key);
		unsigned name = gw_parse_distance(text, alarms[i].info.name);
		unsigned d = key < name ? key : name;

		if (d >= best)
			continue;
		best = d;
		ret_candidates->n = 1;
		ret_candidates->keys[0] = alarms[i].info.key;
	}
}

enum gw_err gw_lookup_alarm(const struct gw_alarm_opts *alarms, size_t n, const char *text,
	uint32_t *ret_alarm, struct gw_lookup_candidates *ret_candidates,
	struct gw_error *err)
{
	struct gw_lookup_candidates found = {0};
	uint32_t last = 0;

	for (size_t i = 0; i < n; i++) {
		if (!strcmp(alarms[i].info.key, text)) {
			*ret_alarm = (uint32_t)i;
			return GW_OK;
		}
		if (strcmp(alarms[i].info.name, text) != 0)
			continue;
		last = (uint32_t)i;
		if (found.n < GW_LOOKUP_MAX)
			found.keys[found.n] = alarms[i].info.key;
		found.n++;
	}
	if (found.n == 1) {
		*ret_alarm = last;
		return GW_OK;
	}
	if (found.n > 1) {
		*ret_candidates = found;
		return gw_fail(err, GW_ERR_REFUSED, 0,
			"%zu alarms are named \"%.80s\": say which one by its key", found.n,
			text);
	}
	nearest(alarms, n, text, &found);
	*ret_candidates = found;
	return gw_fail(err, GW_ERR_REFUSED, 0, "no alarm \"%.80s\"%s", text,
		found.n ? "; did you mean" : "");
}
