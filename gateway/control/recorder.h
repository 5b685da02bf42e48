/* SPDX-License-Identifier: Apache-2.0 */
/*
 * recorder.h: records live samples (flow/recording.h) for one client. The engine's tap
 * never waits for it: samples that the client does not read in time are dropped and marked
 * as a gap.
 *
 * Owner: the gateway. Thread: main; the tap's producer is the engine's thread. Life: init,
 * (begin, read..., end or release)..., fini.
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
	struct gw_sample_tap tap; /* the engine writes into it */
	struct gw_ring ring;      /* allocated by the first recording */
	bool has_ring;
	const struct gw_config *config; /* of the points that samples refer to */
	struct gw_recording recording;
	bool busy;                   /* a client records */
	bool ended;                  /* and the end of the file is written */
	uint64_t max_bytes, n_given; /* bytes that the client has read */
	uint64_t lost_seen;
	size_t n_read; /* bytes of recording.out that were read */
	void (*on_data)(void *arg);
	void *arg;
};

void gw_recorder_init(struct gw_recorder *r, struct gw_loop *loop);
void gw_recorder_fini(struct gw_recorder *r); /* zeroed or twice is fine */
/* At start and at each reload, while no engine runs. */
void gw_recorder_set_config(struct gw_recorder *r, const struct gw_config *config);

/* GW_ERR_REFUSED: another client records. on_data is called from the loop when there are
 * bytes to read. The recording ends by itself before max_bytes. */
enum gw_err gw_recorder_begin(struct gw_recorder *r, uint64_t max_bytes,
	void (*on_data)(void *arg), void *arg, struct gw_error *err);
/* Up to size bytes of the file. */
size_t gw_recorder_read(struct gw_recorder *r, void *to, size_t size);
bool gw_recorder_pending(const struct gw_recorder *r);
/* Writes what is in the tap and the end of the file. */
void gw_recorder_end(struct gw_recorder *r);
/* Ended, and every byte was read. */
bool gw_recorder_done(const struct gw_recorder *r);
/* The client is gone or has everything: another may begin. */
void gw_recorder_release(struct gw_recorder *r);

#endif
