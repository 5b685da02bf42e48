/* SPDX-License-Identifier: Apache-2.0 */
#include "replay/csv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A file of CSV. What is read has a name, a finite value and a time that does not fall; what is
 * not has a place inside its line. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *at = (const char *)data, *end = at + size;
	struct gw_point_names names = {0};
	struct gw_csv csv = {0};
	int64_t last_ns = INT64_MIN;

	while (at < end) {
		const char *feed = memchr(at, '\n', (size_t)(end - at));
		size_t n = (size_t)((feed ? feed : end) - at);
		struct gw_reading r = {.value = (double)NAN};
		struct gw_error err;
		bool any;

		if (gw_csv_line(&csv, &names, at, n, &r, &any, &err)) {
			if (csv.column < 1 || csv.column > n + 1 || !*err.text)
				abort();
			break;
		}
		if (any &&
			(r.name >= names.n || !isfinite(r.value) || r.time_ns < last_ns ||
				r.quality == GW_QUALITY_NONE))
			abort();
		if (any)
			last_ns = r.time_ns;
		at += n + (feed != NULL);
	}
	gw_point_names_fini(&names);
	return 0;
}
