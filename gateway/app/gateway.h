/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway.h: the whole gateway: owns every object, wires the rings between them, starts them
 * consumers first and stops them in the mirror order.
 *
 * Owner: main.c. Thread: main, but for what is marked atomic. Life: start, run, stop.
 */
#ifndef GW_APP_GATEWAY_H
#define GW_APP_GATEWAY_H

#include "app/last_good.h"
#include "app/supervise.h"
#include "app/tls.h"
#include "base/loop.h"
#include "conf/config.h"
#include "control/server.h"
#include "control/status.h"
#include "engine/thread.h"

#include <stdatomic.h>

/* One loaded configuration. It is freed when no source was made from it and no event that points
 * into it is under way. */
struct gw_generation {
	struct gw_config *config;
	uint64_t last_seq;  /* of the last event that may point into it */
	int64_t retired_ns; /* 0: the present one */
	struct gw_generation *next;
};

/* The thread that has not beaten for the longest. */
struct gw_oldest_beat {
	char thread[16];
	int64_t age_ns;
};

/* What is made from one configuration. */
struct gw_parts {
	size_t n_sources, n_uplinks;
	struct gw_source **sources;               /* as config->sources */
	struct gw_generation **source_generation; /* whose options each source has */
	struct gw_uplink **uplinks;               /* as config->uplinks */
	struct gw_ring **uplink_faults;
	size_t *uplink_slots; /* in the store */
};

/* A part that a reload took out: freed when its thread has ended, which nobody waits for. */
struct gw_retired_part {
	struct gw_source *source; /* this ... */
	struct gw_generation *from;
	struct gw_uplink *uplink; /* ... or this */
	size_t slot;
	struct gw_retired_part *next;
};

/* A configuration beside the running one: all that can fail is done, nothing old is touched. */
struct gw_reload_plan {
	struct gw_generation *next;
	struct gw_parts parts; /* those that are kept, and new ones, whose threads wait */
	bool *new_source, *new_uplink;       /* by index in parts */
	bool *reused_source, *reused_uplink; /* by index in the running ones */
	struct gw_engine *engine;
	struct gw_store_uplinks *sinks;
	struct gw_retired_part *retired; /* what is not kept */
};

/* What heartbeats say, kept up to date by main once a second. */
struct gw_watchdog {
	struct gw_loop_timer timer;
	int64_t due_ns;     /* main: when the timer was to fire */
	int64_t resumed_ns; /* main: it did not run itself before; no older beat counts */
	int64_t events_lost_ns; /* main: when events were lost last */
	uint64_t
		events_lost_seen; /* main: what the engine's counters had at the last look */
	_Atomic int64_t beat_ns;  /* main's own */
	_Atomic uint64_t events_lost;
	pthread_mutex_t lock;         /* of the next */
	struct gw_oldest_beat oldest; /* but for main's, at the last look */
	_Atomic(const struct gw_site_info *) site;
	_Atomic uint32_t sources_up, sources, standing;
	_Atomic bool synced;
	int64_t started_ns;                     /* set before any thread is */
	const struct gw_thread *stalled_thread; /* has not beaten: said once */
};

/* What main knows of the store. */
struct gw_store_watch {
	struct gw_ring faults;             /* main -> engine: GW_STORE_POINTS */
	uint8_t reported[GW_STORE_POINTS]; /* 0: nothing yet, else the value + 1 */
	uint64_t committed;                /* at the last look */
	int64_t uncommitted_since_ns; /* since when events wait for a commit; 0: none does */
	bool stalled;                 /* for too long, and said so */
	struct gw_late_records late;  /* read after the start */
	size_t late_capacity;
	bool handed_over; /* to the engine */
};

struct gw_gateway {
	const char *config_path;
	struct gw_loop loop;
	struct gw_loop_fd signals;
	struct gw_watchdog watchdog;
	struct gw_tls_watch tls;
	struct gw_error failed; /* why the loop was stopped, if it was by a fault */

	struct gw_generation *generation; /* the present one first */
	size_t n_sources, n_uplinks;      /* of the arrays below; see struct gw_parts */
	struct gw_state_files *memory;    /* of sources; NULL: none remembers anything */
	struct gw_source **sources;
	struct gw_generation **source_generation;
	struct gw_uplink **uplinks;
	struct gw_ring **uplink_faults;
	size_t *uplink_slots;
	struct gw_retired_part *retired; /* of earlier configurations */
	struct gw_loop_timer retire_timer;
	int64_t retire_began_ns;   /* since the last reload */
	char refused[GW_NOTE_MAX]; /* why the file on disk is not what runs; "": it is */
	struct gw_last_good last_good;
	struct gw_store *store;
	struct gw_store_watch store_watch;
	struct gw_alert_log *alert_log;
	struct gw_supervisor supervisor;
	struct gw_engine_thread engine_thread;
	struct gw_engine *engine;
	_Atomic uint64_t last_seq; /* as the engine publishes it, whichever engine it is */

	struct gw_ring live, commands, replies;
	struct gw_wake wake; /* main's own: live events, replies, history */
	struct gw_loop_wake look;
	struct gw_server *control;
	struct gw_recorder recorder;
	struct gw_status_view view;
	uint64_t run;
	char boot[GW_BOOT_ID];
};

/* Where a configuration comes from. */
struct gw_config_origin {
	const char *path;       /* for reloads; it must stay */
	struct gw_files *files; /* as read: taken over, and kept as the last good ones */
	const char
		*refused; /* files are such a copy, because path was refused so; or NULL */
};

/* config becomes the gateway's, also on failure. On failure everything is taken back. */
enum gw_err gw_gateway_start(struct gw_gateway *g, const struct gw_config_origin *from,
	struct gw_config *config, struct gw_error *err);
/* Until SIGTERM or SIGINT; SIGHUP reloads. */
enum gw_err gw_gateway_run(struct gw_gateway *g, struct gw_error *err);
void gw_gateway_stop(struct gw_gateway *g); /* half-built, zeroed or twice is fine */

/* ---- between the files of app/ ---- */

/* gateway.c */
void gw_gateway_drain_rings(struct gw_gateway *g); /* what the engine said to people */
/* The engine's thread is stopped: let the outputs take what it holds for them, for a while. */
void gw_gateway_drain(struct gw_gateway *g, int64_t most_ns);

struct gw_time gw_gateway_now(struct gw_gateway *g);

/* store_watch.c */
enum gw_err gw_store_watch_init(struct gw_store_watch *st, struct gw_error *err);
void gw_store_watch_fini(struct gw_store_watch *st); /* zeroed or twice is fine */
/* The store's thread runs, the engine's does not: the numbers of this start, and what the store
 * remembers if it has read it; a disk that hangs is waited for 200 ms. */
void gw_store_watch_begin(struct gw_gateway *g);
/* Now and then, and when the reader's wake is poked. */
void gw_store_watch_poll(struct gw_gateway *g);

/* wiring.c */
enum gw_err gw_wiring_store(
	struct gw_gateway *g, const struct gw_config *c, struct gw_error *err);
enum gw_err gw_wiring_uplink(struct gw_gateway *g, const struct gw_uplink_opts *opts,
	size_t slot, struct gw_uplink **ret_uplink, struct gw_ring **ret_faults,
	struct gw_error *err);
enum gw_err gw_wiring_source(struct gw_gateway *g, const struct gw_source_opts *opts,
	struct gw_source **ret_source, struct gw_error *err);
enum gw_err gw_wiring_engine(struct gw_gateway *g, const struct gw_config *c,
	const struct gw_parts *parts, struct gw_engine **ret_engine, struct gw_error *err);
void gw_wiring_update_view(struct gw_gateway *g);

/* reload.c */

/* force: also if it takes away what matters now. err: why the running configuration stays. */
enum gw_err gw_reload(struct gw_gateway *g, bool force, struct gw_error *err);
/* The file on disk is refused (NULL: it is what runs): the fault gateway:config. */
void gw_reload_set_refused(struct gw_gateway *g, const char *why);
void gw_reload_tick(struct gw_gateway *g, int64_t now_ns); /* once a second */

/* reload_plan.c */
enum gw_err gw_reload_plan_make(struct gw_gateway *g, struct gw_generation *next,
	struct gw_reload_plan *ret_plan, struct gw_error *err);
/* Frees what is new in it and was not taken; zeroed is fine. */
void gw_reload_plan_drop(struct gw_gateway *g, struct gw_reload_plan *p);

/* retire.c */
/* The parts of a plan run: those that are new wait for the old ones they replace, but not for
 * long. Takes p->leaving. */
void gw_retire_begin(struct gw_gateway *g, struct gw_reload_plan *p);
/* Waits for the uplinks of them. False: a source hangs in its driver and was left behind. */
bool gw_retire_end(struct gw_gateway *g);
struct gw_generation *gw_generation_new(struct gw_config *config);
/* Free the retired ones nobody can refer to any more; all of them if all. */
void gw_generation_sweep(struct gw_gateway *g, bool all);

/* watchdog.c */
void gw_watchdog_start(struct gw_gateway *g);
void gw_watchdog_fill_heartbeat(void *arg, struct gw_heartbeat *h); /* any thread */
/* The engine's, main's, and what main found when it looked last; any thread. */
void gw_watchdog_oldest_beat(
	struct gw_gateway *g, int64_t now_ns, struct gw_oldest_beat *ret);
void gw_watchdog_notify_systemd(
	const char *state); /* sd_notify; without systemd it does nothing */

#endif
