/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The MQTT driver against mosquitto itself, on a free port, with a throw-away CA.
 */
#include "driver_fixture.h"
#include "tests/unit/fixture/temp_dir.h"

#include <fcntl.h>
#include <mosquitto.h>
#include <spawn.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/wait.h>

static char dir[TEMP_DIR_MAX];
static char config_file[96];
static int port;
static pid_t broker = -1;

static const char *in_dir(const char *name)
{
	static char paths[8][96];
	static int turn;

	turn = (turn + 1) % 8;
	snprintf(paths[turn], sizeof(paths[turn]), "%s/%s", dir, name);
	return paths[turn];
}

static void write_file(const char *name, const char *text)
{
	FILE *f = fopen(in_dir(name), "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static bool answers(int at)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(0x7f000001),
		.sin_port = htons((uint16_t)at)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	bool yes = connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0;

	close(fd);
	return yes;
}

static void run_broker(void)
{
	char *argv[] = {(char[]){"mosquitto"}, (char[]){"-c"}, config_file, NULL};
	posix_spawn_file_actions_t actions;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(
		&actions, 2, in_dir("log"), O_WRONLY | O_CREAT | O_APPEND, 0600);
	assert_int_equal(
		posix_spawn(&broker, "/usr/sbin/mosquitto", &actions, NULL, argv, environ),
		0);
	posix_spawn_file_actions_destroy(&actions);
	for (int i = 0; i < 1000 && !answers(port); i++)
		usleep(5000);
	assert_true(answers(port));
}

static void kill_broker(int signal_number)
{
	if (broker < 0)
		return;
	kill(broker, signal_number);
	waitpid(broker, NULL, 0);
	broker = -1;
}

/* A mosquitto with these lines more, on a port that was free a moment ago. */
static void start_broker(const char *lines)
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

static int stop_broker(void **state)
{
	(void)state;
	kill_broker(SIGTERM);
	return 0;
}

static atomic_bool let_in, taken;

static void on_connect(struct mosquitto *m, void *arg, int code)
{
	(void)m;
	(void)arg;
	atomic_store(&let_in, code == 0);
}

static void on_publish(struct mosquitto *m, void *arg, int mid)
{
	(void)m;
	(void)arg;
	(void)mid;
	atomic_store(&taken, true);
}

static void await(const atomic_bool *what)
{
	for (int i = 0; i < 10000 && !atomic_load(what); i++)
		usleep(1000);
	assert_true(atomic_load(what));
}

/* Returns when the broker has it; with QoS 0 when it is on its way. */
static void publish_as(const char *user, const char *topic, const void *payload,
	size_t size, int qos, bool retain)
{
	struct mosquitto *m = mosquitto_new(NULL, true, NULL);

	assert_non_null(m);
	atomic_store(&let_in, false);
	atomic_store(&taken, false);
	mosquitto_connect_callback_set(m, on_connect);
	mosquitto_publish_callback_set(m, on_publish);
	if (user)
		mosquitto_username_pw_set(m, user, "secret");
	assert_int_equal(mosquitto_connect(m, "127.0.0.1", port, 60), MOSQ_ERR_SUCCESS);
	assert_int_equal(mosquitto_loop_start(m), MOSQ_ERR_SUCCESS);
	await(&let_in); /* or its answer would meet a closed socket, and reset it */
	assert_int_equal(mosquitto_publish(m, NULL, topic, (int)size, payload, qos, retain),
		MOSQ_ERR_SUCCESS);
	await(&taken);
	mosquitto_disconnect(m);
	mosquitto_loop_stop(m, false);
	mosquitto_destroy(m);
}

static void publish(const char *topic, const char *payload, int qos)
{
	publish_as(NULL, topic, payload, strlen(payload), qos, false);
}

static const char *const one[] = {"x"};

static void must_open(struct driver_fixture *b)
{
	if (fixture_open(b) != GW_OK)
		fail_msg("open: %s", b->err.text);
}

static void payloads_become_samples(void **state)
{
	static const char *const two[] = {"smoke", "battery"};
	static const char retained[] = "{\"smoke\": true, \"power\": {\"level\": 80}}";
	struct driver_fixture b;

	(void)state;
	start_broker("allow_anonymous true");
	fixture_begin(&b, port);
	fixture_device(&b, "water/pressure", 1, one)->scale = 0.001;
	fixture_device(&b, "zigbee/smoke", 2, two)->type = GW_TYPE_BOOL;
	b.mqtt_points[2].path = "/power/level";
	fixture_device(&b, "water/pressure", 1, one); /* two devices, one topic */
	publish_as(NULL, "zigbee/smoke", retained, strlen(retained), 1, true);
	must_open(&b);
	fixture_wait(&b, 2);
	assert_int_equal(b.got[0].point, 1);
	assert_true(b.got[0].value == 1);
	assert_int_equal(b.got[0].quality, GW_QUALITY_RETAINED);
	assert_true(b.got[1].value == 80);
	b.n = 0;
	publish("water/pressure", "523", 1);
	fixture_wait(&b, 2);
	assert_int_equal(b.got[0].point, 0);
	assert_true(b.got[0].value == 0.523);
	assert_int_equal(b.got[0].quality, GW_QUALITY_GOOD);
	assert_int_equal(b.got[1].point, 3);
	assert_true(b.got[1].value == 523);
	/* Bad bytes cost the point, not the link. */
	b.n = 0;
	publish("zigbee/smoke", "{\"smoke\": false, \"smoke\": true}", 0);
	publish("zigbee/smoke", "{\"smoke\": false}", 0);
	publish("zigbee/smoke", "", 0);
	fixture_wait(&b, 4); /* nothing of what a message does not say */
	assert_int_equal(b.got[0].quality, GW_QUALITY_BAD_PAYLOAD);
	assert_int_equal(b.got[0].point, 1);
	assert_int_equal(b.got[1].quality, GW_QUALITY_GOOD);
	assert_int_equal(b.got[1].point, 1);
	assert_int_equal(b.got[2].quality, GW_QUALITY_BAD_PAYLOAD);
	assert_int_equal(b.got[3].quality, GW_QUALITY_BAD_PAYLOAD);
	assert_int_equal(fixture_count(&b, GW_COUNT_BAD_FRAMES), 3);
	assert_int_equal(fixture_count(&b, GW_COUNT_REQUESTS), 5);
	/* One key at a time; damage elsewhere is counted. */
	b.n = 0;
	publish("zigbee/smoke", "{\"power\": {\"level\": 79}, \"t\": nan}", 0);
	publish("zigbee/smoke", "{\"contact\": true}", 0);
	publish("zigbee/smoke", "{\"t\": \"\xb2\xe2\", \"smoke\": true}", 0);
	fixture_wait(&b, 2);
	assert_int_equal(b.got[0].point, 2);
	assert_true(b.got[0].value == 79);
	assert_int_equal(b.got[1].point, 1);
	assert_true(b.got[1].value == 1);
	assert_int_equal(fixture_count(&b, GW_COUNT_BAD_FRAMES), 3);
	assert_int_equal(fixture_count(&b, GW_COUNT_DAMAGED), 2);
	assert_int_equal(fixture_count(&b, GW_COUNT_REQUESTS), 8);
	fixture_end(&b);
}

/* Hazard 8, whole: what was not settled before the end comes again, what was does not. */
static void unsettled_messages_are_delivered_again(void **state)
{
	struct driver_fixture b;

	(void)state;
	start_broker("allow_anonymous true");
	fixture_begin(&b, port);
	fixture_device(&b, "t", 1, one);
	must_open(&b);
	b.store_stands = true;
	publish("t", "1", 1);
	publish("t", "2", 1);
	fixture_wait(&b, 1); /* the second waits until the first is acknowledged */
	fixture_idle(&b, 50);
	assert_int_equal(b.n, 1);
	gw_driver_mqtt.close(b.state); /* as kill -9 would */
	b.n = 0;
	b.store_stands = false;
	must_open(&b);
	fixture_wait(&b, 2);
	assert_true(b.got[0].value == 1 && b.got[1].value == 2);
	assert_int_equal(fixture_count(&b, GW_COUNT_DUPLICATES), 2);
	fixture_idle(&b, 100);
	gw_driver_mqtt.close(b.state);
	must_open(&b);
	fixture_idle(&b, 200);
	assert_int_equal(b.n, 2);
	fixture_end(&b);
}

static void messages_wait_at_the_broker_while_we_are_away(void **state)
{
	struct driver_fixture b;

	(void)state;
	start_broker("allow_anonymous true");
	fixture_begin(&b, port);
	fixture_device(&b, "t", 1, one);
	must_open(&b);
	gw_driver_mqtt.close(b.state);
	publish("t", "1", 1);
	publish("t", "2", 1);
	kill_broker(SIGTERM);
	run_broker(); /* it remembers the session, too */
	must_open(&b);
	fixture_wait(&b, 2);
	assert_true(b.got[1].value == 2);
	assert_int_equal(fixture_count(&b, GW_COUNT_DUPLICATES), 0);
	fixture_end(&b);
}

/* Hazard 9: every way a broker goes is a lost link, and every open begins anew. */
static void a_broker_may_go_and_come(void **state)
{
	struct driver_fixture b;

	(void)state;
	start_broker("allow_anonymous true");
	fixture_begin(&b, port);
	fixture_device(&b, "t", 1, one);
	must_open(&b);
	kill_broker(SIGKILL);
	assert_int_equal(fixture_wait(&b, 1), GW_ERR_LINK);
	gw_driver_mqtt.close(b.state);
	assert_int_equal(fixture_open(&b), GW_ERR_LINK);
	assert_string_equal(b.err.text, "Connection refused");
	run_broker();
	must_open(&b);
	publish("t", "5", 1);
	fixture_wait(&b, 1);
	/* Told to go, by a broker that stops in order. */
	kill_broker(SIGTERM);
	assert_int_equal(fixture_wait(&b, 2), GW_ERR_LINK);
	fixture_end(&b);
}

/* Hazard 10: mosquitto drops what is longer than our Maximum Packet Size. */
static void a_long_message_does_not_reach_us(void **state)
{
	size_t size = 300000;
	char *big = calloc(1, size);
	struct driver_fixture b;

	(void)state;
	start_broker("allow_anonymous true");
	fixture_begin(&b, port);
	fixture_device(&b, "t", 1, one);
	must_open(&b);
	memset(big, '1', size);
	publish_as(NULL, "t", big, size, 1, false);
	publish("t", "7", 1);
	assert_int_equal(fixture_wait(&b, 1), GW_OK);
	assert_true(b.got[0].value == 7);
	assert_int_equal(fixture_count(&b, GW_COUNT_REQUESTS), 1);
	free(big);
	fixture_end(&b);
}

static void an_old_subscription_is_counted_and_ended(void **state)
{
	struct driver_fixture b;

	(void)state;
	start_broker("allow_anonymous true");
	fixture_begin(&b, port);
	fixture_device(&b, "old", 1, one);
	must_open(&b);
	gw_driver_mqtt.close(b.state);
	b.source.n_devices = b.source.n_points = 0;
	fixture_device(&b, "new", 1, one);
	must_open(&b);
	publish("old", "1", 1);
	publish("new", "2", 1);
	fixture_wait(&b, 1);
	assert_true(b.got[0].value == 2);
	assert_int_equal(fixture_count(&b, GW_COUNT_UNKNOWN_TOPIC), 1);
	fixture_idle(&b, 50);
	publish("old", "1", 1);
	publish("new", "3", 1);
	fixture_wait(&b, 2);
	assert_int_equal(fixture_count(&b, GW_COUNT_UNKNOWN_TOPIC), 1);
	fixture_end(&b);
}

static void many_topics_are_subscribed(void **state)
{
	static char topics[200][16];
	struct driver_fixture b;

	(void)state;
	start_broker("allow_anonymous true");
	fixture_begin(&b, port);
	for (int i = 0; i < 200; i++) {
		snprintf(topics[i], sizeof(topics[i]), "n/%d", i);
		fixture_device(&b, topics[i], 1, one);
	}
	must_open(&b);
	for (int i = 0; i < 200; i += 37)
		publish(topics[i], topics[i] + 2, 1);
	fixture_wait(&b, 6);
	for (uint32_t i = 0; i < 6; i++) {
		assert_int_equal(b.got[i].point, 37 * i);
		assert_true(b.got[i].value == 37 * i);
	}
	fixture_end(&b);
}

static void a_password_is_used_and_a_refusal_told(void **state)
{
	char command[512];
	struct driver_fixture b;

	(void)state;
	snprintf(command, sizeof(command), "mosquitto_passwd -b -c %s/passwd gw secret",
		dir);
	assert_int_equal(system(command), 0);
	write_file("acl", "user gw\ntopic readwrite yes\n");
	snprintf(command, sizeof(command), "password_file %s/passwd\nacl_file %s/acl", dir,
		dir);
	start_broker(command);
	fixture_begin(&b, port);
	fixture_device(&b, "yes", 1, one);
	fixture_device(&b, "not/ours", 1, one);
	assert_int_equal(fixture_open(&b), GW_ERR_LINK);
	assert_non_null(strstr(b.err.text, "the broker says: Not authorized"));
	b.mqtt.user = "gw";
	b.mqtt.password_file = in_dir("nothing");
	assert_int_equal(fixture_open(&b), GW_ERR_CONFIG);
	assert_non_null(strstr(b.err.text, "No such file"));
	write_file("password", "wrong\n");
	b.mqtt.password_file = in_dir("password");
	assert_int_equal(fixture_open(&b), GW_ERR_LINK);
	write_file("password", "secret\n");
	must_open(&b);
	publish_as("gw", "yes", "5", 1, 1, false);
	fixture_wait(&b, 1);
	assert_true(b.got[b.n - 1].value == 5);
	fixture_end(&b);
}

/* ---- TLS ---- */

static void make_certificates(void)
{
	char command[2048];

	snprintf(command, sizeof(command),
		"cd %s && exec 2>/dev/null && for ca in ca other; do openssl req -x509 "
		"-newkey "
		"ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=$ca -keyout "
		"$ca.key -out $ca.pem || exit 1; done; for n in server client; do openssl "
		"req "
		"-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=$n -keyout "
		"$n.key "
		"-out $n.csr && printf 'subjectAltName=IP:127.0.0.1' > ext && openssl x509 "
		"-req "
		"-in $n.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile ext "
		"-out "
		"$n.pem || exit 1; done; chmod 644 *.key",
		dir);
	assert_int_equal(system(command), 0);
}

static void tls_is_verified_both_ways(void **state)
{
	char lines[512], url[64];
	struct driver_fixture b;

	(void)state;
	make_certificates();
	snprintf(lines, sizeof(lines),
		"allow_anonymous true\ncafile %s/ca.pem\ncertfile %s/server.pem\n"
		"keyfile %s/server.key\nrequire_certificate true",
		dir, dir, dir);
	start_broker(lines);
	fixture_begin(&b, port);
	fixture_device(&b, "t", 1, one);
	snprintf(url, sizeof(url), "mqtts://127.0.0.1:%d", port);
	b.mqtt.url = url;
	b.mqtt.ca = in_dir("ca.pem");
	b.mqtt.cert = in_dir("client.pem");
	b.mqtt.key = in_dir("client.key");
	/* Hazard 11: twice, since the second connection is the one that fails elsewhere. */
	for (int i = 0; i < 2; i++) {
		must_open(&b);
		fixture_idle(&b, 50);
		gw_driver_mqtt.close(b.state);
	}
	/* An authority taken away is trusted no longer. */
	b.mqtt.ca = in_dir("other.pem");
	assert_int_equal(fixture_open(&b), GW_ERR_LINK);
	assert_non_null(strstr(b.err.text, "certificate verify failed"));
	b.mqtt.ca = in_dir("ca.pem");
	/* Another host's certificate. */
	snprintf(url, sizeof(url), "mqtts://localhost:%d", port);
	assert_int_equal(fixture_open(&b), GW_ERR_LINK);
	snprintf(url, sizeof(url), "mqtts://127.0.0.1:%d", port);
	/* None of our own: the broker hangs up. */
	b.mqtt.cert = b.mqtt.key = NULL;
	assert_int_equal(fixture_open(&b), GW_ERR_LINK);
	b.mqtt.cert = in_dir("client.pem");
	b.mqtt.key = in_dir("nothing.key");
	assert_int_equal(fixture_open(&b), GW_ERR_CONFIG);
	b.mqtt.key = in_dir("client.key");
	must_open(&b);
	fixture_end(&b);
}

static void tls_delivers(void **state)
{
	char lines[512], url[64], text[16];
	struct driver_fixture b;
	int tls_port, fd = fixture_listen(&tls_port, 1);

	(void)state;
	close(fd);
	make_certificates();
	snprintf(lines, sizeof(lines),
		"allow_anonymous true\nlistener %d 127.0.0.1\ncertfile %s/server.pem\n"
		"keyfile %s/server.key",
		tls_port, dir, dir);
	start_broker(lines);
	fixture_begin(&b, port);
	fixture_device(&b, "t", 1, one);
	snprintf(url, sizeof(url), "mqtts://127.0.0.1:%d", tls_port);
	b.mqtt.url = url;
	b.mqtt.ca = in_dir("ca.pem");
	must_open(&b);
	gw_driver_mqtt.close(b.state);
	for (int i = 0; i < 30; i++) { /* a backlog that comes with the broker's answer */
		snprintf(text, sizeof(text), "%d", i);
		publish("t", text, 1);
	}
	must_open(&b);
	fixture_wait(&b, 30);
	for (int i = 0; i < 30; i++)
		assert_true(b.got[i].value == i);
	fixture_idle(&b, 50);
	gw_driver_mqtt.close(b.state);
	must_open(&b);
	fixture_idle(&b, 100);
	assert_int_equal(b.n, 30); /* all were acknowledged */
	b.store_stands = true;
	publish("t", "30", 1);
	publish("t", "31", 1);
	fixture_wait(&b, 31);
	fixture_idle(&b, 100);
	assert_int_equal(b.n, 31); /* in TLS, too, a topic waits for its acknowledgement */
	b.store_stands = false;
	fixture_wait(&b, 32);
	fixture_end(&b);
}

static int begin(void **state)
{
	(void)state;
	mosquitto_lib_init();
	return temp_dir_make(dir);
}

static int end(void **state)
{
	(void)state;
	return temp_dir_remove(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(payloads_become_samples, stop_broker),
		cmocka_unit_test_teardown(
			unsettled_messages_are_delivered_again, stop_broker),
		cmocka_unit_test_teardown(
			messages_wait_at_the_broker_while_we_are_away, stop_broker),
		cmocka_unit_test_teardown(a_broker_may_go_and_come, stop_broker),
		cmocka_unit_test_teardown(a_long_message_does_not_reach_us, stop_broker),
		cmocka_unit_test_teardown(
			an_old_subscription_is_counted_and_ended, stop_broker),
		cmocka_unit_test_teardown(many_topics_are_subscribed, stop_broker),
		cmocka_unit_test_teardown(
			a_password_is_used_and_a_refusal_told, stop_broker),
		cmocka_unit_test_teardown(tls_is_verified_both_ways, stop_broker),
		cmocka_unit_test_teardown(tls_delivers, stop_broker),
	};

	if (access("/usr/sbin/mosquitto", X_OK) != 0)
		return 77;
	return cmocka_run_group_tests(tests, begin, end);
}
