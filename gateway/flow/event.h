/* SPDX-License-Identifier: Apache-2.0 */
/*
 * event.h: one transition of one alarm. What leaves the gateway is a pure function of this
 * struct, so a repeat is byte-identical.
 *
 * Owner: copied through rings; info and confirmed_by point at immutable texts (see info.h).
 * Thread: whoever holds the copy.
 */
#ifndef GW_FLOW_EVENT_H
#define GW_FLOW_EVENT_H

#include "base/text.h"
#include "flow/info.h"
#include "flow/sample.h"

#include <stdbool.h>
#include <stdint.h>

enum gw_change {
	GW_CHANGE_RAISED = 0,
	GW_CHANGE_CLEARED,
	GW_CHANGE_ACKED,
	GW_CHANGE_RESET,
	GW_CHANGE_SHELVED,
	GW_CHANGE_UNSHELVED,
	GW_CHANGE_LEVEL,
	GW_CHANGE_AMENDED,
};

/* ISA-18.2 / IEC 62682, letters of the standard's state diagram. */
enum gw_state {
	GW_STATE_NORMAL = 0,       /* A */
	GW_STATE_ACTIVE_UNACKED,   /* B */
	GW_STATE_ACTIVE_ACKED,     /* C */
	GW_STATE_RETURNED_UNACKED, /* D */
	GW_STATE_LATCHED_UNACKED,  /* E */
	GW_STATE_LATCHED_ACKED,    /* F */
	GW_STATE_SHELVED,          /* G */
	GW_STATE_SUPPRESSED,       /* H, by design */
	GW_STATE_OUT_OF_SERVICE,   /* I */
};

const char *gw_change_name(enum gw_change c);
const char *gw_state_name(enum gw_state s); /* "active-unacked" ... */
extern const char *const gw_change_names[]; /* NULL-terminated, index is the enum's value */
extern const char *const gw_state_names[];

static inline bool gw_state_unacked(unsigned state)
{
	return state == GW_STATE_ACTIVE_UNACKED || state == GW_STATE_RETURNED_UNACKED ||
		state == GW_STATE_LATCHED_UNACKED;
}

/* Suppression in the wide sense of ISA-18.2: shelved, suppressed by design, out of service. */
static inline bool gw_state_any_suppression(unsigned state)
{
	return state == GW_STATE_SHELVED || state == GW_STATE_SUPPRESSED ||
		state == GW_STATE_OUT_OF_SERVICE;
}

#define GW_EVENT_CONFIRMED_BY_MAX 4
#define GW_NOTE_MAX               128
#define GW_BOOT_ID                37

struct gw_event {
	/* From 1, without gaps within a run. A start continues where the last one ended; one
	 * that cannot read where begins far above. */
	uint64_t seq;
	uint64_t run;                 /* number of the start of the daemon; rises, < 2^53 */
	uint8_t change, state, level; /* enum gw_change, gw_state, gw_level */
	uint8_t underlying;           /* enum gw_state if it were not shelved */
	uint8_t quality;              /* enum gw_quality of value */
	uint8_t occurrence[16];       /* UUIDv7 of this activation, from raised to normal */
	const struct gw_alarm_info *info;
	double value;     /* NaN where there is none */
	double limit;     /* NaN where there is none */
	double peak;      /* worst value since onset; NaN where there is none */
	int64_t eta_ms;   /* predicted time to the limit, -1 where there is none */
	int64_t boot_ns;  /* CLOCK_BOOTTIME of the transition */
	int64_t wall_ms;  /* CLOCK_REALTIME of the transition */
	int64_t onset_ms; /* CLOCK_REALTIME when the condition became true, 0: never */
	int64_t shelved_until_ms; /* CLOCK_REALTIME, 0: not shelved */
	bool synced;              /* the clock was synced: wall_ms is right */
	bool durable;             /* committed before it left, see doc/design.md */
	uint8_t n_confirmed_by;
	const char *confirmed_by
		[GW_EVENT_CONFIRMED_BY_MAX]; /* confirmed_by: keys of the members that are true */
	char boot[GW_BOOT_ID];               /* boot id the boot_ns belongs to */
	/* what the person wrote, or why it happened ("still true: raised again"); "": nothing */
	char note[GW_NOTE_MAX];
};

/* Deterministic UUIDv7 of an occurrence: time from wall_ms, the rest from gateway, run and seq,
 * so a replay yields the same bytes and two gateways do not. */
void gw_event_occurrence(uint8_t ret_uuid[16], const char *gateway, uint64_t run,
	uint64_t seq, int64_t wall_ms);

/* The event's id: <gateway>-<run>-<seq, zero-padded to 10>. */
void gw_event_id(struct gw_text *t, const struct gw_event *e);

/* The `data` object of a CloudEvent and the line of the alert log, compact, one line, no newline.
 * The names of its fields are fixed: receivers read them. */
void gw_event_json(struct gw_text *t, const struct gw_event *e);
/* The same without the value of `durable`; returns the offset in t at which it belongs. */
size_t gw_event_json_without_durable(struct gw_text *t, const struct gw_event *e);

/*
 * The alert log line, its fields in a fixed order, no newline:
 *
 *	2026-11-21T08:15:30.123+08:00 RED raised boiler-room/gas-1/ch4 ch4-high 52.3 %LEL above 50
 *	@ A/-1/锅炉房 #42
 *
 * (one line). A missing subject, value or place is "-". Control characters in texts become spaces.
 */
void gw_event_line(struct gw_text *t, const struct gw_event *e);

#define GW_EVENT_JSON_MAX 8192 /* enough for every event of any configuration */
#define GW_EVENT_LINE_MAX 4096

#endif
