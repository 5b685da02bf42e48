/* SPDX-License-Identifier: Apache-2.0 */
/*
 * recorder.h: taps the live samples for one client of the control socket and hands it the bytes
 * of a recording (flow/recording.h). The engine never waits for it: what the client does not
 * take in time is lost and marked as a gap.
 *
 * Owner: the gateway. Thread: main; the tap's producer is the engine's thread. Life: init,
 * (begin, take..., end or drop)..., fini.
 */
#ifndef GW_CONTROL_RECORDER_H
#define GW_CONTROL_RECORDER_H

#include "base/loop.h"
#include "conf/config.h"
#include "flow/recording.h"

#include <stdbool.h>

struct gw_recorder {
	struct gw_loop *loop;
	struct gw_loop_timer timer;
	struct gw_sample_tap tap; /* the engines' */
	struct gw_ring ring;      /* made for the first recording, kept for the next */
	bool has_ring;
	const struct gw_config *config; /* the points samples refer to */
	struct gw_recording recording;
	bool busy, ended;
	uint64_t max_bytes, n_given; /* bytes made so far, with those that wait */
	uint64_t lost_seen;
	size_t n_read; /* of recording.out */
	void (*on_data)(void *arg);
	void *arg;
};

/* more is called from the loop when there are bytes to take. */
void gw_recorder_init(struct gw_recorder *r, struct gw_loop *loop);
void gw_recorder_fini(struct gw_recorder *r); /* zeroed or twice is fine */
/* The configuration, at start and when it was exchanged: no engine may run meanwhile. */
void gw_recorder_set_config(struct gw_recorder *r, const struct gw_config *config);

/* GW_ERR_REFUSED: somebody records already. The recording ends by itself before max_bytes. */
enum gw_err gw_recorder_begin(struct gw_recorder *r, uint64_t max_bytes,
	void (*on_data)(void *arg), void *arg, struct gw_error *err);
/* Up to room bytes of the file. */
size_t gw_recorder_read(struct gw_recorder *r, void *to, size_t size);
bool gw_recorder_pending(const struct gw_recorder *r);
/* What is in the tap still comes, then the end of the file. */
void gw_recorder_end(struct gw_recorder *r);
/* Ended, and everything was taken. */
bool gw_recorder_done(const struct gw_recorder *r);
/* The client is gone, or has all of it: somebody else may begin. */
void gw_recorder_release(struct gw_recorder *r);

#endif
