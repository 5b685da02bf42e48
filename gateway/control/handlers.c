/* SPDX-License-Identifier: Apache-2.0 */
#include "control/handlers.h"

#include "base/clock.h"
#include "base/log.h"
#include "control/client.h"

#include <string.h>
#include <unistd.h>

static void log_command(const struct gw_client *c, const char *what)
{
	gw_log(GW_LOG_NOTICE, "%s %s, asked by uid %u%s%s", c->request.command->log_name,
		what, (unsigned)c->uid, *c->request.note ? ": " : "", c->request.note);
}

/* ---- documents ---- */

static void begin_document(struct gw_client *c, enum gw_status_kind kind)
{
	struct gw_error err;

	if (gw_status_begin(&c->cursor, c->shared->view, kind, c->request.pattern,
		    c->request.all, &err)) {
		gw_client_refuse(c, err.text);
		return;
	}
	gw_client_begin_document(c);
}

void gw_handle_status(struct gw_client *c)
{
	begin_document(c, GW_STATUS_GATEWAY);
}

void gw_handle_points(struct gw_client *c)
{
	begin_document(c, GW_STATUS_POINTS);
}

void gw_handle_alarms(struct gw_client *c)
{
	begin_document(c, GW_STATUS_ALARMS);
}

/* ---- commands to the engine ---- */

static void send_engine_command(struct gw_client *c, enum gw_alarm_command_kind kind)
{
	struct gw_client_shared *shared = c->shared;
	const struct gw_config *config = shared->view->config;
	struct gw_alarm_command command = {.kind = kind, .duration_ns = c->request.for_ns};
	struct gw_lookup_candidates candidates = {0};
	struct gw_error err;

	if (gw_lookup_alarm(config->alarms, config->n_alarms, c->request.alarm, &c->alarm,
		    &candidates, &err)) {
		gw_client_reply_error(c, err.text, &candidates);
		gw_client_set_phase(c, GW_CLIENT_READING);
		return;
	}
	command.alarm = c->alarm;
	command.cookie = c->cookie = ++shared->cookie;
	memcpy(command.note, c->request.note, sizeof(command.note));
	if (!shared->command(shared->arg, &command)) {
		gw_client_refuse(c, "the engine is busy: try again");
		return;
	}
	gw_client_set_phase(c, GW_CLIENT_WAITING);
}

void gw_handle_ack(struct gw_client *c)
{
	send_engine_command(c, GW_COMMAND_ACK);
}

void gw_handle_reset(struct gw_client *c)
{
	send_engine_command(c, GW_COMMAND_RESET);
}

void gw_handle_shelve(struct gw_client *c)
{
	send_engine_command(c, GW_COMMAND_SHELVE);
}

void gw_handle_unshelve(struct gw_client *c)
{
	send_engine_command(c, GW_COMMAND_UNSHELVE);
}

void gw_handle_engine_reply(struct gw_client *c, const struct gw_alarm_reply *reply)
{
	const char *key;

	if (c->phase != GW_CLIENT_WAITING || c->cookie != reply->cookie)
		return;
	key = c->shared->view->config->alarms[c->alarm].info.key;
	if (reply->done) {
		log_command(c, key);
		c->dead |= !gw_reply_state(&c->out, key, reply->state);
	} else {
		gw_client_reply_error(c, reply->why, NULL);
	}
	gw_client_set_phase(c, GW_CLIENT_READING);
	gw_client_run(c);
}

/* ---- subscriptions ---- */

void gw_handle_tail(struct gw_client *c)
{
	const struct gw_control_request *r = &c->request;
	struct gw_error err;

	if (gw_tail_begin(
		    &c->tail, &c->shared->recent, r->last, r->since_ms, r->json, &err)) {
		gw_client_refuse(c, err.text);
		return;
	}
	gw_client_reply_line(c, GW_PROTOCOL_OK "{\"following\":true}}");
	c->history_began_ns = gw_clock_boot_ns();
	gw_client_set_phase(c, r->last ? GW_CLIENT_LOADING_HISTORY : GW_CLIENT_TAILING);
}

static void on_recorded(void *arg)
{
	struct gw_client *c = arg;
	struct gw_client_shared *shared = c->shared;

	gw_client_run(c);
	shared->service(shared);
}

void gw_handle_record(struct gw_client *c)
{
	struct gw_recorder *r = c->shared->recorder;
	struct gw_error err;

	if (!r) {
		gw_client_refuse(c, "this gateway cannot record");
		return;
	}
	if (gw_recorder_begin(r,
		    c->request.max_bytes ? (uint64_t)c->request.max_bytes
					 : GW_PROTOCOL_RECORD_BYTES,
		    on_recorded, c, &err)) {
		gw_client_refuse(c, err.text);
		return;
	}
	gw_client_reply_line(c, GW_PROTOCOL_OK "{\"recording\":true}}");
	gw_client_set_phase(c, GW_CLIENT_RECORDING);
}

/* ---- resend, verify, reload ---- */

void gw_handle_resend(struct gw_client *c)
{
	struct gw_client_shared *shared = c->shared;
	struct gw_error err;

	c->cookie = ++shared->cookie;
	if (gw_resend_job_begin(
		    &shared->resends, shared->view->config, &c->request, c->cookie, &err)) {
		gw_client_refuse(c, err.text);
		return;
	}
	log_command(c, *c->request.uplink ? c->request.uplink : "to all uplinks");
	gw_client_set_phase(c, GW_CLIENT_RESENDING);
}

void gw_handle_resend_done(struct gw_client *c)
{
	struct gw_resend_job *j = &c->shared->resends;
	struct gw_error err;
	struct gw_text t;

	if (c->phase != GW_CLIENT_RESENDING || c->cookie != j->cookie)
		return;
	gw_client_begin_result(c, &t);
	if (gw_resend_job_write(j, c->shared->view->config, &t, &err))
		gw_client_refuse(c, err.text);
	else
		gw_client_end_result(c, &t);
	gw_client_run(c);
}

void gw_handle_verify(struct gw_client *c)
{
	struct gw_store *store = c->shared->view->store;

	if (!store || !gw_store_request_verify(store)) {
		gw_client_refuse(c, "another verify is under way: try again");
		return;
	}
	gw_client_set_phase(c, GW_CLIENT_VERIFYING);
}

void gw_handle_verify_done(
	struct gw_client *c, const struct gw_store_verify_result *verified)
{
	struct gw_text t;

	if (c->phase != GW_CLIENT_VERIFYING)
		return;
	if (verified->failed) {
		gw_client_refuse(c, verified->why);
	} else {
		gw_client_begin_result(c, &t);
		gw_json_open(&t, NULL, '{');
		gw_json_int(&t, "events", (int64_t)verified->rows);
		gw_json_int(&t, "unchained", (int64_t)verified->unchained);
		if (verified->broken)
			gw_json_int(&t, "broken", (int64_t)verified->broken);
		else
			gw_json_null(&t, "broken");
		gw_json_string(&t, "why", verified->why);
		gw_json_open(&t, "head", '{');
		gw_json_int(&t, "seq", (int64_t)verified->head_seq);
		gw_json_string(&t, "sha256", verified->head_seq ? verified->head : NULL);
		gw_json_close(&t, '}');
		gw_json_close(&t, '}');
		gw_client_end_result(c, &t);
	}
	gw_client_run(c);
}

/* The copy has the whole journal, which an operator may see in part, and costs the disk as much as
 * the database. */
void gw_handle_backup(struct gw_client *c)
{
	struct gw_store *store = c->shared->view->store;

	if (c->uid != 0 && c->uid != geteuid()) {
		gw_client_refuse(c, "only root may make a backup");
		return;
	}
	if (!store || !gw_store_request_backup(store)) {
		gw_client_refuse(c, "another backup is under way: try again");
		return;
	}
	log_command(c, "asked for");
	gw_client_set_phase(c, GW_CLIENT_BACKING_UP);
}

void gw_handle_backup_progress(struct gw_client *c, int done, int pages)
{
	struct gw_text t;

	/* a client that reads slowly gets the next one */
	if (c->phase != GW_CLIENT_BACKING_UP || c->out.used > 0)
		return;
	gw_reply_begin(&c->out, &t);
	gw_json_open(&t, NULL, '{');
	gw_json_open(&t, "progress", '{');
	gw_json_int(&t, "done", done);
	gw_json_int(&t, "pages", pages);
	gw_json_close(&t, '}');
	gw_json_close(&t, '}');
	gw_text_add(&t, "\n");
	c->out.used += t.used;
	gw_client_run(c);
}

bool gw_handle_backup_done(struct gw_client *c, const struct gw_store_backup_result *copy)
{
	struct gw_text t;

	if (c->phase != GW_CLIENT_BACKING_UP)
		return false;
	if (copy->failed) {
		gw_client_refuse(c, copy->why);
	} else {
		gw_client_begin_result(c, &t);
		gw_json_open(&t, NULL, '{');
		gw_json_int(&t, "bytes", copy->bytes);
		gw_json_close(&t, '}');
		gw_client_end_result(c, &t);
		c->out.attached_fd = copy->fd;
	}
	gw_client_run(c);
	return true;
}

void gw_handle_reload(struct gw_client *c)
{
	if (!c->shared->reload || c->shared->reloading) {
		gw_client_refuse(c, "another reload is under way: try again");
		return;
	}
	log_command(c, c->request.force ? "forced" : "asked for");
	gw_client_set_phase(c, GW_CLIENT_RELOADING);
	c->shared->reload(c->shared, c->request.force);
}

void gw_handle_reload_done(struct gw_client *c, const char *why)
{
	const struct gw_config *config = c->shared->view->config;
	struct gw_text t;

	if (c->phase != GW_CLIENT_RELOADING)
		return;
	if (why) {
		gw_client_refuse(c, why);
	} else {
		gw_client_begin_result(c, &t);
		gw_json_open(&t, NULL, '{');
		gw_json_int(&t, "sources", (int64_t)config->n_sources);
		gw_json_int(&t, "alarms", (int64_t)config->n_alarms);
		gw_json_int(&t, "uplinks", (int64_t)config->n_uplinks);
		gw_json_close(&t, '}');
		gw_client_end_result(c, &t);
	}
	gw_client_run(c);
}

void gw_handle_config_changed(struct gw_client *c)
{
	if (c->phase != GW_CLIENT_WAITING && c->phase != GW_CLIENT_RESENDING)
		return;
	gw_client_refuse(c, "the configuration was exchanged meanwhile: look again");
	gw_client_run(c);
}
