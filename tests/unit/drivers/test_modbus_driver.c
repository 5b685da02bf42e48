/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Modbus drivers against the real server of tests/peers, over TCP and over a pty, with every
 * fault it knows. What the driver emits ends here instead of in the engine.
 */
#include "base/clock.h"
#include "drivers/modbus.h"
#include "drivers/modbus_map.h"

#include "tests/unit/fixture/temp_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
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
	double value, int64_t mono_ns, int64_t device_ns)
{
	(void)device_ns;
	assert_true(point < POINTS);
	assert_true(mono_ns >= e->last_ns);
	e->last_ns = mono_ns;
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
	uint64_t bits, unsigned width, int64_t mono_ns)
{
	struct gw_scale scale;

	(void)bits;
	assert_in_range(width, 1, 64);
	gw_scale_init(&scale, point->scale, point->offset);
	gw_emit_sample(
		e, point->index, GW_QUALITY_GOOD, gw_scale_apply(&scale, raw), mono_ns, 0);
}

void gw_emit_unreadable(struct gw_emit *e, const struct gw_point_opts *point,
	enum gw_quality quality, const char *why, const void *bytes, size_t n,
	int64_t mono_ns)
{
	(void)bytes;
	assert_int_equal(n, 0);
	snprintf(e->refused, sizeof(e->refused), "%s", why);
	gw_emit_sample(e, point->index, quality, 0, mono_ns, 0);
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

int gw_emit_wake_fd(const struct gw_emit *e)
{
	return e->wake_fd;
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

static const char *ask_peer(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static const char *ask_peer(const char *fmt, ...)
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

static void start_peer(bool rtu)
{
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
		execl(path, path, rtu ? "rtu" : "tcp", rtu ? peer.link : "0", (char *)NULL);
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

static void stop_peer(void)
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

static void add_device(int unit, int64_t poll_ns)
{
	size_t i = fixture.source.n_devices++;

	fixture.own_devices[i] = (struct gw_modbus_device_opts){.unit = unit};
	fixture.devices[i] = (struct gw_device_opts){.name = "d",
		.poll_ns = poll_ns,
		.points = &fixture.points[fixture.source.n_points],
		.driver = &fixture.own_devices[i]};
}

/* A point of the device added last; returns its index. */
static uint32_t add_point(int kind, unsigned addr, int type)
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
static uint32_t add_own(int unit, unsigned addr)
{
	uint32_t i = add_point(GW_MODBUS_HOLDING, addr, GW_TYPE_U16);

	ask_peer("set %d holding %u %u", unit, addr, addr);
	far.want[i] = addr;
	far.wanted[i] = true;
	return i;
}

static void begin(bool rtu, int64_t timeout_ns)
{
	memset(&fixture, 0, sizeof(fixture));
	memset(&far, 0, sizeof(far));
	far.wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	start_peer(rtu);
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

static int begin_tcp(void **state)
{
	(void)state;
	begin(false, 150 * MS);
	return 0;
}

static int begin_rtu(void **state)
{
	(void)state;
	begin(true, 150 * MS);
	return 0;
}

static int end(void **state)
{
	(void)state;
	fixture.driver->close(fixture.state);
	fixture.driver->close(fixture.state);
	free(fixture.state);
	close(far.wake_fd);
	stop_peer();
	return 0;
}

static void open_ok(void)
{
	struct gw_error err = {0};

	if (fixture.driver->open(fixture.state, &fixture.source, &far, &err) != GW_OK)
		fail_msg("open: %s", err.text);
}

static enum gw_err poll_once(int timeout_ms, struct gw_error *err)
{
	int64_t began = gw_clock_mono_ns(), took;
	enum gw_err rc = fixture.driver->poll(fixture.state, timeout_ms, &far, err);

	took = gw_clock_mono_ns() - began;
	if (took > (timeout_ms + 300) * MS)
		fail_msg("poll(%d) took %d ms", timeout_ms, (int)(took / MS));
	assert_int_equal(far.pending, 0);
	return rc;
}

static void poll_for(int ms)
{
	int64_t until = gw_clock_mono_ns() + ms * MS;

	while (gw_clock_mono_ns() < until) {
		struct gw_error err = {0};

		if (poll_once(10, &err) != GW_OK)
			fail_msg("poll: %s", err.text);
	}
}

/* Poll until point has had more good samples. */
static void poll_until_good(uint32_t point, int within_ms)
{
	unsigned before = far.good[point];
	int64_t until = gw_clock_mono_ns() + within_ms * MS;

	while (far.good[point] == before) {
		poll_for(5);
		if (gw_clock_mono_ns() > until)
			fail_msg("point %u not good within %d ms", point, within_ms);
	}
}

static enum gw_err poll_until_error(int within_ms, struct gw_error *err)
{
	int64_t until = gw_clock_mono_ns() + within_ms * MS;
	enum gw_err rc;

	while (gw_clock_mono_ns() < until)
		if ((rc = poll_once(10, err)) != GW_OK)
			return rc;
	return GW_OK;
}

/* The number at place n of the peer's statistics of a unit: requests, connections, writes. */
static unsigned peer_stat(int unit, int n)
{
	unsigned v[3] = {0};

	sscanf(ask_peer("stats %d", unit), "ok %u %u %u", &v[0], &v[1], &v[2]);
	return v[n];
}

static void reads_everything(void)
{
	uint32_t temperature, pressure, flow, fault, valve, leak;

	add_device(7, 0);
	temperature = add_point(GW_MODBUS_INPUT, 0, GW_TYPE_S16);
	fixture.points[temperature].scale = 0.1;
	pressure = add_point(GW_MODBUS_HOLDING, 2000, GW_TYPE_F32);
	fixture.own_points[pressure].order = GW_MODBUS_CDAB;
	flow = add_point(GW_MODBUS_HOLDING, 10, GW_TYPE_U32);
	fixture.points[flow].scale = 0.001;
	leak = add_point(GW_MODBUS_HOLDING, 12, GW_TYPE_BIT);
	fixture.own_points[leak].bit = 3;
	fault = add_point(GW_MODBUS_DISCRETE, 4, GW_TYPE_NUMBER);
	valve = add_point(GW_MODBUS_COIL, 2, GW_TYPE_BOOL);
	ask_peer("set 7 input 0 0xff9b");
	ask_peer("set 7 holding 2000 0x999a 0x3e99");
	ask_peer("set 7 holding 10 0x0001 0x0002 0x0008");
	ask_peer("set 7 discrete 4 1");
	ask_peer("set 7 coil 2 1");
	open_ok();
	poll_for(100);
	for (uint32_t i = 0; i < fixture.source.n_points; i++)
		assert_int_equal(far.quality[i], GW_QUALITY_GOOD);
	assert_true(far.value[temperature] == -10.1);
	assert_true(far.value[pressure] == 0.3);
	assert_true(far.value[flow] == 65.538);
	assert_true(far.value[leak] == 1);
	assert_true(far.value[fault] == 1);
	assert_true(far.value[valve] == 1);
	/* Adjacent ones together, nothing else, and only functions that read. */
	ask_peer("trace 7");
	poll_until_good(0, 1000);
	poll_until_good(0, 1000);
	{
		const char *trace = ask_peer("trace 7");

		assert_non_null(strstr(trace, " 3:10:3"));
		assert_non_null(strstr(trace, " 3:2000:2"));
		assert_non_null(strstr(trace, " 4:0:1"));
		assert_non_null(strstr(trace, " 1:2:1"));
		assert_non_null(strstr(trace, " 2:4:1"));
	}
	assert_int_equal(peer_stat(7, 2), 0);
}

static void test_reads_everything_tcp(void **state)
{
	(void)state;
	reads_everything();
}

static void test_reads_everything_rtu(void **state)
{
	(void)state;
	reads_everything();
}

static void test_full_blocks(void **state)
{
	(void)state;
	add_device(1, 0);
	for (unsigned i = 0; i < 125; i++)
		add_own(1, 100 + i);
	open_ok();
	ask_peer("trace 1");
	poll_until_good(124, 2000);
	assert_non_null(strstr(ask_peer("trace 1"), " 3:100:125"));
	for (unsigned i = 0; i < 125; i++)
		assert_int_equal(far.good[i], far.good[0]);
}

static void test_polls_keep_their_pace(void **state)
{
	unsigned n;

	(void)state;
	add_device(1, 20 * MS);
	add_own(1, 1);
	add_device(2, 100 * MS);
	add_own(2, 2);
	open_ok();
	poll_for(1000);
	n = far.good[0] + (unsigned)far.counts[GW_COUNT_SKIPPED];
	assert_in_range(n, 48, 55);
	assert_in_range(far.good[1], 9, 12);
}

static void test_a_bus_that_cannot_keep_up_skips(void **state)
{
	unsigned before;

	(void)state;
	add_device(1, 10 * MS);
	add_own(1, 1);
	ask_peer("fault 1 late -1 60");
	open_ok();
	poll_for(700);
	assert_in_range(far.good[0], 5, 12);
	assert_true(far.counts[GW_COUNT_SKIPPED] > 20);
	/* Not piled up: once it is quick again there is no burst. */
	ask_peer("fault 1 none 0");
	poll_for(100);
	before = far.good[0];
	poll_for(200);
	assert_in_range(far.good[0] - before, 10, 22);
}

/* Spoil one answer; nothing false may come through, and soon all is well again. */
static void survives(const char *fault, enum gw_count counted)
{
	uint64_t before = far.counts[counted];

	ask_peer("fault 3 %s", fault);
	poll_for(120);
	ask_peer("fault 3 none 0");
	if (far.counts[counted] == before)
		fail_msg("%s was not noticed", fault);
	poll_until_good(0, 3000);
	poll_until_good(1, 3000);
}

static void test_lies_over_tcp(void **state)
{
	static const char *const lies[] = {"wrong-unit 1", "wrong-function 1",
		"wrong-count 1", "wrong-length 1", "wrong-protocol 1",
		"wrong-transaction 1", "stray 1 3", "extra 1 2"};

	(void)state;
	add_device(3, 30 * MS);
	add_own(3, 100);
	add_own(3, 200);
	open_ok();
	poll_until_good(1, 1000);
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++)
		survives(lies[i], GW_COUNT_BAD_FRAMES);
	assert_int_equal(far.said_down, 0);
}

static void test_lies_over_rtu(void **state)
{
	static const char *const lies[] = {"wrong-unit 1", "wrong-function 1",
		"wrong-count 1", "bad-crc 1", "stray 1 3", "foreign 1"};

	(void)state;
	add_device(3, 30 * MS);
	add_own(3, 100);
	add_own(3, 200);
	open_ok();
	poll_until_good(1, 1000);
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		ask_peer("fault 3 %s", lies[i]);
		poll_until_good(0, 3000);
		poll_until_good(1, 3000);
		if (far.counts[GW_COUNT_BAD_FRAMES] != i + 1)
			fail_msg("%s was not noticed", lies[i]);
	}
	ask_peer("fault 3 twice 1");
	poll_until_good(0, 3000);
	poll_until_good(1, 3000);
	ask_peer("fault 3 extra 1 2");
	poll_until_good(0, 3000);
	poll_until_good(1, 3000);
}

/* One TCP answer that keeps lying makes its points bad, not the link. */
static void test_a_constant_liar_is_bad_and_alone(void **state)
{
	(void)state;
	add_device(3, 30 * MS);
	add_own(3, 100);
	add_device(4, 30 * MS);
	add_own(4, 200);
	ask_peer("fault 3 wrong-unit -1");
	open_ok();
	poll_for(1300);
	assert_int_equal(far.good[0], 0);
	assert_int_equal(far.quality[0], GW_QUALITY_BAD_PROTOCOL);
	assert_true(far.good[1] > 20);
	assert_int_equal(far.said_down, 1);
	assert_string_equal(far.why, "answer of another unit");
}

/* Hazard 2: after one late answer every later read was one behind. */
static void test_one_late_answer_over_tcp(void **state)
{
	(void)state;
	add_device(3, 30 * MS);
	add_own(3, 100);
	add_own(3, 200);
	add_own(3, 300);
	open_ok();
	poll_until_good(2, 1000);
	ask_peer("fault 3 late 1 250");
	poll_for(400);
	assert_int_equal(far.counts[GW_COUNT_TIMEOUTS], 1);
	poll_until_good(0, 1000);
	poll_until_good(1, 1000);
	poll_until_good(2, 1000);
	assert_int_equal(far.counts[GW_COUNT_TIMEOUTS], 1);
	assert_int_equal(far.counts[GW_COUNT_BAD_FRAMES], 0);
}

/* Hazard 1: after one late answer every later read got the answer before. The three registers
 * have requests of one shape, so only we can tell; add_own fails at any false value. */
static void late_over_rtu(int late_ms)
{
	ask_peer("fault 3 late 1 %d", late_ms);
	poll_for(late_ms + 400);
	poll_until_good(0, 3000);
	poll_until_good(1, 3000);
	poll_until_good(2, 3000);
}

static void test_one_late_answer_over_rtu(void **state)
{
	(void)state;
	add_device(3, 30 * MS);
	add_own(3, 100);
	add_own(3, 200);
	add_own(3, 300);
	open_ok();
	poll_until_good(2, 1000);
	/* Shortly after the time-out (150 ms), while draining, after it, and much later. */
	late_over_rtu(170);
	late_over_rtu(250);
	late_over_rtu(320);
	late_over_rtu(360);
	late_over_rtu(700);
	assert_true(far.counts[GW_COUNT_TIMEOUTS] >= 5);
}

/* A unit whose answers are late for a while, as one that is busy. */
static void test_many_late_answers_over_rtu(void **state)
{
	(void)state;
	add_device(3, 30 * MS);
	add_own(3, 100);
	add_own(3, 200);
	add_own(3, 300);
	open_ok();
	poll_until_good(2, 1000);
	for (int late = 160; late < 500; late += 134) {
		ask_peer("fault 3 late 3 %d", late);
		poll_for(900);
	}
	ask_peer("fault 3 none 0");
	poll_until_good(0, 15000);
	poll_until_good(1, 15000);
	poll_until_good(2, 15000);
}

/* Hazard 4: one byte now and then held a read for as long as it took. */
static void drip(unsigned registers)
{
	uint32_t other;

	add_device(3, 40 * MS);
	for (unsigned i = 0; i < registers; i++)
		add_own(3, 100 + i);
	add_device(4, 40 * MS);
	other = add_own(4, 200);
	open_ok();
	poll_until_good(other, 1000);
	ask_peer("fault 3 drip 1 100");
	poll_for(60);
	poll_until_good(other, 3000);
	poll_until_good(0, 10000);
	assert_int_equal(far.counts[GW_COUNT_BAD_FRAMES], 1);
}

static void test_slow_drip_tcp(void **state)
{
	(void)state;
	drip(40); /* for 8.9 s */
}

static void test_slow_drip_rtu(void **state)
{
	(void)state;
	drip(1); /* for 0.7 s, in which the line is busy */
}

static void test_half_an_answer(void **state)
{
	(void)state;
	add_device(3, 30 * MS);
	add_own(3, 100);
	add_own(3, 200);
	open_ok();
	poll_until_good(1, 1000);
	ask_peer("fault 3 half 1");
	poll_until_good(0, 3000);
	poll_until_good(1, 3000);
	assert_int_equal(far.counts[GW_COUNT_BAD_FRAMES], 1);
}

static void dead_unit(void)
{
	unsigned others;

	add_device(3, 50 * MS);
	add_own(3, 100);
	add_own(3, 102);
	add_device(4, 50 * MS);
	add_own(4, 200);
	open_ok();
	poll_until_good(2, 1000);
	ask_peer("alive 3 off");
	poll_for(1000);
	/* Two tries, then silence: said once, both points bad. */
	assert_int_equal(far.said_down, 1);
	assert_int_equal(far.quality[0], GW_QUALITY_BAD_TIMEOUT);
	assert_int_equal(far.quality[1], GW_QUALITY_BAD_TIMEOUT);
	others = far.good[2];
	poll_for(2000);
	/* 40 places; a probe or two take some. */
	assert_in_range(far.good[2] - others, 24, 42);
	assert_in_range(far.counts[GW_COUNT_TIMEOUTS], 3, 5);
	assert_int_equal(far.said_down, 1);
	ask_peer("alive 3 on");
	poll_until_good(0, 15000);
	poll_until_good(1, 500);
	assert_int_equal(far.said_up, 1);
	assert_string_equal(far.why, "answers again");
}

static void test_a_dead_unit_tcp(void **state)
{
	(void)state;
	dead_unit();
}

static void test_a_dead_unit_rtu(void **state)
{
	(void)state;
	dead_unit();
}

static void test_many_units_dead_from_the_start(void **state)
{
	(void)state;
	for (int unit = 1; unit <= 6; unit++) {
		add_device(unit, 50 * MS);
		add_own(unit, 100U + (unsigned)unit);
		if (unit < 6)
			ask_peer("alive %d off", unit);
	}
	open_ok();
	/* The first round costs each of the five 300 ms; from then on the living one has at
	 * least four parts in five of the bus. */
	poll_until_good(5, 4000);
	poll_for(3000);
	assert_true(far.good[5] > 30);
	assert_true(far.counts[GW_COUNT_TIMEOUTS] <= 10 + 5);
}

static void exceptions(void)
{
	add_device(3, 30 * MS);
	for (unsigned i = 0; i < 10; i++)
		add_own(3, 100 + i);
	ask_peer("hole 3 holding 104 1");
	open_ok();
	poll_for(600);
	for (unsigned i = 0; i < 10; i++) {
		if (i == 4) {
			assert_int_equal(far.good[i], 0);
			assert_int_equal(far.quality[i], GW_QUALITY_BAD_REFUSED);
		} else {
			assert_true(far.good[i] > 5);
		}
	}
	assert_true(far.counts[GW_COUNT_REFUSED] > 0);
	assert_int_equal(far.said_down, 0);
	ask_peer("trace 3");
	poll_for(200);
	{
		const char *trace = ask_peer("trace 3");

		assert_non_null(strstr(trace, " 3:100:4"));
		assert_non_null(strstr(trace, " 3:105:5"));
		assert_null(strstr(trace, " 3:100:10"));
	}
}

static void test_a_hole_is_learned_tcp(void **state)
{
	(void)state;
	exceptions();
}

static void test_a_hole_is_learned_rtu(void **state)
{
	(void)state;
	exceptions();
}

/* Exceptions 0x0a and 0x0b come from a gateway whose connection is in order. */
static void test_a_dead_unit_behind_a_gateway(void **state)
{
	unsigned before;

	(void)state;
	add_device(3, 30 * MS);
	add_own(3, 100);
	add_device(4, 30 * MS);
	add_own(4, 200);
	ask_peer("fault 3 exception -1 11");
	open_ok();
	poll_for(300);
	assert_int_equal(far.quality[0], GW_QUALITY_BAD_TIMEOUT);
	assert_int_equal(far.said_down, 1);
	before = far.good[1];
	poll_for(600);
	assert_in_range(far.good[1] - before, 15, 22);
	assert_int_equal(peer_stat(4, 1), 1);
	ask_peer("fault 3 none 0");
	poll_until_good(0, 3000);
	assert_int_equal(far.said_up, 1);
}

static void test_device_failure_is_bad_the_second_time(void **state)
{
	(void)state;
	add_device(3, 30 * MS);
	add_own(3, 100);
	open_ok();
	poll_until_good(0, 1000);
	ask_peer("fault 3 exception 1 4");
	poll_for(150);
	assert_int_equal(far.bad[0], 0);
	ask_peer("fault 3 exception 3 4");
	poll_for(200);
	assert_int_equal(far.bad[0], 2);
	assert_int_equal(far.quality[0], GW_QUALITY_GOOD);
	assert_int_equal(far.counts[GW_COUNT_REFUSED], 4);
}

static void test_the_server_goes_away_and_comes_back(void **state)
{
	struct gw_error err = {0};

	(void)state;
	add_device(3, 30 * MS);
	add_own(3, 100);
	open_ok();
	poll_until_good(0, 1000);
	/* Closed while idle or between requests: connects again without a word. */
	for (int i = 0; i < 5; i++) {
		ask_peer("disconnect");
		poll_until_good(0, 1000);
	}
	assert_int_equal(far.bad[0], 0);
	assert_int_equal(far.counts[GW_COUNT_TIMEOUTS], 0);
	ask_peer("unplug");
	assert_int_equal(poll_until_error(2000, &err), GW_ERR_LINK);
	fixture.driver->close(fixture.state);
	assert_int_equal(fixture.driver->open(fixture.state, &fixture.source, &far, &err),
		GW_ERR_LINK);
	ask_peer("plug");
	open_ok();
	poll_until_good(0, 1000);
}

static void test_a_connection_that_always_breaks_is_a_lost_link(void **state)
{
	struct gw_error err = {0};

	(void)state;
	add_device(3, 30 * MS);
	add_own(3, 100);
	ask_peer("fault 3 close -1");
	open_ok();
	assert_int_equal(poll_until_error(8000, &err), GW_ERR_LINK);
	assert_non_null(strstr(err.text, "breaks"));
}

static void test_a_connection_that_breaks_for_one_unit(void **state)
{
	(void)state;
	add_device(3, 30 * MS);
	add_own(3, 100);
	add_device(4, 30 * MS);
	add_own(4, 200);
	ask_peer("fault 3 close -1");
	open_ok();
	poll_for(600);
	assert_int_equal(far.quality[0], GW_QUALITY_BAD_TIMEOUT);
	assert_true(far.good[1] > 10);
}

static void test_stray_bytes_while_idle(void **state)
{
	(void)state;
	add_device(3, 60 * MS);
	add_own(3, 100);
	open_ok();
	for (int i = 0; i < 5; i++) {
		poll_until_good(0, 1000);
		ask_peer("raw 000100000005030302ffff");
	}
	poll_until_good(0, 1000);
	assert_int_equal(far.bad[0], 0);
	assert_int_equal(far.counts[GW_COUNT_BAD_FRAMES], 0);
}

static void test_stray_bytes_on_the_line_while_idle(void **state)
{
	(void)state;
	add_device(3, 60 * MS);
	add_own(3, 100);
	open_ok();
	for (int i = 0; i < 5; i++) {
		poll_until_good(0, 1000);
		/* A whole answer of unit 3 to another request. */
		ask_peer("raw 030302ffffc034");
	}
	poll_until_good(0, 1000);
	assert_int_equal(far.bad[0], 0);
	assert_int_equal(far.counts[GW_COUNT_BAD_FRAMES], 0);
}

/* Hazard 5: libmodbus aborts on a descriptor of 1024 or more. */
static void test_descriptors_above_1023(void **state)
{
	struct rlimit was, limit;
	int fds[1100], n = 0;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
	limit = was;
	limit.rlim_cur = was.rlim_max < 4096 ? was.rlim_max : 4096;
	if (limit.rlim_cur < 1200)
		skip();
	setrlimit(RLIMIT_NOFILE, &limit);
	do {
		fds[n] = dup(0);
		assert_true(fds[n] >= 0);
	} while (fds[n++] < 1023 && n < 1100);
	add_device(3, 30 * MS);
	add_own(3, 100);
	open_ok();
	poll_until_good(0, 1000);
	ask_peer("fault 3 drop 1");
	poll_until_good(0, 3000);
	fixture.driver->close(fixture.state);
	while (n > 0)
		close(fds[--n]);
	setrlimit(RLIMIT_NOFILE, &was);
}

/* Hazard 6: a host that says nothing at all. */
static void test_connect_is_bounded(void **state)
{
	struct sockaddr_in sa = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(sa);
	int full = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), fill[8];
	struct gw_error err = {0};
	uint64_t one = 1;
	int64_t began;

	(void)state;
	/* A listener whose queue is full drops what would connect. */
	assert_int_equal(bind(full, (struct sockaddr *)&sa, len), 0);
	assert_int_equal(listen(full, 0), 0);
	getsockname(full, (struct sockaddr *)&sa, &len);
	for (int i = 0; i < 8; i++) {
		fill[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		connect(fill[i], (struct sockaddr *)&sa, len);
	}
	add_device(3, 30 * MS);
	add_point(GW_MODBUS_HOLDING, 0, GW_TYPE_U16);
	fixture.tcp.port = ntohs(sa.sin_port);
	began = gw_clock_mono_ns();
	assert_int_equal(fixture.driver->open(fixture.state, &fixture.source, &far, &err),
		GW_ERR_LINK);
	assert_in_range(gw_clock_mono_ns() - began, 450 * MS, 3000 * MS);
	/* And a stop does not wait for it. */
	assert_int_equal(write(far.wake_fd, &one, sizeof(one)), sizeof(one));
	began = gw_clock_mono_ns();
	assert_int_equal(fixture.driver->open(fixture.state, &fixture.source, &far, &err),
		GW_ERR_STOPPED);
	assert_true(gw_clock_mono_ns() - began < 400 * MS);
	for (int i = 0; i < 8; i++)
		close(fill[i]);
	close(full);
}

static void test_names_work_and_unknown_ones_are_a_link_error(void **state)
{
	struct gw_error err = {0};

	(void)state;
	add_device(3, 30 * MS);
	add_own(3, 100);
	fixture.tcp.host = "localhost";
	open_ok();
	poll_until_good(0, 1000);
	fixture.driver->close(fixture.state);
	fixture.tcp.host = "no-such-host.invalid";
	fixture.tcp.connect_timeout_ns = 2000 * MS;
	assert_int_equal(fixture.driver->open(fixture.state, &fixture.source, &far, &err),
		GW_ERR_LINK);
	assert_non_null(strstr(err.text, "no-such-host.invalid"));
}

static void test_stop_is_obeyed_at_once(void **state)
{
	struct gw_error err = {0};
	uint64_t one = 1;
	int64_t began;

	(void)state;
	add_device(3, 30 * MS);
	add_own(3, 100);
	ask_peer("alive 3 off");
	fixture.tcp.timeout_ns = 5000 * MS;
	open_ok();
	poll_for(50);
	far.stop = true;
	assert_int_equal(write(far.wake_fd, &one, sizeof(one)), sizeof(one));
	began = gw_clock_mono_ns();
	assert_int_equal(
		fixture.driver->poll(fixture.state, 3000, &far, &err), GW_ERR_STOPPED);
	assert_true(gw_clock_mono_ns() - began < 1000 * MS);
}

/* A unit that takes its time: poll keeps to its own timeout all the same. */
static void test_poll_keeps_its_timeout(void **state)
{
	(void)state;
	add_device(3, 30 * MS);
	add_own(3, 100);
	fixture.tcp.timeout_ns = 2000 * MS;
	ask_peer("fault 3 late -1 800");
	open_ok();
	for (int i = 0; i < 20; i++) {
		int64_t began = gw_clock_mono_ns();
		struct gw_error err;

		assert_int_equal(poll_once(50, &err), GW_OK);
		assert_in_range(gw_clock_mono_ns() - began, 45 * MS, 500 * MS);
	}
	assert_true(far.good[0] >= 1);
	assert_int_equal(far.counts[GW_COUNT_TIMEOUTS], 0);
}

/* Hazard 27: the adapter is pulled out and comes back under the same name. */
static void test_the_port_vanishes_and_comes_back(void **state)
{
	struct gw_error err = {0};

	(void)state;
	add_device(3, 30 * MS);
	add_own(3, 100);
	open_ok();
	poll_until_good(0, 1000);
	for (int i = 0; i < 3; i++) {
		ask_peer("unplug");
		assert_int_equal(poll_until_error(1000, &err), GW_ERR_LINK);
		fixture.driver->close(fixture.state);
		assert_int_equal(
			fixture.driver->open(fixture.state, &fixture.source, &far, &err),
			GW_ERR_LINK);
		assert_non_null(strstr(err.text, peer.link));
		ask_peer("plug");
		open_ok();
		poll_until_good(0, 1000);
	}
}

/* While nothing is due, too. */
static void test_an_idle_port_that_vanishes_is_noticed(void **state)
{
	struct gw_error err = {0};

	(void)state;
	add_device(3, 60000 * MS);
	add_own(3, 100);
	open_ok();
	poll_until_good(0, 1000);
	ask_peer("unplug");
	assert_int_equal(poll_until_error(500, &err), GW_ERR_LINK);
}

static void test_a_line_that_is_never_quiet(void **state)
{
	struct gw_error err = {0};
	int64_t until = gw_clock_mono_ns() + 6000 * MS;
	enum gw_err rc = GW_OK;

	(void)state;
	add_device(3, 30 * MS);
	add_own(3, 100);
	fixture.rtu.timeout_ns = 60 * MS;
	ask_peer("alive 3 off");
	open_ok();
	while (rc == GW_OK && gw_clock_mono_ns() < until) {
		ask_peer("raw 55");
		rc = poll_once(20, &err);
	}
	assert_int_equal(rc, GW_ERR_LINK);
	assert_string_equal(err.text, "the line is never quiet");
}

static void test_the_silence_between_requests(void **state)
{
	(void)state;
	fixture.rtu.turnaround_ns = 40 * MS;
	add_device(3, 10 * MS);
	add_own(3, 100);
	open_ok();
	poll_for(500);
	assert_in_range(far.good[0], 7, 13);
}

static void test_close_in_any_state(void **state)
{
	struct gw_error err = {0};

	(void)state;
	fixture.driver->close(fixture.state);
	open_ok();
	assert_int_equal(poll_once(20, &err), GW_OK); /* no devices: just waits */
	fixture.driver->close(fixture.state);
	open_ok();
	open_ok();
}

/* test_modbus_driver [PATTERN]: only the tests whose name matches. */
int main(int argc, char **argv)
{
#define TCP(test) cmocka_unit_test_setup_teardown(test, begin_tcp, end)
#define RTU(test) cmocka_unit_test_setup_teardown(test, begin_rtu, end)
	const struct CMUnitTest tests[] = {
		TCP(test_reads_everything_tcp),
		TCP(test_full_blocks),
		TCP(test_polls_keep_their_pace),
		TCP(test_a_bus_that_cannot_keep_up_skips),
		TCP(test_lies_over_tcp),
		TCP(test_a_constant_liar_is_bad_and_alone),
		TCP(test_one_late_answer_over_tcp),
		TCP(test_slow_drip_tcp),
		TCP(test_half_an_answer),
		TCP(test_a_dead_unit_tcp),
		TCP(test_many_units_dead_from_the_start),
		TCP(test_a_hole_is_learned_tcp),
		TCP(test_a_dead_unit_behind_a_gateway),
		TCP(test_device_failure_is_bad_the_second_time),
		TCP(test_the_server_goes_away_and_comes_back),
		TCP(test_a_connection_that_always_breaks_is_a_lost_link),
		TCP(test_a_connection_that_breaks_for_one_unit),
		TCP(test_stray_bytes_while_idle),
		TCP(test_descriptors_above_1023),
		TCP(test_connect_is_bounded),
		TCP(test_names_work_and_unknown_ones_are_a_link_error),
		TCP(test_stop_is_obeyed_at_once),
		TCP(test_poll_keeps_its_timeout),
		TCP(test_close_in_any_state),
		RTU(test_reads_everything_rtu),
		RTU(test_lies_over_rtu),
		RTU(test_one_late_answer_over_rtu),
		RTU(test_many_late_answers_over_rtu),
		RTU(test_slow_drip_rtu),
		RTU(test_a_dead_unit_rtu),
		RTU(test_a_hole_is_learned_rtu),
		RTU(test_stray_bytes_on_the_line_while_idle),
		RTU(test_the_port_vanishes_and_comes_back),
		RTU(test_an_idle_port_that_vanishes_is_noticed),
		RTU(test_a_line_that_is_never_quiet),
		RTU(test_the_silence_between_requests),
		RTU(test_close_in_any_state),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
