/* SPDX-License-Identifier: Apache-2.0 */
/*
 * resend_job.h: one `tocsin resend` on its way through the uplinks: asks each that is meant, and
 * collects what they answer.
 *
 * Owner: the control. Thread: main. Life: zeroed, begin, look until true, put.
 */
#ifndef GW_CONTROL_RESEND_JOB_H
#define GW_CONTROL_RESEND_JOB_H

#include "base/text.h"
#include "conf/config.h"
#include "control/request.h"
#include "uplink/uplink.h"

/* The way to uplink i, as gw_uplink_resend and gw_uplink_resent. */
struct gw_resend_api {
	bool (*resend)(void *arg, size_t uplink, const struct gw_resend *what);
	bool (*resent)(void *arg, size_t uplink, struct gw_resend_result *ret_resent);
	void *arg;
};

struct gw_resend_job {
	struct gw_resend_api api; /* functions NULL: there are no uplinks */
	uint64_t cookie;          /* of the caller who waits; 0: nobody does */
	size_t n;                 /* of the configuration's uplinks */
	bool selected[GW_STORE_SLOTS], waiting[GW_STORE_SLOTS];
	struct gw_resend_result resent[GW_STORE_SLOTS];
};

/* Refuses an uplink that is not there, and one that still answers an earlier one. */
enum gw_err gw_resend_job_begin(struct gw_resend_job *r, const struct gw_config *config,
	const struct gw_request *request, uint64_t cookie, struct gw_error *err);
/* True once all have answered: cookie is then to be told, and becomes 0 with put or forget. */
bool gw_resend_job_poll(struct gw_resend_job *r);
/* The result, an object; an uplink whose store failed is an error instead. */
enum gw_err gw_resend_job_write(struct gw_resend_job *r, const struct gw_config *config,
	struct gw_text *t, struct gw_error *err);
void gw_resend_job_cancel(struct gw_resend_job *r);

#endif
