/* SPDX-License-Identifier: Apache-2.0 */
/*
 * modbus_fixture.h: a Modbus driver against the real server of tests/peers, over TCP or over a pty.
 * What the driver emits ends here instead of in the engine.
 */
#ifndef GW_TESTS_MODBUS_FIXTURE_H
#define GW_TESTS_MODBUS_FIXTURE_H

#include "base/clock.h"
#include "drivers/modbus.h"
#include "drivers/modbus_map.h"

#include "source/scale.h"
#include "tests/unit/fixture/temp_dir.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define MS     GW_NS_PER_MS
#define POINTS 200

/* The far end of the driver: the last sample and the number of samples of each point. */
struct gw_emit {
	unsigned good[POINTS], bad[POINTS];
	enum gw_quality quality[POINTS];
	double value[POINTS];
	int64_t last_ns;
	uint64_t counts[GW_COUNT_MAX];
	unsigned flushes, pending;
	unsigned said_down, said_up;
	char why[200], refused[200];
	bool stop;
	int wake_fd;
	/* what each point may be: anything else is an invented value */
	double want[POINTS];
	bool wanted[POINTS];
};

static struct gw_emit far;

void gw_emit_sample(struct gw_emit *e, uint32_t point, enum gw_quality quality,
	double value, int64_t boot_ns, int64_t device_ns)
{
	(void)device_ns;
	assert_true(point < POINTS);
	assert_true(boot_ns >= e->last_ns);
	e->last_ns = boot_ns;
	e->quality[point] = quality;
	e->pending++;
	if (quality != GW_QUALITY_GOOD) {
		e->bad[point]++;
		return;
	}
	e->good[point]++;
	e->value[point] = value;
	if (e->wanted[point] && value != e->want[point])
		fail_msg("point %u: %g, not %g", point, value, e->want[point]);
}

void gw_emit_raw_bits(struct gw_emit *e, const struct gw_point_opts *point, double raw,
	uint64_t bits, unsigned width, int64_t boot_ns)
{
	struct gw_scale scale;

	(void)bits;
	assert_in_range(width, 1, 64);
	gw_scale_init(&scale, point->scale, point->offset);
	gw_emit_sample(
		e, point->index, GW_QUALITY_GOOD, gw_scale_apply(&scale, raw), boot_ns, 0);
}

void gw_emit_unreadable(struct gw_emit *e, const struct gw_point_opts *point,
	enum gw_quality quality, const char *why, const void *bytes, size_t n,
	int64_t boot_ns)
{
	(void)bytes;
	assert_int_equal(n, 0);
	snprintf(e->refused, sizeof(e->refused), "%s", why);
	gw_emit_sample(e, point->index, quality, 0, boot_ns, 0);
}

void gw_emit_flush(struct gw_emit *e)
{
	e->flushes++;
	e->pending = 0;
}

void gw_emit_count(struct gw_emit *e, enum gw_count what, uint64_t by)
{
	e->counts[what] += by;
}

bool gw_emit_stopping(const struct gw_emit *e)
{
	return e->stop;
}

int gw_emit_stop_fd(const struct gw_emit *e)
{
	return e->wake_fd;
}

void gw_emit_beat(struct gw_emit *e)
{
	(void)e; /* tests/unit/drivers/test_open_beats.c */
}

void gw_emit_device_state(
	struct gw_emit *e, const struct gw_device_opts *device, bool ok, const char *why)
{
	(void)device;
	if (ok)
		e->said_up++;
	else
		e->said_down++;
	snprintf(e->why, sizeof(e->why), "%s", why);
}

/* The peer. */

struct peer {
	pid_t pid;
	FILE *in, *out;
	int port;
	char dir[TEMP_DIR_MAX], link[96];
};

static struct peer peer;

static inline const char *command_peer(const char *fmt, ...)
	__attribute__((format(printf, 1, 2)));

static inline const char *command_peer(const char *fmt, ...)
{
	static char line[8192];
	va_list ap;

	va_start(ap, fmt);
	vfprintf(peer.in, fmt, ap);
	va_end(ap);
	fputc('\n', peer.in);
	fflush(peer.in);
	if (!fgets(line, sizeof(line), peer.out) || strncmp(line, "ok", 2) != 0)
		fail_msg("peer: %s: %s", fmt, line);
	return line;
}

static inline void start_peer(const char *mode)
{
	bool line_mode = strcmp(mode, "rtu") == 0;
	char path[512], line[128], *slash;
	int in[2], out[2];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 64);

	assert_true(n > 0);
	path[n] = '\0';
	slash = strrchr(path, '/');
	strcpy(slash, "/../peers/modbus_server");
	assert_int_equal(temp_dir_make(peer.dir), 0);
	snprintf(peer.link, sizeof(peer.link), "%s/line", peer.dir);
	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	peer.pid = fork();
	if (peer.pid == 0) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		execl(path, path, mode, line_mode ? peer.link : "0", (char *)NULL);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	peer.in = fdopen(in[1], "w");
	peer.out = fdopen(out[0], "r");
	assert_non_null(fgets(line, sizeof(line), peer.out));
	assert_memory_equal(line, "ready ", 6);
	peer.port = atoi(line + 6);
}

static inline void stop_peer(void)
{
	int status;

	fclose(peer.in); /* it ends with its stdin */
	fclose(peer.out);
	waitpid(peer.pid, &status, 0);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	assert_int_equal(temp_dir_remove(peer.dir), 0);
}

/* One source as the config reader would make it. */

#define DEVICES 8
static struct {
	struct gw_modbus_tcp_opts tcp;
	struct gw_modbus_rtu_opts rtu;
	struct gw_modbus_device_opts own_devices[DEVICES];
	struct gw_device_opts devices[DEVICES];
	struct gw_modbus_point_opts own_points[POINTS];
	struct gw_point_opts points[POINTS];
	struct gw_source_opts source;
	const struct gw_driver *driver;
	void *state;
} fixture;

static inline void add_device(int unit, int64_t poll_ns)
{
	size_t i = fixture.source.n_devices++;

	fixture.own_devices[i] = (struct gw_modbus_device_opts){.unit = unit};
	fixture.devices[i] = (struct gw_device_opts){.name = "d",
		.poll_ns = poll_ns,
		.points = &fixture.points[fixture.source.n_points],
		.driver = &fixture.own_devices[i]};
}

/* A point of the device added last; returns its index. */
static inline uint32_t add_point(int kind, unsigned addr, int type)
{
	uint32_t i = fixture.source.n_points++;

	fixture.own_points[i] = (struct gw_modbus_point_opts){
		.reg = {.kind = (uint16_t)kind, .addr = (uint16_t)addr}};
	fixture.points[i] = (struct gw_point_opts){
		.type = type, .scale = 1, .index = i, .driver = &fixture.own_points[i]};
	fixture.devices[fixture.source.n_devices - 1].n_points++;
	return i;
}

/* A holding register whose value is its address, and which may never be seen as another. */
static inline uint32_t add_own(int unit, unsigned addr)
{
	uint32_t i = add_point(GW_MODBUS_HOLDING, addr, GW_TYPE_U16);

	command_peer("set %d holding %u %u", unit, addr, addr);
	far.want[i] = addr;
	far.wanted[i] = true;
	return i;
}

static inline void begin(const char *mode, int64_t timeout_ns)
{
	bool rtu = strcmp(mode, "rtu") == 0;

	memset(&fixture, 0, sizeof(fixture));
	memset(&far, 0, sizeof(far));
	far.wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	start_peer(mode);
	fixture.driver = rtu ? &gw_driver_modbus_rtu : &gw_driver_modbus_tcp;
	fixture.tcp = (struct gw_modbus_tcp_opts){.host = "127.0.0.1",
		.port = peer.port,
		.timeout_ns = timeout_ns,
		.connect_timeout_ns = 500 * MS};
	fixture.rtu = (struct gw_modbus_rtu_opts){
		.device = peer.link, .baud = 7, .timeout_ns = timeout_ns};
	fixture.source = (struct gw_source_opts){.name = "s",
		.driver_table = fixture.driver,
		.poll_ns = 50 * MS,
		.devices = fixture.devices,
		.driver = rtu ? (void *)&fixture.rtu : (void *)&fixture.tcp};
	fixture.state = calloc(1, fixture.driver->state_size);
	assert_non_null(fixture.state);
}

static inline int begin_tcp(void **state)
{
	(void)state;
	begin("tcp", 150 * MS);
	return 0;
}

static inline int begin_rtu(void **state)
{
	(void)state;
	begin("rtu", 150 * MS);
	return 0;
}

static inline int begin_rtu_tcp(void **state)
{
	(void)state;
	begin("rtu-tcp", 150 * MS);
	fixture.tcp.framing = 1;
	return 0;
}

static inline int end(void **state)
{
	(void)state;
	fixture.driver->close(fixture.state);
	fixture.driver->close(fixture.state);
	free(fixture.state);
	close(far.wake_fd);
	stop_peer();
	return 0;
}

static inline void open_ok(void)
{
	struct gw_error err = {0};

	if (fixture.driver->open(fixture.state, &fixture.source, &far, &err) != GW_OK)
		fail_msg("open: %s", err.text);
}

static inline enum gw_err poll_once(int timeout_ms, struct gw_error *err)
{
	int64_t began = gw_clock_boot_ns(), took;
	enum gw_err rc = fixture.driver->poll(fixture.state, timeout_ms, &far, err);

	took = gw_clock_boot_ns() - began;
	if (took > (timeout_ms + 300) * MS)
		fail_msg("poll(%d) took %d ms", timeout_ms, (int)(took / MS));
	assert_int_equal(far.pending, 0);
	return rc;
}

static inline void poll_for(int ms)
{
	int64_t until = gw_clock_boot_ns() + ms * MS;

	while (gw_clock_boot_ns() < until) {
		struct gw_error err = {0};

		if (poll_once(10, &err) != GW_OK)
			fail_msg("poll: %s", err.text);
	}
}

/* Poll until point has had more good samples. */
static inline void poll_until_good(uint32_t point, int within_ms)
{
	unsigned before = far.good[point];
	int64_t until = gw_clock_boot_ns() + within_ms * MS;

	while (far.good[point] == before) {
		poll_for(5);
		if (gw_clock_boot_ns() > until)
			fail_msg("point %u not good within %d ms", point, within_ms);
	}
}

static inline enum gw_err poll_until_error(int within_ms, struct gw_error *err)
{
	int64_t until = gw_clock_boot_ns() + within_ms * MS;
	enum gw_err rc;

	while (gw_clock_boot_ns() < until)
		if ((rc = poll_once(10, err)) != GW_OK)
			return rc;
	return GW_OK;
}

/* The number at place n of the peer's statistics of a unit: requests, connections, writes. */
static inline unsigned peer_stat(int unit, int n)
{
	unsigned v[3] = {0};

	sscanf(command_peer("stats %d", unit), "ok %u %u %u", &v[0], &v[1], &v[2]);
	return v[n];
}

#define TCP(test) cmocka_unit_test_setup_teardown(test, begin_tcp, end)
#define RTU(test) cmocka_unit_test_setup_teardown(test, begin_rtu, end)
#define SUFFIXED(test, suffix, begin) \
	{ \
		.name = #test suffix, .test_func = test, .setup_func = begin, \
		.teardown_func = end \
	}
#define OVER_BOTH(test) SUFFIXED(test, "_tcp", begin_tcp), SUFFIXED(test, "_rtu", begin_rtu)

/* With an argument only the cases whose name matches that pattern. */
static inline void begin_all(int argc, char **argv)
{
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	signal(SIGPIPE, SIG_IGN);
}

#endif
