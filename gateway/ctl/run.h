/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run.h: the commands of control/commands.def that do more than to print one result.
 *
 * Thread: the only one.
 */
#ifndef GW_CTL_RUN_H
#define GW_CTL_RUN_H

#include "ctl/invocation.h"

/* Each returns an enum gw_exit, after it has printed what went wrong. */
int gw_run_tail(const struct gw_invocation *inv);
int gw_run_verify(const struct gw_invocation *inv);
int gw_run_record(const struct gw_invocation *inv);
int gw_run_check(const struct gw_invocation *inv);
int gw_run_replay(const struct gw_invocation *inv);
int gw_run_support(const struct gw_invocation *inv);
int gw_run_backup(const struct gw_invocation *inv);
int gw_run_restore(const struct gw_invocation *inv);

#endif
