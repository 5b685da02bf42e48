/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/mqtt_payload.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The input up to the first line feed is a path, the rest a payload. A value is finite, a bool
 * 0 or 1, and a second look sees the same. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *feed = size ? memchr(data, '\n', size) : NULL;
	size_t n = feed ? (size_t)(feed - data) : 0;
	struct gw_mqtt_payload p;
	char path[256];

	if (!feed || n >= sizeof(path))
		return 0;
	memcpy(path, data, n);
	path[n] = '\0';
	gw_mqtt_payload_init(&p, feed + 1, size - n - 1);
	for (unsigned i = 0; i < 8; i++) {
		struct gw_mqtt_want want = {
			.path = i & 1 ? path : NULL,
			.name = "smoke",
			.alone = (i & 2) != 0,
			.is_bool = (i & 4) != 0,
		};
		double value = -1, again = -2;

		if (want.path && gw_mqtt_payload_check_path(path, NULL) != GW_OK)
			continue;
		if (!gw_mqtt_payload_read(&p, &want, &value)) {
			if (value != -1 || gw_mqtt_payload_read(&p, &want, &again))
				abort();
			continue;
		}
		if (!isfinite(value) || (want.is_bool && value != 0 && value != 1))
			abort();
		if (!gw_mqtt_payload_read(&p, &want, &again) || again != value)
			abort();
	}
	gw_mqtt_payload_fini(&p);
	return 0;
}
