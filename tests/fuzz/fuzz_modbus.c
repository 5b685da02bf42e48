/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/modbus_codec.h"
#include "drivers/modbus_value.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void decode_all(const struct gw_modbus_request *request, const uint8_t *registers)
{
	for (unsigned type = GW_TYPE_BOOL; type <= GW_TYPE_WHOLE_TENTHS; type++) {
		unsigned width = gw_modbus_map_registers(type, request->wide);

		for (unsigned at = 0; at + width <= request->count; at++) {
			struct gw_modbus_field f = {.addr = (uint16_t)(request->addr + at),
				.kind = request->kind,
				.width = (uint8_t)width,
				.type = (uint8_t)type,
				.order = gw_modbus_map_type_bits(type) == 64 ? at & 7
									     : at & 3,
				.bit = at & 15,
				.high_byte = type == GW_TYPE_U8 && (at & 1),
				.wide = request->wide};
			uint64_t bits = 0;
			double v = gw_modbus_value_decode(
				&f, request->addr, registers, &bits);
			bool whole = type <= GW_TYPE_S64;

			if (!isfinite(v) && whole && request->kind > GW_MODBUS_DISCRETE)
				abort();
			if (fabs(v) > 0x1p64 && whole)
				abort();
			if (gw_modbus_value_bits(&f) < 64 &&
				bits >> gw_modbus_value_bits(&f) != 0)
				abort();
		}
	}
}

/* What is found in the noise is a whole answer by itself, inside it. */
static void find(const struct gw_modbus_request *request, const uint8_t *adu, size_t size,
	enum gw_modbus_frame_status whole)
{
	size_t before = request->wire == GW_MODBUS_TCP ? 9 : 3;
	struct gw_modbus_response found = {0}, again;
	enum gw_modbus_frame_status got = gw_modbus_codec_find(request, adu, size, &found);
	size_t length = gw_modbus_codec_response_size(request);

	if ((whole == GW_MODBUS_DATA || whole == GW_MODBUS_EXCEPTION) && got != whole)
		abort();
	if (got == GW_MODBUS_BAD && !found.why)
		abort();
	if (got != GW_MODBUS_DATA)
		return;
	if (found.data < adu + before || found.data - before + length > adu + size ||
		gw_modbus_codec_check(request, found.data - before, length, &again) !=
			GW_MODBUS_DATA)
		abort();
}

/* The first four bytes choose what was asked, the rest is the answer as it came. However it was
 * cut into pieces, the verdict is the same; what is accepted is exactly as long as it must be,
 * and every whole number in it is finite. */
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
	request.wide = data[0] & 8 && request.kind > GW_MODBUS_DISCRETE;
	request.count = (uint16_t)(1 + data[2] % (request.wide ? 62 : 125));
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
	find(&request, adu, size, verdict);
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
