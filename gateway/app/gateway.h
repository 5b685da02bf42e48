/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway.h: the whole gateway: owns every object, wires the rings between them, starts them
 * consumers first and stops them in the mirror order.
 *
 * Owner: main.c. Thread: main, but for what is marked atomic. Life: start, run, stop.
 */
#ifndef GW_APP_GATEWAY_H
#define GW_APP_GATEWAY_H

#include "app/control.h"
#include "app/status.h"
#include "app/supervise.h"
#include "base/loop.h"
#include "conf/config.h"
#include "engine/runner.h"

#include <pthread.h>
#include <stdatomic.h>

/* One loaded configuration and what still refers to it. */
struct gw_generation {
	struct gw_config *config;
	uint32_t users;     /* sources and uplinks made from it */
	uint64_t last_seq;  /* of the last event that may point into it */
	int64_t retired_ns; /* 0: the present one */
	struct gw_generation *next;
};

/* The thread that has not beaten for the longest. */
struct gw_oldest_beat {
	char thread[16];
	int64_t age_ns;
};

/* What heartbeats say, kept up to date by main once a second. */
struct gw_pulse {
	struct gw_loop_timer timer;
	int64_t due_ns;     /* main: when the timer was to fire */
	int64_t awake_ns;   /* main: it did not run itself before; no older beat counts */
	int64_t lost_ns;    /* main: when events were lost last */
	uint64_t lost_seen; /* main: what the engine's counters had at the last look */
	_Atomic int64_t beat_ns; /* main's own */
	_Atomic uint64_t events_lost;
	pthread_mutex_t lock;         /* of the next */
	struct gw_oldest_beat oldest; /* but for main's, at the last look */
	_Atomic(const struct gw_site_info *) site;
	_Atomic uint32_t sources_up, sources, standing;
	_Atomic bool synced;
	int64_t started_ns;            /* set before any thread is */
	const struct gw_thread *stuck; /* has not beaten: said once */
};

struct gw_gateway {
	const char *config_path;
	struct gw_loop loop;
	struct gw_loop_fd signals;
	struct gw_pulse pulse;

	struct gw_generation *generation; /* the present one first */
	size_t n_sources, n_uplinks;      /* of the arrays below */
	struct gw_source **sources;       /* as config->sources */
	struct gw_generation **source_from;
	struct gw_uplink **uplinks; /* as config->uplinks */
	struct gw_ring **uplink_faults;
	struct gw_store *store;
	bool half;                /* a reload failed: the engine's rings may be gone */
	pthread_mutex_t settling; /* sources ask the store under it; main exchanges it so */
	struct gw_ring *store_faults;
	struct gw_alert_log *alert_log;
	struct gw_supervisor supervisor;
	struct gw_runner runner;
	struct gw_engine *engine;
	_Atomic uint64_t last_seq; /* as the engine publishes it, whichever engine it is */

	struct gw_ring live, commands, replies;
	struct gw_wake wake; /* main's own: live events, replies, history */
	struct gw_loop_wake look;
	struct gw_control *control;
	struct gw_recorder recorder;
	struct gw_app_view view;
	uint64_t run;
	char boot[GW_BOOT_ID];
};

/* config becomes the gateway's, also on failure. path is for reloads; it must stay. On failure
 * everything is taken back. */
enum gw_err gw_gateway_start(struct gw_gateway *g, const char *path,
	struct gw_config *config, struct gw_error *err);
/* Until SIGTERM or SIGINT; SIGHUP reloads. */
enum gw_err gw_gateway_run(struct gw_gateway *g, struct gw_error *err);
void gw_gateway_stop(struct gw_gateway *g); /* half-built, zeroed or twice is fine */

/* ---- between the files of app/ ---- */

/* gateway.c */
void gw_gateway_hear(struct gw_gateway *g); /* what the engine said to people */
/* The engine's thread is stopped: let the outputs take what it holds for them, for a while. */
void gw_gateway_drain(struct gw_gateway *g, int64_t most_ns);

/* wiring.c */
enum gw_err gw_wiring_store(
	struct gw_gateway *g, const struct gw_config *c, struct gw_error *err);
enum gw_err gw_wiring_uplinks(
	struct gw_gateway *g, struct gw_generation *from, struct gw_error *err);
enum gw_err gw_wiring_source(struct gw_gateway *g, const struct gw_source_opts *opts,
	struct gw_source **ret_source, struct gw_error *err);
enum gw_err gw_wiring_engine(struct gw_gateway *g, const struct gw_config *c,
	struct gw_engine **ret_engine, struct gw_error *err);
/* Their threads end before the store's and they are freed after it: it pokes them till its end. */
void gw_wiring_stop_uplinks(struct gw_gateway *g);
void gw_wiring_free_uplinks(struct gw_gateway *g);
void gw_wiring_show(struct gw_gateway *g);

/* reload.c */
void gw_reload(struct gw_gateway *g);
struct gw_generation *gw_generation_new(struct gw_config *config);
/* Free the retired ones nobody can refer to any more; all of them if all. */
void gw_generation_sweep(struct gw_gateway *g, bool all);

/* pulse.c */
void gw_pulse_start(struct gw_gateway *g);
void gw_pulse_health(void *arg, struct gw_heartbeat *h); /* any thread */
/* The engine's, main's, and what main found when it looked last; any thread. */
void gw_pulse_oldest(struct gw_gateway *g, int64_t now_ns, struct gw_oldest_beat *ret);
void gw_pulse_notify(const char *state); /* sd_notify; without systemd it does nothing */

#endif
