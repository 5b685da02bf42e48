/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a site file: it is refused with places or it is a whole config. */
#include "conf/config.h"
#include "conf/load.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void hear(void *arg, const char *line)
{
	unsigned *lines = arg;

	if (strncmp(line, "no/", 3) != 0 || strchr(line, '\n'))
		abort(); /* a line without its place, or two of them */
	(*lines)++;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	unsigned lines = 0;
	struct gw_complaints complaints = {.say = hear, .arg = &lines};
	struct gw_config *c = NULL;
	enum gw_err result;

	/* a folder that is not there: no profile is ever read from this machine */
	setenv("TOCSIN_PROFILES", "no", 1);
	result = gw_load_bytes("no/t.yaml", (const char *)bytes, n, &c, &complaints);
	if (lines != complaints.count || (result == GW_OK) != (lines == 0) ||
		(result == GW_OK) != (c != NULL))
		abort();
	for (size_t i = 0; c && i < c->n_alarms; i++) {
		const struct gw_condition_opts *when = c->alarms[i].when;

		for (size_t k = 0; k < when->n_members; k++)
			if (when->members[k].is_alarm
					? when->members[k].index >= i
					: when->members[k].index >= c->n_points)
				abort();
		if (!*c->alarms[i].info.condition || !*c->alarms[i].info.key)
			abort();
	}
	gw_config_free(c);
	return 0;
}
