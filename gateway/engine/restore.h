/* SPDX-License-Identifier: Apache-2.0 */
/*
 * restore.h: the record of an alarm, from the store or an older engine, enters the engine.
 */
#ifndef GW_ENGINE_RESTORE_H
#define GW_ENGINE_RESTORE_H

#include "engine/engine_internal.h"

/* For an alarm without an announced occurrence. What its condition found since since_ns, the
 * start, is kept. */
void gw_restore_alarm(struct gw_engine *e, struct gw_alarm *a,
	const struct gw_alarm_record *record, int64_t since_ns, const struct gw_time *now);
/* Returns whether it is shelved by this; a newer shelf stays. */
bool gw_restore_shelf(struct gw_alarm_detail *detail, const struct gw_alarm_record *record,
	const struct gw_time *now);
/* Emits "cleared, normal" for the occurrence in the record. */
void gw_restore_clear_occurrence(struct gw_engine *e, const struct gw_alarm_record *record,
	const struct gw_alarm_info *info, const char *note, const struct gw_time *now);

#endif
