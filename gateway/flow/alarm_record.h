/* SPDX-License-Identifier: Apache-2.0 */
/*
 * alarm_record.h: the state of one alarm that is not normal, as the store keeps it over a restart
 * and an engine hands it to the next one at a reload.
 *
 * Copied; key points at a text of whoever made the record. Thread: whoever holds the copy.
 */
#ifndef GW_FLOW_ALARM_RECORD_H
#define GW_FLOW_ALARM_RECORD_H

#include "flow/event.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gw_alarm_record {
	const char *key;
	uint8_t state;      /* enum gw_state, GW_STATE_SHELVED included */
	uint8_t underlying; /* enum gw_state if it were not shelved */
	uint8_t level;      /* enum gw_level of its last event */
	uint8_t occurrence[16];
	int64_t onset_ms;         /* wall time */
	int64_t since_ms;         /* wall time of the last transition */
	int64_t shelved_until_ms; /* wall time, 0: not shelved */
	double value, peak;
	uint64_t seq; /* of its last transition */
	/* From a backup, and the platform may have got newer events of the alarm since: it is
	 * raised again if it is active. */
	bool unconfirmed;
};

/* Records that could not be read before the engine's thread began (gw_engine_restore_late). */
struct gw_late_record {
	struct gw_alarm_record record; /* key is read only by gw_engine_restore_late */
	const struct gw_alarm_info
		*info; /* for gw_engine_clear_unconfigured; outlives the event */
	/* the engine's own */
	uint32_t alarm;
	bool had_occurrence; /* the engine had this occurrence before: nothing is to be done */
	bool was_active, raised_anew;
	uint64_t seq_before;
};
struct gw_late_records {
	struct gw_late_record *at; /* in any order; returned in another */
	size_t n;
	/* set when it is done: how many of them */
	size_t n_unconfigured; /* are of no configured alarm */
	size_t n_raised_anew;  /* were raised under a new occurrence before */
};

#endif
