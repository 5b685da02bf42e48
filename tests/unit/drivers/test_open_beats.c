/* SPDX-License-Identifier: Apache-2.0 */
/*
 * However long an open may take by its configuration, the source's thread beats, so that nobody
 * reports its driver as hanging, and a stop ends it at once. The clock and the waits are the
 * test's: each wait is over at once, and the clock as much later.
 */
#include "driver_fixture.h"
#include "drivers/modbus.h"
#include "drivers/modbus_map.h"
#include "tests/unit/fixture/full_listener.h"
#include "tests/unit/fixture/scripted_clock.h"

#include <netdb.h>
#include <poll.h>
#include <stdatomic.h>

#define NEVER   INT64_MAX
#define BEAT_NS GW_NS_PER_SEC /* source/driver.h: at least every second */

static struct driver_fixture fixture;
static int64_t began_ns, oldest_beat_ns, stop_after_ns, stopped_at_ns;

/* A wait of the driver: it is skipped, unless something has happened already. */
static int skip_wait(struct pollfd *fds, nfds_t n, int64_t wait_ns)
{
	const struct timespec at_once = {0};
	int64_t age_ns;
	int ready;

	if (now_ns - began_ns >= stop_after_ns && stopped_at_ns == 0) {
		fixture_stop(&fixture);
		stopped_at_ns = gw_clock_boot_ns();
	}
	ready = ppoll(fds, n, &at_once, NULL);
	if (ready != 0)
		return ready;
	now_ns += wait_ns;
	age_ns = gw_clock_boot_ns() - atomic_load(&fixture.thread.beat_ns);
	if (age_ns > oldest_beat_ns)
		oldest_beat_ns = age_ns;
	return 0;
}

int poll(struct pollfd *fds, nfds_t n, int timeout_ms)
{
	return skip_wait(fds, n, timeout_ms * GW_NS_PER_MS);
}

/* A name server that is dead until the test has ended. */
static _Atomic bool name_server_works;
static _Atomic int lookers;

int getaddrinfo(const char *host, const char *port, const struct addrinfo *hints,
	struct addrinfo **ret_found)
{
	struct answer {
		struct addrinfo info;
		struct sockaddr_in address;
	} * found;
	struct sockaddr_in a = {.sin_family = AF_INET};

	if (port) /* libmosquitto gives none, and sets it in the answer */
		a.sin_port = htons((uint16_t)atoi(port));
	if (inet_pton(AF_INET, host, &a.sin_addr) != 1) {
		if (hints->ai_flags & AI_NUMERICHOST)
			return EAI_NONAME;
		lookers++;
		while (!name_server_works)
			usleep(1000);
		lookers--;
		return EAI_AGAIN;
	}
	found = calloc(1, sizeof(*found));
	found->address = a;
	found->info = (struct addrinfo){.ai_family = AF_INET,
		.ai_socktype = SOCK_STREAM,
		.ai_addr = (struct sockaddr *)&found->address,
		.ai_addrlen = sizeof(a)};
	*ret_found = &found->info;
	return 0;
}

void freeaddrinfo(struct addrinfo *found)
{
	free(found);
}

static struct gw_modbus_tcp_opts modbus;

static void begin(int port)
{
	began_ns = now_ns;
	oldest_beat_ns = stopped_at_ns = 0;
	stop_after_ns = NEVER;
	fixture_begin(&fixture, port);
	gw_thread_beat(&fixture.thread, gw_clock_boot_ns());
	modbus = (struct gw_modbus_tcp_opts){.host = "127.0.0.1",
		.port = port,
		.timeout_ns = GW_NS_PER_SEC,
		.connect_timeout_ns = 30 * GW_NS_PER_SEC};
}

static enum gw_err open_modbus(void)
{
	void *state = calloc(1, gw_driver_modbus_tcp.state_size);
	enum gw_err rc;

	fixture.source.driver_table = &gw_driver_modbus_tcp;
	fixture.source.driver = &modbus;
	rc = gw_driver_modbus_tcp.open(state, &fixture.source, &fixture.emit, &fixture.err);
	gw_driver_modbus_tcp.close(state);
	free(state);
	return rc;
}

/* The open takes all of its time without a beat being late; then again, with a stop in it. */
static void takes_time_and_beats(enum gw_err (*open_driver)(void), int64_t takes_ns)
{
	assert_int_equal(open_driver(), GW_ERR_LINK);
	assert_in_range(now_ns - began_ns, takes_ns, takes_ns + GW_NS_PER_SEC);
	assert_in_range(oldest_beat_ns, 1, BEAT_NS);
	stop_after_ns = now_ns - began_ns + takes_ns / 2;
	assert_int_equal(open_driver(), GW_ERR_STOPPED);
	assert_true(stopped_at_ns > 0);
	assert_int_equal(gw_clock_boot_ns(), stopped_at_ns);
}

static void modbus_tcp_beats_while_it_connects(void **state)
{
	struct full_listener f;

	(void)state;
	assert_true(full_listener_open(&f, "127.0.0.1", 0));
	begin(f.port);
	takes_time_and_beats(open_modbus, 30 * GW_NS_PER_SEC);
	fixture_end(&fixture);
	full_listener_close(&f);
}

static void modbus_tcp_beats_while_its_host_is_looked_up(void **state)
{
	(void)state;
	begin(1);
	modbus.host = "plc.local";
	takes_time_and_beats(open_modbus, 30 * GW_NS_PER_SEC);
	fixture_end(&fixture);
}

static enum gw_err open_mqtt(void)
{
	return fixture_open(&fixture);
}

static void mqtt_beats_while_it_connects(void **state)
{
	static const char *const names[] = {"value"};
	struct full_listener f;

	(void)state;
	assert_true(full_listener_open(&f, "127.0.0.1", 0));
	begin(f.port);
	fixture_device(&fixture, "t", 1, names);
	takes_time_and_beats(open_mqtt, 5 * GW_NS_PER_SEC);
	fixture_end(&fixture);
	full_listener_close(&f);
}

/* The kernel accepts for a program that does not read: nobody answers the handshake. */
static void mqtt_beats_during_a_handshake(void **state)
{
	static const char *const names[] = {"value"};
	int port, fd = fixture_listen(&port, 16);

	(void)state;
	begin(port);
	fixture_device(&fixture, "t", 1, names);
	takes_time_and_beats(open_mqtt, 5 * GW_NS_PER_SEC);
	fixture_end(&fixture);
	close(fd);
}

static void mqtt_beats_while_its_broker_is_looked_up(void **state)
{
	static const char *const names[] = {"value"};

	(void)state;
	begin(1);
	snprintf(fixture.url, sizeof(fixture.url), "mqtt://broker.local:1883");
	fixture_device(&fixture, "t", 1, names);
	takes_time_and_beats(open_mqtt, 3 * GW_NS_PER_SEC);
	fixture_end(&fixture);
}

static int end_look_ups(void **state)
{
	(void)state;
	name_server_works = true;
	while (lookers > 0)
		usleep(1000);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(modbus_tcp_beats_while_it_connects),
		cmocka_unit_test(modbus_tcp_beats_while_its_host_is_looked_up),
		cmocka_unit_test(mqtt_beats_while_it_connects),
		cmocka_unit_test(mqtt_beats_during_a_handshake),
		cmocka_unit_test(mqtt_beats_while_its_broker_is_looked_up),
	};

	return cmocka_run_group_tests(tests, NULL, end_look_ups);
}
