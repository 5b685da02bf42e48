/* SPDX-License-Identifier: Apache-2.0 */
/*
 * handlers.h: the daemon's part of each command of commands.def: what is done with a
 * request, and the reply. A handler replies at once, or sets a phase in which the client
 * waits for one of the functions at the end.
 *
 * Thread: main.
 */
#ifndef GW_CONTROL_HANDLERS_H
#define GW_CONTROL_HANDLERS_H

#include "engine/engine.h"
#include "store/store.h"

struct gw_client;

void gw_handle_status(struct gw_client *c);
void gw_handle_points(struct gw_client *c);
void gw_handle_alarms(struct gw_client *c);
void gw_handle_tail(struct gw_client *c);
void gw_handle_ack(struct gw_client *c);
void gw_handle_reset(struct gw_client *c);
void gw_handle_shelve(struct gw_client *c);
void gw_handle_unshelve(struct gw_client *c);
void gw_handle_record(struct gw_client *c);
void gw_handle_resend(struct gw_client *c);
void gw_handle_reload(struct gw_client *c);
void gw_handle_verify(struct gw_client *c);
void gw_handle_backup(struct gw_client *c);

/* ---- what a client may wait for; ignored if it does not wait for it ---- */

/* GW_CLIENT_WAITING: a reply of the engine, to whichever client. */
void gw_handle_engine_reply(struct gw_client *c, const struct gw_alarm_reply *reply);
/* GW_CLIENT_RESENDING: all uplinks have answered. */
void gw_handle_resend_done(struct gw_client *c);
/* GW_CLIENT_VERIFYING: what the store found. */
void gw_handle_verify_done(
	struct gw_client *c, const struct gw_store_verify_result *verified);
/* GW_CLIENT_BACKING_UP: pages copied and to be copied; the copy, whose descriptor the client takes:
 * true. */
void gw_handle_backup_progress(struct gw_client *c, int done, int pages);
bool gw_handle_backup_done(struct gw_client *c, const struct gw_store_backup_result *copy);
/* GW_CLIENT_RELOADING: why the configuration was refused; NULL: it runs. */
void gw_handle_reload_done(struct gw_client *c, const char *why);
/* The engine was replaced: its reply will not come. */
void gw_handle_config_changed(struct gw_client *c);

#endif
