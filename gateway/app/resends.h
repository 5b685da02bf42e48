/* SPDX-License-Identifier: Apache-2.0 */
/*
 * resends.h: one `tocsin resend` on its way through the uplinks: asks each that is meant, and
 * collects what they answer.
 *
 * Owner: the control. Thread: main. Life: zeroed, begin, look until true, put.
 */
#ifndef GW_APP_RESENDS_H
#define GW_APP_RESENDS_H

#include "app/request.h"
#include "base/text.h"
#include "conf/config.h"
#include "uplink/uplink.h"

/* The way to uplink i, as gw_uplink_resend and gw_uplink_resent. */
struct gw_resends_way {
	bool (*resend)(void *arg, size_t uplink, const struct gw_resend *what);
	bool (*resent)(void *arg, size_t uplink, struct gw_resent *ret_resent);
	void *arg;
};

struct gw_resends {
	struct gw_resends_way way; /* functions NULL: there are no uplinks */
	uint64_t cookie;           /* of the caller who waits; 0: nobody does */
	size_t n;                  /* of the configuration's uplinks */
	bool meant[GW_STORE_SINKS], waiting[GW_STORE_SINKS];
	struct gw_resent resent[GW_STORE_SINKS];
};

/* Refuses an uplink that is not there, and one that still answers an earlier one. */
enum gw_err gw_resends_begin(struct gw_resends *r, const struct gw_config *config,
	const struct gw_request *request, uint64_t cookie, struct gw_error *err);
/* True once all have answered: cookie is then to be told, and becomes 0 with put or forget. */
bool gw_resends_look(struct gw_resends *r);
/* The result, an object; an uplink whose store failed is an error instead. */
enum gw_err gw_resends_put(struct gw_resends *r, const struct gw_config *config,
	struct gw_text *t, struct gw_error *err);
void gw_resends_forget(struct gw_resends *r);

#endif
