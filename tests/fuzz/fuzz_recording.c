/* SPDX-License-Identifier: Apache-2.0 */
#include "replay/decode.h"

#include <math.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The payload of a block after a byte that names its kind: its CRC would keep a fuzzer out. What
 * comes out has a name and a finite value, and its time does not fall. */
static void one(
	struct gw_decode *u, struct gw_point_names *names, const uint8_t *data, size_t n)
{
	static const uint32_t kinds[] = {
		GW_RECORDING_POINTS, GW_RECORDING_SAMPLES, GW_RECORDING_GAP};
	struct gw_recording_block block = {
		.kind = kinds[data[0] % 3], .at = data + 1, .n = n - 1};
	struct gw_recording_scan scan = {.block = block};
	int64_t last_ns = INT64_MIN;
	struct gw_reading r;
	enum gw_err rc;
	uint64_t lost;

	if (block.kind == GW_RECORDING_POINTS) {
		gw_decode_points(u, &block, NULL);
	} else if (block.kind == GW_RECORDING_GAP) {
		gw_recording_read_lost(&scan, &lost);
	} else if (gw_decode_load(u, &block, NULL) == GW_OK) {
		for (int i = 0; i < 10000 && gw_decode_next(u, names, &r, &rc); i++) {
			if (r.name >= names->n || !isfinite(r.value) || r.time_ns < last_ns)
				abort();
			last_ns = r.time_ns;
		}
	}
}

/* Payloads, each behind two bytes of length. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gw_decode u = {0};
	struct gw_point_names names = {0};
	struct gw_recording_block block;
	size_t n;

	gw_recording_read_block(data, size, &block, &n, NULL);
	while (size > 2) {
		n = (size_t)data[0] | (size_t)data[1] << 8;
		data += 2;
		size -= 2;
		n = n < size ? n : size;
		if (n > 0)
			one(&u, &names, data, n);
		data += n;
		size -= n;
	}
	gw_decode_fini(&u);
	gw_point_names_fini(&names);
	return 0;
}
