/* SPDX-License-Identifier: Apache-2.0 */
/*
 * driver_fixture.h: a source without its thread: a driver under test, its options, and an engine
 * and a store that do as the test says.
 */
#ifndef TESTS_DRIVER_FIXTURE_H
#define TESTS_DRIVER_FIXTURE_H

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

#define FIXTURE_DEVICES 256
#define FIXTURE_GOT     4096
#define FIXTURE         __attribute__((unused)) static

struct driver_fixture {
	struct gw_mqtt_source_opts mqtt;
	struct gw_mqtt_device_opts mqtt_devices[FIXTURE_DEVICES];
	struct gw_mqtt_point_opts mqtt_points[FIXTURE_DEVICES];
	struct gw_source_opts source;
	struct gw_device_opts devices[FIXTURE_DEVICES];
	struct gw_point_opts points[FIXTURE_DEVICES];
	char url[64];
	void *state;
	struct gw_ring ring;
	struct gw_emit emit;
	struct gw_thread thread;
	struct gw_error err;
	struct gw_sample got[FIXTURE_GOT];
	size_t n;
	bool engine_stands, store_stands;
	uint64_t seq; /* the engine's last event */
};

FIXTURE uint64_t fixture_last_seq(void *arg)
{
	return ((struct driver_fixture *)arg)->seq;
}

FIXTURE bool fixture_committed(void *arg, uint64_t seq, int64_t until_ns)
{
	(void)seq, (void)until_ns;
	return !((struct driver_fixture *)arg)->store_stands;
}

FIXTURE void fixture_begin(struct driver_fixture *b, int port)
{
	static const struct gw_commit_check commit = {
		fixture_last_seq, fixture_committed, NULL};
	struct gw_commit_check own = commit;
	struct gw_emit_opts emit = {.source = "zigbee",
		.n_points = FIXTURE_DEVICES + 1,
		.ring = &b->ring,
		.commit = &own,
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
		gw_ring_init(&b->ring, FIXTURE_GOT, sizeof(struct gw_sample), NULL), GW_OK);
	assert_int_equal(gw_emit_init(&b->emit, &emit, NULL), GW_OK);
}

/* A device of n points called names[i]; paths by default. Returns the first point. */
FIXTURE struct gw_point_opts *fixture_device(
	struct driver_fixture *b, const char *topic, size_t n, const char *const *names)
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

FIXTURE void fixture_end(struct driver_fixture *b)
{
	gw_driver_mqtt.close(b->state);
	gw_driver_mqtt.close(b->state);
	gw_driver_mqtt.release(b->state);
	close(b->emit.stop_fd);
	free(b->state);
	gw_emit_fini(&b->emit);
	gw_ring_fini(&b->ring);
}

FIXTURE void fixture_drain(struct driver_fixture *b)
{
	size_t n;

	gw_emit_flush(&b->emit);
	if (b->engine_stands)
		return;
	n = gw_ring_pop(&b->ring, b->got + b->n, FIXTURE_GOT - b->n, sizeof(b->got[0]));
	gw_ring_set_processed(&b->ring, n);
	b->n += n;
}

FIXTURE enum gw_err fixture_open(struct driver_fixture *b)
{
	enum gw_err rc;

	b->err = (struct gw_error){0};
	rc = gw_driver_mqtt.open(b->state, &b->source, &b->emit, &b->err);
	fixture_drain(b);
	if (rc != GW_OK)
		gw_driver_mqtt.close(b->state);
	return rc;
}

FIXTURE void must_open(struct driver_fixture *b)
{
	if (fixture_open(b) != GW_OK)
		fail_msg("open: %s", b->err.text);
}

FIXTURE enum gw_err fixture_poll(struct driver_fixture *b, int timeout_ms)
{
	enum gw_err rc = gw_driver_mqtt.poll(b->state, timeout_ms, &b->emit, &b->err);

	fixture_drain(b);
	return rc;
}

FIXTURE int64_t fixture_ms(void)
{
	return gw_clock_boot_ns() / GW_NS_PER_MS;
}

/* Poll until there are n samples, or the link is lost; fails the test after ten seconds. */
FIXTURE enum gw_err fixture_wait(struct driver_fixture *b, size_t n)
{
	int64_t until_ms = fixture_ms() + 10000;
	enum gw_err rc = GW_OK;

	while (rc == GW_OK && b->n < n) {
		rc = fixture_poll(b, 50);
		if (fixture_ms() > until_ms)
			fail_msg("only %zu of %zu samples came", b->n, n);
	}
	return rc;
}

/* Poll for a while: what must not happen has time to. */
FIXTURE void fixture_idle(struct driver_fixture *b, int ms)
{
	for (int64_t until_ms = fixture_ms() + ms; fixture_ms() < until_ms;)
		assert_int_equal(fixture_poll(b, 10), GW_OK);
}

FIXTURE uint64_t fixture_count(struct driver_fixture *b, enum gw_count what)
{
	return atomic_load(&b->emit.counts[what]);
}

FIXTURE void fixture_stop(struct driver_fixture *b)
{
	gw_thread_request_stop(&b->thread);
	eventfd_write(b->emit.stop_fd, 1);
}

FIXTURE int fixture_listen(int *ret_port, int backlog)
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
