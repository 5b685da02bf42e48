/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway_internal.h: the structs of the gateway, for the files of app/ only.
 *
 * Owner: main.c. Thread: main, except for what is marked atomic or has a lock beside it.
 */
#ifndef GW_APP_GATEWAY_INTERNAL_H
#define GW_APP_GATEWAY_INTERNAL_H

#include "alert_log/alert_log.h"
#include "app/last_good.h"
#include "app/supervise.h"
#include "app/tls.h"
#include "base/loop.h"
#include "base/notify.h"
#include "conf/config.h"
#include "control/recorder.h"
#include "control/server.h"
#include "control/status_view.h"
#include "engine/engine_thread.h"
#include "source/source.h"
#include "store/store.h"
#include "uplink/uplink.h"

#include <pthread.h>
#include <stdatomic.h>

/* One loaded configuration. See generation.h for how long it lives. */
struct gw_generation {
	struct gw_config *config;
	uint64_t last_seq;  /* of the last event that may refer to it */
	int64_t retired_ns; /* when it was replaced; 0: it is the current one */
	struct gw_generation *next;
};

/* Sources and uplinks of one configuration, by index in it. See parts.h. */
struct gw_parts {
	size_t n_sources, n_uplinks;
	struct gw_source **sources;
	struct gw_generation **source_generation; /* where each source's options are */
	struct gw_uplink **uplinks;
	struct gw_ring **uplink_faults; /* uplink -> engine */
	size_t *uplink_slots;           /* in the store */
};

/* A source or an uplink that a reload took out. See retire.h. */
struct gw_retired_part {
	struct gw_source *source;         /* a source, ... */
	struct gw_generation *generation; /* and where its options are */
	struct gw_uplink *uplink;         /* or an uplink, ... */
	size_t slot;                      /* and its slot in the store */
	struct gw_retired_part *next;
};

/* A new configuration with its parts, beside the running one. See reload_plan.h. */
struct gw_reload_plan {
	struct gw_generation *next;
	struct gw_parts parts;         /* reused ones, and new ones whose threads wait */
	bool *new_source, *new_uplink; /* by index in parts */
	bool *reused_source, *reused_uplink; /* by index in the running parts */
	struct gw_engine *engine;
	struct gw_store_uplinks *uplinks; /* for the store: names, addresses, slots */
	struct gw_retired_part *retired;  /* running parts that are not reused */
};

/* The thread whose last beat is the oldest. */
struct gw_oldest_beat {
	char thread[16];
	int64_t age_ns;
};

struct gw_watchdog {
	int64_t due_ns; /* when the next check is due */
	int64_t resumed_ns; /* when main last ran again after a pause; older beats do not count */
	int64_t events_lost_ns;    /* when the count last rose */
	uint64_t events_lost_seen; /* sum of the engine's counters at the last check */
	_Atomic int64_t beat_ns;   /* main's own */
	_Atomic uint64_t events_lost;
	pthread_mutex_t lock;                   /* of oldest */
	struct gw_oldest_beat oldest;           /* of other threads, at the last check */
	const struct gw_thread *stalled_thread; /* reported, and not recovered yet */
};

/* What heartbeats say, written by main, read by the uplinks' threads. */
struct gw_health {
	int64_t started_ns; /* set before any thread is started */
	_Atomic(const struct gw_site_info *) site;
	_Atomic uint32_t sources_up, sources, standing;
	_Atomic bool synced;
};

struct gw_store_watch {
	struct gw_ring faults;             /* main -> engine: GW_STORE_POINTS */
	uint8_t reported[GW_STORE_POINTS]; /* to the engine: 1 + value; 0: nothing yet */
	uint64_t committed;                /* seq, at the last poll */
	int64_t uncommitted_since_ns; /* events wait for a commit since then; 0: none waits */
	bool stalled;                 /* they wait too long, and it was logged */
	struct gw_late_records late; /* alarm records that were read after the start */
	size_t late_capacity;
	size_t n_unconfirmed; /* alarms read since the last line of the log about them */
	bool handed_over;     /* late is the engine's until it has taken it */
};

struct gw_gateway {
	const char *config_path;
	struct gw_loop loop;
	struct gw_loop_fd signals;
	struct gw_loop_timer tick; /* once a second */
	bool links_up_released;    /* what only the set-up of links needed was given back */
	struct gw_notify service_manager;
	struct gw_watchdog watchdog;
	struct gw_health health;
	struct gw_tls_watch tls;
	struct gw_error failed; /* why the loop was stopped, if by a fault */

	struct gw_generation *generation; /* list, the current one first */
	struct gw_parts parts;
	struct gw_state_files *state_files; /* of sources; NULL: none is needed */
	struct gw_retired_part *retired;    /* list */
	struct gw_loop_timer retire_timer;
	int64_t retire_began_ns;
	char refused[GW_NOTE_MAX]; /* why the file on disk does not run; "": it runs */
	struct gw_last_good last_good;
	struct gw_store *store;
	struct gw_store_watch store_watch;
	struct gw_alert_log *alert_log;
	struct gw_supervisor supervisor;
	struct gw_engine_thread engine_thread;
	struct gw_engine *engine;
	_Atomic uint64_t last_seq; /* written by whichever engine runs */

	struct gw_ring live, replies; /* engine -> main */
	struct gw_ring commands;      /* main -> engine */
	struct gw_wake wake; /* of main: live, replies, the store's and uplinks' answers */
	struct gw_loop_wake main_rings;
	struct gw_server *control;
	struct gw_recorder recorder;
	struct gw_status_view view;
	uint64_t run;
	char boot[GW_BOOT_ID];
};

#endif
