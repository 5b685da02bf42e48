/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/mqtt_topics.h"

#include "drivers/mqtt_opts.h"
#include "drivers/mqtt_payload.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *topic_of(const struct gw_device_opts *device)
{
	return ((const struct gw_mqtt_device_opts *)device->driver)->topic;
}

static int by_topic(const void *a, const void *b)
{
	const struct gw_device_opts *const *x = a, *const *y = b;
	int order = strcmp(topic_of(*x), topic_of(*y));

	if (order != 0)
		return order;
	return *x < *y ? -1 : *x > *y; /* elements of one array: as configured */
}

enum gw_err gw_mqtt_topics_init(
	struct gw_mqtt_topics *t, const struct gw_source_opts *opts, struct gw_error *err)
{
	*t = (struct gw_mqtt_topics){0};
	t->devices = calloc(opts->n_devices + 1, sizeof(t->devices[0]));
	t->at = calloc(opts->n_devices + 1, sizeof(t->at[0]));
	if (!t->devices || !t->at) {
		gw_mqtt_topics_fini(t);
		return gw_fail(err, GW_ERR_SYSTEM, ENOMEM, "out of memory");
	}
	for (size_t i = 0; i < opts->n_devices; i++)
		t->devices[i] = &opts->devices[i];
	qsort(t->devices, opts->n_devices, sizeof(t->devices[0]), by_topic);
	for (size_t i = 0; i < opts->n_devices; i++) {
		const char *name = topic_of(t->devices[i]);

		if (t->n == 0 || strcmp(t->at[t->n - 1].name, name) != 0)
			t->at[t->n++] = (struct gw_mqtt_topic){.name = name, .first = i};
		t->at[t->n - 1].n++;
	}
	return GW_OK;
}

void gw_mqtt_topics_fini(struct gw_mqtt_topics *t)
{
	free(t->devices);
	free(t->at);
	*t = (struct gw_mqtt_topics){0};
}

static int by_name(const void *key, const void *element)
{
	return strcmp(key, ((const struct gw_mqtt_topic *)element)->name);
}

static void emit_device(const struct gw_device_opts *device,
	struct gw_mqtt_payload *payload, enum gw_quality quality, int64_t boot_ns,
	struct gw_emit *emit)
{
	for (size_t i = 0; i < device->n_points; i++) {
		const struct gw_point_opts *point = &device->points[i];
		const struct gw_mqtt_point_opts *own = point->driver;
		struct gw_mqtt_lookup lookup = {
			.path = gw_setting_is_set(own->path) ? own->path : NULL,
			.name = point->name,
			.alone = device->n_points == 1,
			.is_bool = point->type == GW_TYPE_BOOL,
			.unit = point->info ? point->info->unit_of_measure : NULL,
		};
		double raw;

		switch (gw_mqtt_payload_read(payload, &lookup, &raw)) {
		case GW_MQTT_ABSENT: break; /* and nothing changes */
		case GW_MQTT_VALUE:
			gw_emit_raw(emit, point, quality, raw, boot_ns, 0);
			break;
		case GW_MQTT_UNREADABLE:
			gw_emit_unreadable(emit, point, GW_QUALITY_BAD_PAYLOAD,
				lookup.is_bool ? "no known word where its path points to"
					       : "no number where its path points to",
				payload->bytes, payload->size, boot_ns);
			gw_emit_count(emit, GW_COUNT_BAD_FRAMES, 1);
		}
	}
}

struct gw_mqtt_topic *gw_mqtt_topics_find(const struct gw_mqtt_topics *t, const char *name)
{
	return bsearch(name, t->at, t->n, sizeof(t->at[0]), by_name);
}

static enum gw_quality quality_of(const struct gw_device_opts *device, enum gw_mqtt_age age)
{
	const struct gw_mqtt_device_opts *own = device->driver;

	if (age == GW_MQTT_AGE_LIVE)
		return GW_QUALITY_GOOD;
	return age == GW_MQTT_AGE_NEWEST || own->retained == GW_MQTT_RETAINED_CURRENT
		? GW_QUALITY_UNCERTAIN
		: GW_QUALITY_RETAINED;
}

static void note_damage(struct gw_mqtt_topic *topic,
	const struct gw_mqtt_json_damage *damage, struct gw_emit *emit)
{
	char why[256];

	gw_emit_count(emit, GW_COUNT_DAMAGED, 1);
	if (topic->damaged)
		return;
	topic->damaged = true;
	snprintf(why, sizeof(why),
		"a message of topic %.100s is damaged: %s, at byte %zu. What is whole in such messages is taken; this is said once",
		topic->name, damage->what, damage->at);
	gw_emit_warn(emit, why);
}

void gw_mqtt_topics_emit(struct gw_mqtt_topic *topic, const struct gw_mqtt_topics *t,
	const void *bytes, size_t size, enum gw_mqtt_age age, int64_t boot_ns,
	struct gw_emit *emit)
{
	struct gw_mqtt_payload payload;

	topic->too_long = false;
	gw_mqtt_payload_init(&payload, bytes, size);
	for (size_t i = 0; i < topic->n; i++) {
		const struct gw_device_opts *device = t->devices[topic->first + i];
		enum gw_quality quality = quality_of(device, age);

		if (age != GW_MQTT_AGE_OLD || quality == GW_QUALITY_UNCERTAIN)
			emit_device(device, &payload, quality, boot_ns, emit);
	}
	if (payload.damage.what)
		note_damage(topic, &payload.damage, emit);
}

static void mark(const struct gw_device_opts *device, enum gw_quality quality,
	int64_t boot_ns, struct gw_emit *emit)
{
	for (size_t i = 0; i < device->n_points; i++)
		gw_emit_sample(emit, device->points[i].index, quality, 0, boot_ns, 0);
}

void gw_mqtt_topics_too_long(struct gw_mqtt_topic *topic, const struct gw_mqtt_topics *t,
	size_t size, int64_t boot_ns, struct gw_emit *emit)
{
	char why[128];

	snprintf(why, sizeof(why),
		"a message of %zu bytes is longer than max_packet: not taken", size);
	for (size_t i = 0; i < topic->n; i++) {
		const struct gw_device_opts *device = t->devices[topic->first + i];

		if (!topic->too_long)
			gw_emit_device_state(emit, device, false, why);
		mark(device, GW_QUALITY_BAD_PAYLOAD, boot_ns, emit);
	}
	topic->too_long = true;
}

void gw_mqtt_topics_refused(const struct gw_mqtt_topic *topic,
	const struct gw_mqtt_topics *t, int64_t boot_ns, struct gw_emit *emit)
{
	for (size_t i = 0; i < topic->n; i++) {
		const struct gw_device_opts *device = t->devices[topic->first + i];

		gw_emit_count(emit, GW_COUNT_REFUSED, 1);
		gw_emit_device_state(emit, device, false, "the broker refuses its topic");
		mark(device, GW_QUALITY_BAD_REFUSED, boot_ns, emit);
	}
}
