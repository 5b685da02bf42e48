/* SPDX-License-Identifier: Apache-2.0 */
/*
 * resend_job.h: one `tocsin resend`: asks the selected uplinks and collects their answers.
 *
 * Owner: the server. Thread: main. Life: zeroed, begin, poll until true, write or cancel.
 */
#ifndef GW_CONTROL_RESEND_JOB_H
#define GW_CONTROL_RESEND_JOB_H

#include "base/text.h"
#include "conf/config.h"
#include "control/request_parser.h"
#include "uplink/uplink.h"

/* gw_uplink_resend and gw_uplink_take_resend_result of the uplink with that index. */
struct gw_resend_api {
	bool (*resend)(void *arg, size_t uplink, const struct gw_resend *what);
	bool (*resent)(void *arg, size_t uplink, struct gw_resend_result *ret_resent);
	void *arg;
};

struct gw_resend_job {
	struct gw_resend_api api; /* functions NULL: there are no uplinks */
	uint64_t cookie;          /* of the client that waits; 0: no job */
	size_t n;                 /* uplinks in the configuration */
	bool selected[GW_STORE_SLOTS], waiting[GW_STORE_SLOTS];
	struct gw_resend_result resent[GW_STORE_SLOTS];
};

/* GW_ERR_REFUSED: there is no such uplink, or one still works on another resend. */
enum gw_err gw_resend_job_begin(struct gw_resend_job *j, const struct gw_config *config,
	const struct gw_control_request *request, uint64_t cookie, struct gw_error *err);
/* True: all have answered. */
bool gw_resend_job_poll(struct gw_resend_job *j);
/* Writes the result and ends the job. GW_ERR_REFUSED: the store failed for an uplink. */
enum gw_err gw_resend_job_write(struct gw_resend_job *j, const struct gw_config *config,
	struct gw_text *t, struct gw_error *err);
void gw_resend_job_cancel(struct gw_resend_job *j);

#endif
