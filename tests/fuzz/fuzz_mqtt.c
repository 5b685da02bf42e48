/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/mqtt_payload.h"

#include <jansson.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What a strict reader finds at a path of one name, if it takes the payload at all. */
static bool strict_number(const char *path, const uint8_t *at, size_t n, double *ret_value)
{
	json_t *root = NULL, *value;
	unsigned depth = 0;
	bool found;

	for (size_t i = 0; i < n; i++)
		depth += at[i] == '[' || at[i] == '{';
	if (*path == '/' && !strpbrk(path + 1, "/~") && !memchr(at, 0, n) &&
		depth < GW_MQTT_JSON_DEPTH && n < 400)
		root = json_loadb((const char *)at, n,
			JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL, NULL);
	value = json_object_get(root, path + 1);
	found = json_is_number(value);
	*ret_value = json_number_value(value);
	json_decref(root);
	return found;
}

/* The input up to the first line feed is a path, the rest a payload. A value is finite, a bool
 * 0 or 1, and a second look sees the same; where jansson finds a number it is that one. */
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
		struct gw_mqtt_lookup want = {
			.path = i & 1 ? path : NULL,
			.name = "smoke",
			.alone = (i & 2) != 0,
			.is_bool = (i & 4) != 0,
		};
		double value = -1, again = -2, strict;
		enum gw_mqtt_lookup_result said;

		if (want.path && gw_mqtt_payload_check_path(path, NULL) != GW_OK)
			continue;
		if (want.path && !want.is_bool &&
			strict_number(path, feed + 1, size - n - 1, &strict) &&
			(gw_mqtt_payload_read(&p, &want, &again) != GW_MQTT_VALUE ||
				again != strict || p.damage.what))
			abort();
		said = gw_mqtt_payload_read(&p, &want, &value);
		if (gw_mqtt_payload_read(&p, &want, &again) != said)
			abort();
		if (said != GW_MQTT_VALUE) {
			if (value != -1)
				abort();
			continue;
		}
		if (!isfinite(value) || (want.is_bool && value != 0 && value != 1))
			abort();
		if (again != value)
			abort();
	}
	return 0;
}
