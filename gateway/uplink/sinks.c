/* SPDX-License-Identifier: Apache-2.0 */
/* The table of sinks. A new one is a file sink_NAME.c, a line here and one in meson.build. */
#include "uplink/sink.h"

#include <string.h>

#define SINKS(X) \
	X(https) \
	X(file)

#define DECLARE(name) extern const struct gw_sink gw_sink_##name;
SINKS(DECLARE)

#define ROW(name) &gw_sink_##name,
const struct gw_sink *const gw_sinks[] = {SINKS(ROW) NULL};

const struct gw_sink *gw_sink_find(const char *url)
{
	for (const struct gw_sink *const *s = gw_sinks; *s; s++)
		if (strncasecmp(url, (*s)->scheme, strlen((*s)->scheme)) == 0)
			return *s;
	return NULL;
}
