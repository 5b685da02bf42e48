/* SPDX-License-Identifier: Apache-2.0 */
/*
 * driver.h: the driver contract: the options a driver is given, what it may call (gw_emit_*), and
 * what it implements (struct gw_driver, at the end). To write one: copy drivers/skeleton.c and
 * drivers/skeleton.h, add its table to drivers/drivers.c and its file to drivers/meson.build.
 *
 * Thread: check runs in main with no I/O; open, poll, close run in the source's own thread, in
 * the order open, poll..., close, and again. A driver never logs, exits or sleeps beyond the
 * timeout. A lost link is GW_ERR_LINK: the core closes, backs off and opens again. A driver has no
 * back-off of its own; within a poll it may connect anew a bounded number of times, as Modbus/TCP
 * does when the server closes an idle connection (drivers/modbus_bus.c).
 */
#ifndef GW_SOURCE_DRIVER_H
#define GW_SOURCE_DRIVER_H

#include "base/error.h"
#include "base/setting.h"
#include "flow/info.h"
#include "flow/sample.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How the bytes of a register or a payload are read as a number. */
enum gw_point_type {
	/* default: MQTT a number; Modbus u16, or bool for coil and discrete */
	GW_TYPE_NUMBER = 0,
	GW_TYPE_BOOL,
	GW_TYPE_BIT,
	GW_TYPE_U8, /* of a register the high or the low byte */
	GW_TYPE_S8,
	GW_TYPE_U16,
	GW_TYPE_S16,
	GW_TYPE_U24, /* the low 24 bits of two registers; u48: three registers */
	GW_TYPE_S24,
	GW_TYPE_U32,
	GW_TYPE_S32,
	GW_TYPE_U48,
	GW_TYPE_S48,
	GW_TYPE_U64,
	GW_TYPE_S64,
	GW_TYPE_F16, /* IEEE 754 */
	GW_TYPE_F32,
	GW_TYPE_F64,
	GW_TYPE_BCD16, /* four decimal digits a register */
	GW_TYPE_BCD32,
	GW_TYPE_BCD64,
	GW_TYPE_SIGN_MAGNITUDE16, /* the first bit is the sign */
	GW_TYPE_SIGN_MAGNITUDE32,
	GW_TYPE_MOD10X2, /* registers that count to 9,999 each, two to four of them */
	GW_TYPE_MOD10X3,
	GW_TYPE_MOD10X4,
	GW_TYPE_WHOLE_TENTHS, /* the high byte whole, the low byte tenths */
};

/* Options are made by the config reader and immutable; they outlive the source. */
struct gw_point_opts {
	const struct gw_point_info *info; /* key, unit of measure, place */
	const char *name;
	int type;             /* enum gw_point_type */
	double scale, offset; /* value = raw * scale + offset; not for bool and bit */
	struct gw_table
		range; /* 1 x 2 or empty: the measuring range, see source/quality.h */
	struct gw_table valid;   /* 1 x 2 or empty: outside it there is no value */
	struct gw_codes invalid; /* numbers that mean "no value" */
	uint32_t index;          /* within the source: what a sample's point holds */
	void *driver;            /* the driver's own options, point_opts_size bytes */
};

/* A point that is 0 or 1 by its type. */
static inline bool gw_point_is_discrete(const struct gw_point_opts *point)
{
	return point->type == GW_TYPE_BOOL || point->type == GW_TYPE_BIT;
}

struct gw_device_opts {
	const char *name;
	int64_t poll_ns;         /* 0: as the source; not for devices that publish */
	int64_t expect_every_ns; /* devices that publish: silent after this; 0: not given */
	struct gw_point_opts *points;
	size_t n_points;
	void *driver; /* device_opts_size bytes */
};

struct gw_source_opts {
	const char *name;
	const struct gw_driver *driver_table;
	int64_t poll_ns; /* default of its devices; > 0 */
	struct gw_device_opts *devices;
	size_t n_devices;
	uint32_t
		n_points; /* of all devices; the next index, n_points, is the source's own */
	/* == n_points: 1 while the source is down. Main says it of a source that hangs. */
	uint32_t down_point;
	void *driver; /* source_opts_size bytes */
};

/* Counters of a source, shown by `tocsin status`. */
enum gw_count {
	GW_COUNT_REQUESTS = 0, /* requests sent, or messages received */
	GW_COUNT_TIMEOUTS,     /* a device did not answer */
	GW_COUNT_BAD_FRAMES, /* frames or payloads that were not exactly what was asked for */
	GW_COUNT_REFUSED,    /* exception answers */
	GW_COUNT_UNKNOWN_TOPIC, /* messages of topics that no device has */
	GW_COUNT_DUPLICATES,    /* redelivered messages */
	GW_COUNT_UNCOMMITTED, /* messages acknowledged before what they caused was committed */
	GW_COUNT_DAMAGED,  /* damaged messages, of which the undamaged values were taken */
	GW_COUNT_TOO_LONG, /* messages longer than max_packet, acknowledged unread */
	GW_COUNT_SESSIONS, /* MQTT sessions given up because a message in them ended the link */
	GW_COUNT_SKIPPED, /* polls skipped because the bus was too slow */
	GW_COUNT_MAX,
};
extern const char *const gw_count_names[]; /* "requests" ...; JSON field names of status */

struct gw_emit; /* source/emit.h */

/* Add a sample; it is published with the batch at the next flush (or when the batch is full).
 * Bad quality: value is ignored. Never blocks, never fails: samples that find the ring full are
 * coalesced (source/emit.h). */
void gw_emit_sample(struct gw_emit *emit, uint32_t point, enum gw_quality quality,
	double value, int64_t boot_ns, int64_t device_ns);
/* A good or uncertain reading as the device gave it, before scale and offset. It is scaled
 * (source/scale.h; bool and bit become 0 or 1), classified (source/quality.h) and emitted. One
 * that is no value is emitted as gw_emit_unreadable does. */
void gw_emit_raw(struct gw_emit *emit, const struct gw_point_opts *point,
	enum gw_quality quality, double raw, int64_t boot_ns, int64_t device_ns);
/* The same of a good reading that was decoded from `width` bits, 1 to 64, which `invalid: raw:N`
 * is compared with. */
void gw_emit_raw_bits(struct gw_emit *emit, const struct gw_point_opts *point, double raw,
	uint64_t bits, unsigned width, int64_t boot_ns);
/* The device answers, but its answer holds no value of this point. Logs one line when that begins,
 * with why and the first of the n bytes of the answer (n may be 0), and one when the point is
 * readable again. Call it each time. */
void gw_emit_unreadable(struct gw_emit *emit, const struct gw_point_opts *point,
	enum gw_quality quality, const char *why, const void *bytes, size_t n,
	int64_t boot_ns);
/* Publish what was added and wake the engine. The core flushes after every poll. */
void gw_emit_flush(struct gw_emit *emit);
void gw_emit_count(struct gw_emit *emit, enum gw_count what, uint64_t by);
/* Flush, then wait at most timeout_ms until the engine has processed everything that this source
 * emitted and the events that it caused are committed. False: not in time. */
bool gw_emit_wait_committed(struct gw_emit *emit, int timeout_ms);
/* The same without waiting, for a driver that goes on reading meanwhile. set_checkpoint flushes and
 * notes what was emitted so far. is_committed checks once whether that is committed; the checkpoint
 * holds how far it got. The checkpoint belongs to the driver. */
struct gw_emit_checkpoint {
	uint64_t samples, seq;
	bool coalescing;  /* some of the samples wait because the ring was full */
	bool engine_seen; /* the engine has processed all of them; seq is set */
};
void gw_emit_set_checkpoint(
	struct gw_emit *emit, struct gw_emit_checkpoint *ret_checkpoint);
bool gw_emit_is_committed(struct gw_emit *emit, struct gw_emit_checkpoint *checkpoint);
/* Whether the source is to stop: poll must return GW_ERR_STOPPED soon. */
bool gw_emit_stopping(const struct gw_emit *emit);
/* A descriptor that is readable once the source is to stop: add it to the driver's poll(2). */
int gw_emit_stop_fd(const struct gw_emit *emit);
/* What a driver with saves_state keeps across restarts: a few bytes for each device, saved when
 * they change (source/state_files.h). After a kill they may be older than what happened; is_final
 * is true only if they were saved so by a source that was stopping. load returns 0 if nothing is
 * known. */
size_t gw_emit_load_state(struct gw_emit *emit, void *to, size_t size, bool *ret_is_final);
void gw_emit_save_state(struct gw_emit *emit, const void *bytes, size_t n, bool is_final);
/* Shows that the thread is alive. The core does so before every open and poll; an open that may
 * take longer than a second calls this at least every second. */
void gw_emit_beat(struct gw_emit *emit);
/* One line in the daemon log for one device ("no answer", "answers again"). Call it only when the
 * state changes. */
void gw_emit_device_state(struct gw_emit *emit, const struct gw_device_opts *device,
	bool ok, const char *why);
/* One warning in the daemon log about the source itself, for rare events. */
void gw_emit_warn(struct gw_emit *emit, const char *text);

/* One row of drivers/drivers.c. A function marked optional may be NULL. */
struct gw_driver {
	const char *name, *summary;
	const struct gw_setting
		*source_settings; /* keys of sources[i], fields of its opts */
	const struct gw_setting *device_settings;
	const struct gw_setting *point_settings;
	size_t source_opts_size, device_opts_size, point_opts_size;
	bool reads_unit_of_measure; /* a point's unit of measure decides how it is read */
	bool saves_state;           /* uses gw_emit_load_state and gw_emit_save_state */
	bool pushed;       /* devices publish by themselves: expect_every instead of poll */
	size_t state_size; /* zeroed, allocated by the core, one per source */
	/* How many of each one source uses at most, without its stop descriptor and its own thread.
	 * `tocsind --check` and a reload count them against the system's limits. */
	size_t descriptors, threads;

	/* Everything that is wrong with the options, at once, each at its place. No I/O. */
	void (*check)(const struct gw_source_opts *opts, struct gw_report *report);
	/* Open the link; may take a few seconds. GW_ERR_LINK: try again later. */
	enum gw_err (*open)(void *state, const struct gw_source_opts *opts,
		struct gw_emit *emit, struct gw_error *err);
	/* Read what is due, or wait for a message, at most timeout_ms, and emit the readings. GW_OK
	 * also if nothing was due. A dead device is not an error of the link. */
	enum gw_err (*poll)(
		void *state, int timeout_ms, struct gw_emit *emit, struct gw_error *err);
	/* Free everything; called in any state, also twice, also without open. */
	void (*close)(void *state);
	/* Optional: free what outlives close. Called last, once. */
	void (*release)(void *state);
};

/* The drivers in this binary, ended by NULL. */
extern const struct gw_driver *const gw_drivers[];

#endif
