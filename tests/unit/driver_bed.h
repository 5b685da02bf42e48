/* SPDX-License-Identifier: Apache-2.0 */
/*
 * driver_bed.h: a source without its thread: a driver under test, its options, and an engine
 * and a store that do as the test says.
 */
#ifndef TESTS_DRIVER_BED_H
#define TESTS_DRIVER_BED_H

#include "base/clock.h"
#include "drivers/mqtt.h"
#include "drivers/mqtt_opts.h"
#include "source/emit.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define BED_DEVICES 256
#define BED_GOT     4096
#define BED         __attribute__((unused)) static

struct bed {
	struct gw_mqtt_source_opts mqtt;
	struct gw_mqtt_device_opts mqtt_devices[BED_DEVICES];
	struct gw_mqtt_point_opts mqtt_points[BED_DEVICES];
	struct gw_source_opts source;
	struct gw_device_opts devices[BED_DEVICES];
	struct gw_point_opts points[BED_DEVICES];
	char url[64];
	void *state;
	struct gw_ring ring;
	struct gw_emit emit;
	struct gw_thread thread;
	struct gw_error err;
	struct gw_sample got[BED_GOT];
	size_t n;
	bool engine_stands, store_stands;
	uint64_t seq; /* the engine's last event */
};

BED uint64_t bed_last_seq(void *arg)
{
	return ((struct bed *)arg)->seq;
}

BED bool bed_committed(void *arg, uint64_t seq, int64_t until_ns)
{
	(void)seq, (void)until_ns;
	return !((struct bed *)arg)->store_stands;
}

BED void bed_begin(struct bed *b, int port)
{
	static const struct gw_settle settle = {bed_last_seq, bed_committed, NULL};
	struct gw_settle own = settle;
	struct gw_emit_opts emit = {.source = "zigbee",
		.n_points = BED_DEVICES + 1,
		.ring = &b->ring,
		.settle = &own,
		.thread = &b->thread};

	signal(SIGPIPE, SIG_IGN); /* blocked in the daemon's threads */
	memset(b, 0, sizeof(*b));
	own.arg = b;
	emit.stop_fd = eventfd(0, EFD_CLOEXEC);
	snprintf(b->url, sizeof(b->url), "mqtt://127.0.0.1:%d", port);
	b->mqtt = (struct gw_mqtt_source_opts){
		.url = b->url, .keepalive_ns = 60 * GW_NS_PER_SEC, .max_packet = 262144};
	b->source = (struct gw_source_opts){.name = "zigbee",
		.driver_table = &gw_driver_mqtt,
		.devices = b->devices,
		.driver = &b->mqtt};
	b->state = calloc(1, gw_driver_mqtt.state_size);
	assert_int_equal(
		gw_ring_init(&b->ring, BED_GOT, sizeof(struct gw_sample), NULL), GW_OK);
	assert_int_equal(gw_emit_init(&b->emit, &emit, NULL), GW_OK);
}

/* A device of n points called names[i]; paths by default. Returns the first point. */
BED struct gw_point_opts *bed_device(
	struct bed *b, const char *topic, size_t n, const char *const *names)
{
	size_t d = b->source.n_devices++, first = b->source.n_points;

	b->mqtt_devices[d].topic = topic;
	b->devices[d] = (struct gw_device_opts){.name = topic,
		.points = &b->points[first],
		.n_points = n,
		.driver = &b->mqtt_devices[d]};
	for (size_t i = 0; i < n; i++, b->source.n_points++)
		b->points[first + i] = (struct gw_point_opts){.name = names[i],
			.scale = 1,
			.index = b->source.n_points,
			.driver = &b->mqtt_points[first + i]};
	b->source.down_point = b->source.n_points;
	return &b->points[first];
}

BED void bed_end(struct bed *b)
{
	gw_driver_mqtt.close(b->state);
	gw_driver_mqtt.close(b->state);
	gw_driver_mqtt.release(b->state);
	close(b->emit.stop_fd);
	free(b->state);
	gw_emit_fini(&b->emit);
	gw_ring_fini(&b->ring);
}

BED void bed_drain(struct bed *b)
{
	size_t n;

	gw_emit_flush(&b->emit);
	if (b->engine_stands)
		return;
	n = gw_ring_pop(&b->ring, b->got + b->n, BED_GOT - b->n, sizeof(b->got[0]));
	gw_ring_step(&b->ring, n);
	b->n += n;
}

BED enum gw_err bed_open(struct bed *b)
{
	enum gw_err rc;

	b->err = (struct gw_error){0};
	rc = gw_driver_mqtt.open(b->state, &b->source, &b->emit, &b->err);
	bed_drain(b);
	if (rc != GW_OK)
		gw_driver_mqtt.close(b->state);
	return rc;
}

BED enum gw_err bed_poll(struct bed *b, int timeout_ms)
{
	enum gw_err rc = gw_driver_mqtt.poll(b->state, timeout_ms, &b->emit, &b->err);

	bed_drain(b);
	return rc;
}

BED int64_t bed_ms(void)
{
	return gw_clock_mono_ns() / GW_NS_PER_MS;
}

/* Poll until there are n samples, or the link is lost; fails the test after ten seconds. */
BED enum gw_err bed_wait(struct bed *b, size_t n)
{
	int64_t until_ms = bed_ms() + 10000;
	enum gw_err rc = GW_OK;

	while (rc == GW_OK && b->n < n) {
		rc = bed_poll(b, 50);
		if (bed_ms() > until_ms)
			fail_msg("only %zu of %zu samples came", b->n, n);
	}
	return rc;
}

/* Poll for a while: what must not happen has time to. */
BED void bed_idle(struct bed *b, int ms)
{
	for (int64_t until_ms = bed_ms() + ms; bed_ms() < until_ms;)
		assert_int_equal(bed_poll(b, 10), GW_OK);
}

BED uint64_t bed_count(struct bed *b, enum gw_count what)
{
	return atomic_load(&b->emit.counts[what]);
}

BED void bed_stop(struct bed *b)
{
	gw_thread_ask_stop(&b->thread);
	eventfd_write(b->emit.stop_fd, 1);
}

BED int bed_listen(int *ret_port, int backlog)
{
	struct sockaddr_in a = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000001)};
	socklen_t size = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, size), 0);
	assert_int_equal(listen(fd, backlog), 0);
	getsockname(fd, (struct sockaddr *)&a, &size);
	*ret_port = ntohs(a.sin_port);
	return fd;
}

#endif
