/* SPDX-License-Identifier: Apache-2.0 */
/*
 * broker_fixture.h: the MQTT driver and mosquitto itself, on a free port, in a folder of its own.
 */
#ifndef TESTS_BROKER_FIXTURE_H
#define TESTS_BROKER_FIXTURE_H

#include "driver_fixture.h"
#include "tests/unit/fixture/temp_dir.h"

#include <fcntl.h>
#include <mosquitto.h>
#include <spawn.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define MOSQUITTO "/usr/sbin/mosquitto"

static char dir[TEMP_DIR_MAX];
static char config_file[96];
static int port;
static pid_t broker = -1;

FIXTURE const char *in_dir(const char *name)
{
	static char paths[8][96];
	static int turn;

	turn = (turn + 1) % 8;
	snprintf(paths[turn], sizeof(paths[turn]), "%s/%s", dir, name);
	return paths[turn];
}

FIXTURE void write_file(const char *name, const char *text)
{
	FILE *f = fopen(in_dir(name), "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

/* A listener is there. */
FIXTURE bool accepts_connections(int at)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(0x7f000001),
		.sin_port = htons((uint16_t)at)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	bool yes = connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0;

	close(fd);
	return yes;
}

FIXTURE void run_broker(void)
{
	char *argv[] = {(char[]){"mosquitto"}, (char[]){"-c"}, config_file, NULL};
	posix_spawn_file_actions_t actions;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(
		&actions, 2, in_dir("log"), O_WRONLY | O_CREAT | O_APPEND, 0600);
	assert_int_equal(posix_spawn(&broker, MOSQUITTO, &actions, NULL, argv, environ), 0);
	posix_spawn_file_actions_destroy(&actions);
	for (int i = 0; i < 1000 && !accepts_connections(port); i++)
		usleep(5000);
	assert_true(accepts_connections(port));
}

FIXTURE void kill_broker(int signal_number)
{
	if (broker < 0)
		return;
	kill(broker, signal_number);
	waitpid(broker, NULL, 0);
	broker = -1;
}

/* A mosquitto with these lines more, on a port that was free a moment ago. */
FIXTURE void start_broker(const char *lines)
{
	char text[1024];
	int fd = fixture_listen(&port, 1);

	close(fd);
	snprintf(text, sizeof(text),
		"user %s\nlistener %d 127.0.0.1\n%s\npersistence true\n"
		"persistence_location %s/\n",
		geteuid() == 0 ? "root" : "mosquitto", port, lines, dir);
	snprintf(config_file, sizeof(config_file), "%s", in_dir("mosquitto.conf"));
	write_file("mosquitto.conf", text);
	unlink(in_dir("mosquitto.db"));
	run_broker();
}

FIXTURE int stop_broker(void **state)
{
	(void)state;
	kill_broker(SIGTERM);
	return 0;
}

static atomic_bool accepted, published;

FIXTURE void on_connect(struct mosquitto *m, void *arg, int code)
{
	(void)m;
	(void)arg;
	atomic_store(&accepted, code == 0);
}

FIXTURE void on_publish(struct mosquitto *m, void *arg, int mid)
{
	(void)m;
	(void)arg;
	(void)mid;
	atomic_store(&published, true);
}

FIXTURE void await(const atomic_bool *what)
{
	for (int i = 0; i < 10000 && !atomic_load(what); i++)
		usleep(1000);
	assert_true(atomic_load(what));
}

/* Returns when the broker has it; with QoS 0 when it is on its way. */
FIXTURE void publish_as(const char *user, const char *topic, const void *payload,
	size_t size, int qos, bool retain)
{
	struct mosquitto *m = mosquitto_new(NULL, true, NULL);

	assert_non_null(m);
	atomic_store(&accepted, false);
	atomic_store(&published, false);
	mosquitto_connect_callback_set(m, on_connect);
	mosquitto_publish_callback_set(m, on_publish);
	if (user)
		mosquitto_username_pw_set(m, user, "secret");
	assert_int_equal(mosquitto_connect(m, "127.0.0.1", port, 60), MOSQ_ERR_SUCCESS);
	assert_int_equal(mosquitto_loop_start(m), MOSQ_ERR_SUCCESS);
	await(&accepted); /* the broker's CONNACK to a closed socket would reset it */
	assert_int_equal(mosquitto_publish(m, NULL, topic, (int)size, payload, qos, retain),
		MOSQ_ERR_SUCCESS);
	await(&published);
	mosquitto_disconnect(m);
	mosquitto_loop_stop(m, false);
	mosquitto_destroy(m);
}

FIXTURE void publish(const char *topic, const char *payload, int qos)
{
	publish_as(NULL, topic, payload, strlen(payload), qos, false);
}

/* The names of the points of a device with one. */
static const char *const one[] = {"x"};

FIXTURE int begin(void **state)
{
	(void)state;
	mosquitto_lib_init();
	return temp_dir_make(dir);
}

FIXTURE int end(void **state)
{
	(void)state;
	return temp_dir_remove(dir);
}

#endif
