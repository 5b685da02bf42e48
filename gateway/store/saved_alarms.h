/* SPDX-License-Identifier: Apache-2.0 */
/*
 * saved_alarms.h: records of alarms that a database held, on their way from the store's thread to
 * main, which restores them in the engine. One list per database that was read.
 *
 * Owner: the store's thread until posted, then main. Thread: new, add and post by the store; load
 * by main. Life: new, add..., post or free.
 */
#ifndef GW_STORE_SAVED_ALARMS_H
#define GW_STORE_SAVED_ALARMS_H

#include "base/arena.h"
#include "flow/alarm_record.h"
#include "flow/event.h"

#include <stdbool.h>
#include <stddef.h>

struct gw_store;

struct gw_saved_alarm {
	struct gw_alarm_record record;
	const struct gw_alarm_info *info;
};

struct gw_saved_alarms {
	struct gw_saved_alarms *next; /* posted earlier */
	struct gw_saved_alarm *alarms;
	size_t n, capacity;
	bool incomplete;       /* there was no memory for some */
	struct gw_arena arena; /* the texts that info points at */
};

struct gw_saved_alarms *gw_saved_alarms_new(void); /* NULL: no memory */
/* saved: struct gw_saved_alarms. info lies in its arena. Without memory the list is incomplete. */
void gw_saved_alarms_add(void *saved, const struct gw_alarm_record *record,
	const struct gw_alarm_info *info);
/* Hands the list to main, or frees it if it is empty, and wakes main. */
void gw_saved_alarms_post(struct gw_store *s, struct gw_saved_alarms *saved);
/* Main: gw_store_load_alarms of store.h. */
void gw_saved_alarms_load(struct gw_store *s, bool (*reserve)(void *arg, size_t n),
	void (*each)(void *arg, const struct gw_alarm_record *record,
		const struct gw_alarm_info *info),
	void *arg);
/* The list and every one behind it; NULL is fine. */
void gw_saved_alarms_free(struct gw_saved_alarms *saved);

#endif
