/* SPDX-License-Identifier: Apache-2.0 */
/*
 * info.h: the texts that name a gateway, a point and an alarm. Events point at them, so that an
 * event itself stays small.
 *
 * Owner: the config (or a batch read back from the store); immutable, outlives every event that
 * points at it. Thread: any.
 */
#ifndef GW_FLOW_INFO_H
#define GW_FLOW_INFO_H

/* Texts are UTF-8 and never NULL; "" where nothing was configured. */
struct gw_site_info {
	const char *gateway; /* unique per gateway; in every event */
	const char *unit;    /* the connected unit (联网单位) */
	const char *area;    /* GB/T 2260 division code */
	const char *grid;    /* the platform's grid code, opaque */
};

struct gw_place_info {
	const char *building, *floor, *room;
};

enum gw_level { /* rising urgency; the four colours of the Emergency Response Law */
	GW_LEVEL_BLUE = 0,
	GW_LEVEL_YELLOW,
	GW_LEVEL_ORANGE,
	GW_LEVEL_RED,
};

enum gw_class { /* rising; NFPA 72: alarm, supervisory, trouble */
	GW_CLASS_FAULT = 0,
	GW_CLASS_SUPERVISORY,
	GW_CLASS_WARNING,
	GW_CLASS_ALARM,
};

const char *gw_level_name(enum gw_level level); /* "red" ... */
const char *gw_class_name(enum gw_class c);     /* "alarm" ... */
/* Index into these is the enum's value; NULL-terminated. */
extern const char *const gw_level_names[];
extern const char *const gw_class_names[];

struct gw_point_info {
	const char *key;    /* source/device/point */
	const char *source; /* each part of the key by itself */
	const char *device;
	const char *name;
	const char *unit_of_measure; /* "%LEL", "" for none */
	struct gw_place_info place;
};

/* Names one alarm for persons and platforms; the key never changes. */
struct gw_alarm_info {
	const char *
		key; /* source/device/point:name, source/device:silent, source:down, or name */
	const char *name;
	const char *subject; /* the key without :name, "" if it has none; in the log line */
	const char *condition; /* "above 50", "is true", "rises 8.3 per 1min" */
	const char *text;      /* from the configuration, or "" */
	const char *point;     /* the point's key, "" if the alarm is not on one point */
	const char *source, *device; /* "" if there is none */
	const char *unit_of_measure;
	struct gw_place_info place;
	const struct gw_site_info *site;
	enum gw_class class_;
};

#endif
