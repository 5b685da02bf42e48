/* SPDX-License-Identifier: Apache-2.0 */
#include "flow/sample.h"

const char *gw_quality_name(enum gw_quality q)
{
	static const char *const names[GW_QUALITY_COUNT] = {
		[GW_QUALITY_NONE] = "silent",
		[GW_QUALITY_GOOD] = "good",
		[GW_QUALITY_UNCERTAIN] = "uncertain",
		[GW_QUALITY_RETAINED] = "uncertain",
		[GW_QUALITY_SILENT] = "silent",
		[GW_QUALITY_BAD_TIMEOUT] = "bad-timeout",
		[GW_QUALITY_BAD_LINK] = "bad-link",
		[GW_QUALITY_BAD_PROTOCOL] = "bad-protocol",
		[GW_QUALITY_BAD_REFUSED] = "bad-refused",
		[GW_QUALITY_BAD_RANGE] = "bad-range",
		[GW_QUALITY_BAD_PAYLOAD] = "bad-payload",
		[GW_QUALITY_OVER_RANGE] = "uncertain-over-range",
		[GW_QUALITY_UNDER_RANGE] = "uncertain-under-range",
		[GW_QUALITY_BAD_INVALID] = "bad-invalid",
	};

	return (unsigned)q < GW_QUALITY_COUNT ? names[q] : "unknown";
}
