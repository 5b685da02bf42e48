/* SPDX-License-Identifier: Apache-2.0 */
/* The MQTT driver against mosquitto with passwords, and with TLS and a throw-away CA. */
#include "broker_fixture.h"

static void a_password_is_sent_and_a_refusal_is_reported(void **state)
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
	/* An authority published away is trusted no longer. */
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

static void over_tls_a_backlog_arrives_and_is_acknowledged(void **state)
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(
			a_password_is_sent_and_a_refusal_is_reported, stop_broker),
		cmocka_unit_test_teardown(tls_is_verified_both_ways, stop_broker),
		cmocka_unit_test_teardown(
			over_tls_a_backlog_arrives_and_is_acknowledged, stop_broker),
	};

	if (access(MOSQUITTO, X_OK) != 0)
		return 77;
	return cmocka_run_group_tests(tests, begin, end);
}
