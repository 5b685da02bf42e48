/* SPDX-License-Identifier: Apache-2.0 */
/* The table of payload formats. A new one is a file payload_NAME.c, a line here and one in
 * meson.build. */
#include "uplink/payload.h"

#define PAYLOADS(X) X(cloudevents)

#define DECLARE(name) extern const struct gw_payload gw_payload_##name;
PAYLOADS(DECLARE)

#define ROW(name) &gw_payload_##name,
const struct gw_payload *const gw_payloads[] = {PAYLOADS(ROW) NULL};

#define NAME(name) #name,
const char *const gw_payload_names[] = {PAYLOADS(NAME) NULL};
