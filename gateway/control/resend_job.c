/* SPDX-License-Identifier: Apache-2.0 */
#include "control/resend_job.h"

#include "control/json_fields.h"

#include <string.h>

static bool is_selected(
	const struct gw_config *c, size_t i, const struct gw_control_request *request)
{
	return !*request->uplink || strcmp(c->uplinks[i].name, request->uplink) == 0;
}

static enum gw_err unknown_uplink(const struct gw_config *c,
	const struct gw_control_request *request, struct gw_error *err)
{
	char memory[sizeof(err->text) / 2];
	struct gw_text t;

	gw_text_init(&t, memory, sizeof(memory));
	for (size_t i = 0; i < c->n_uplinks; i++)
		gw_text_addf(&t, "%s%s", i ? ", " : "", c->uplinks[i].name);
	if (c->n_uplinks == 0)
		return gw_fail(err, GW_ERR_REFUSED, 0, "there is no uplink");
	return gw_fail(err, GW_ERR_REFUSED, 0, "no uplink \"%.60s\" (there is: %s)",
		request->uplink, memory);
}

enum gw_err gw_resend_job_begin(struct gw_resend_job *j, const struct gw_config *config,
	const struct gw_control_request *request, uint64_t cookie, struct gw_error *err)
{
	struct gw_resend what = {.from_seq = (uint64_t)request->since_seq,
		.from_ms = request->since_ms,
		.removed_uplinks = *request->uplink != '\0'};
	struct gw_resend_result old;
	bool any = false;

	if (request->since_ms > 0 && what.from_seq == 0)
		what.from_seq = 1;
	if (j->cookie != 0)
		return gw_fail(
			err, GW_ERR_REFUSED, 0, "another resend is under way: try again");
	j->n = j->api.resend ? config->n_uplinks : 0;
	for (size_t i = 0; i < j->n; i++) {
		j->waiting[i] = false;
		j->selected[i] = is_selected(config, i, request);
		if (!j->selected[i])
			continue;
		j->api.resent(j->api.arg, i, &old); /* of a client that is gone */
		j->waiting[i] = j->api.resend(j->api.arg, i, &what);
		if (!j->waiting[i])
			return gw_fail(err, GW_ERR_REFUSED, 0,
				"%s still works on another resend: try again",
				config->uplinks[i].name);
		any = true;
	}
	if (!any)
		return unknown_uplink(config, request, err);
	j->cookie = cookie;
	return GW_OK;
}

bool gw_resend_job_poll(struct gw_resend_job *j)
{
	bool done = j->cookie != 0;

	for (size_t i = 0; i < j->n; i++) {
		if (j->waiting[i] && j->api.resent(j->api.arg, i, &j->resent[i]))
			j->waiting[i] = false;
		done &= !j->waiting[i];
	}
	return done;
}

enum gw_err gw_resend_job_write(struct gw_resend_job *j, const struct gw_config *config,
	struct gw_text *t, struct gw_error *err)
{
	j->cookie = 0;
	for (size_t i = 0; i < j->n; i++)
		if (j->selected[i] && j->resent[i].failed)
			return gw_fail(err, GW_ERR_REFUSED, 0,
				"%s: the store cannot be written now: try again",
				config->uplinks[i].name);
	gw_json_open(t, NULL, '{');
	gw_json_open(t, "uplinks", '[');
	for (size_t i = 0; i < j->n; i++) {
		if (!j->selected[i])
			continue;
		gw_json_open(t, NULL, '{');
		gw_json_string(t, "name", config->uplinks[i].name);
		gw_json_fields_count(t, "parked", j->resent[i].parked);
		gw_json_fields_count(t, "resent", j->resent[i].owed);
		gw_json_close(t, '}');
	}
	gw_json_close(t, ']');
	gw_json_close(t, '}');
	return GW_OK;
}

void gw_resend_job_cancel(struct gw_resend_job *j)
{
	j->cookie = 0;
	j->n = 0;
}
