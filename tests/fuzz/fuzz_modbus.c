/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/modbus_codec.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void decode_all(const struct gw_modbus_request *request, const uint8_t *registers)
{
	static const uint8_t widths[] = {[GW_TYPE_BOOL] = 1,
		[GW_TYPE_BIT] = 1,
		[GW_TYPE_U16] = 1,
		[GW_TYPE_S16] = 1,
		[GW_TYPE_U32] = 2,
		[GW_TYPE_S32] = 2,
		[GW_TYPE_U64] = 4,
		[GW_TYPE_S64] = 4,
		[GW_TYPE_F32] = 2,
		[GW_TYPE_F64] = 4};

	for (unsigned type = GW_TYPE_BOOL; type <= GW_TYPE_F64; type++) {
		for (unsigned at = 0; at + widths[type] <= request->count; at++) {
			struct gw_modbus_field f = {.addr = (uint16_t)(request->addr + at),
				.kind = request->kind,
				.width = widths[type],
				.type = (uint8_t)type,
				.order = at & 3,
				.bit = at & 15};
			uint64_t bits = 0;
			double v = gw_modbus_codec_raw(&f, request->addr, registers, &bits);
			bool real = type == GW_TYPE_F32 || type == GW_TYPE_F64;

			if (!isfinite(v) && !real && request->kind > GW_MODBUS_DISCRETE)
				abort();
			if (gw_modbus_codec_width(&f) < 64 &&
				bits >> gw_modbus_codec_width(&f) != 0)
				abort();
		}
	}
}

/* The first four bytes choose what was asked, the rest is the answer as it came. However it was
 * cut into pieces, the verdict is the same; what is accepted is exactly as long as it must be,
 * and every value in it is finite, unless it is a float. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gw_modbus_request request = {0};
	struct gw_modbus_response answer = {0}, part;
	enum gw_modbus_frame_status verdict;
	uint8_t *adu;

	if (size < 4 || size > 600)
		return 0;
	request.wire = data[0] & 1 ? GW_MODBUS_TCP : GW_MODBUS_RTU;
	request.kind = (uint8_t)(1 + (data[0] >> 1 & 3));
	request.unit = data[1];
	request.count = (uint16_t)(1 + data[2] % 125);
	request.addr = data[3];
	request.transaction = 0x0102;
	size -= 4;
	/* A copy of its own, so that a read past its end is seen. */
	adu = malloc(size ? size : 1);
	if (!adu)
		abort();
	memcpy(adu, data + 4, size);
	verdict = gw_modbus_codec_check(&request, adu, size, &answer);
	for (size_t n = 0; n < size; n++) {
		enum gw_modbus_frame_status before = gw_modbus_codec_check(
			&request, adu, n, &part);

		if (before == GW_MODBUS_BAD && verdict != GW_MODBUS_BAD)
			abort();
		if ((before == GW_MODBUS_DATA || before == GW_MODBUS_EXCEPTION) &&
			verdict != GW_MODBUS_BAD)
			abort();
	}
	if (verdict == GW_MODBUS_DATA) {
		if (size != gw_modbus_codec_response_size(&request))
			abort();
		decode_all(&request, answer.data);
	} else if (verdict == GW_MODBUS_EXCEPTION) {
		if (size != (request.wire == GW_MODBUS_TCP ? 9 : 5))
			abort();
	} else if (verdict == GW_MODBUS_BAD && !answer.why) {
		abort();
	}
	free(adu);
	return 0;
}
