/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTPS sink: certificates, keys and tokens. */
#include "https_fixture.h"

static void last_request(const char *field, char *to, size_t size)
{
	char line[8192], last[8192] = "{}";
	FILE *f = fopen(requests, "r");
	json_t *root;

	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		memcpy(last, line, sizeof(last));
	fclose(f);
	root = json_loads(last, 0, NULL);
	snprintf(to, size, "%s", json_string_value(json_object_get(root, field)));
	json_decref(root);
}

static void run_openssl(const char *from, const char *to, const char *more)
{
	char command[1024];

	snprintf(command, sizeof(command),
		"openssl pkey -in %s -out %s -aes256 -passout pass:x %s 2>/dev/null", from,
		to, more);
	assert_int_equal(system(command), 0);
}

/* OpenSSL would ask for the pass phrase on the terminal, and wait. */
static void test_an_encrypted_key(void **state)
{
	char locked[300];
	int64_t begun = gw_clock_boot_ns();

	(void)state;
	snprintf(locked, sizeof(locked), "%s/locked.key", dir);
	for (int old = 0; old < 2; old++) {
		run_openssl(key, locked, old ? "-traditional" : "");
		opts.key = locked;
		reopen();
		assert_refused_to_talk();
		assert_why("locked.key: the key is encrypted: remove its pass phrase");
	}
	copy_file(key, locked); /* and it is noticed when that was done */
	assert_int_equal(send_new(), GW_SINK_SENT);
	assert_true(gw_clock_boot_ns() - begun < 10000 * MS);
}

static void test_untrusted_servers_get_nothing(void **state)
{
	char other[160], mismatch[64], system_ca[] = "";

	(void)state;
	snprintf(other, sizeof(other), "%s/other/ca.pem", dir);
	opts.ca = other;
	reopen();
	assert_refused_to_talk();
	assert_why("certificate");
	opts.ca = system_ca; /* and by the system's authorities neither */
	reopen();
	assert_refused_to_talk();
	opts.ca = "/nonexistent.pem";
	reopen();
	assert_refused_to_talk();
	opts.ca = ca;
	snprintf(mismatch, sizeof(mismatch), "https://elsewhere.test:%d/v1/alerts", port);
	opts.url = mismatch;
	reopen();
	assert_refused_to_talk();
	assert_why("elsewhere.test");
}

static void test_certificates_not_valid_now(void **state)
{
	(void)state;
	serve("old", "\"127.0.0.1\"", -20, -10);
	assert_refused_to_talk();
	assert_why("has expired by this clock");
	serve("early", "\"127.0.0.1\"", 10, 20);
	assert_refused_to_talk();
	assert_why("is not yet valid by this clock");
}

static void test_without_a_client_certificate_the_handshake_fails(void **state)
{
	(void)state;
	opts.cert = opts.key = "";
	reopen();
	assert_refused_to_talk();
}

static void test_token_is_replaced(void **state)
{
	(void)state;
	assert_int_equal(send_new(), GW_SINK_SENT);
	platform_command("{\"do\": \"token\", \"token\": \"n3w\"}");
	assert_int_equal(send_new(), GW_SINK_REFUSED);
	assert_int_equal(result.status, 401);
	write_file(token_file, "n3w  \r\nsecond line\n");
	assert_int_equal(send_again(), GW_SINK_SENT);
	unlink(token_file); /* in the middle of a rotation */
	assert_int_equal(send_new(), GW_SINK_SENT);
}

static void test_an_invalid_token_is_refused(void **state)
{
	int before = stat_of("requests");

	(void)state;
	unlink(token_file);
	assert_refused_to_talk();
	assert_why("No such file");
	write_file(token_file, "\n");
	assert_refused_to_talk();
	write_file(token_file, "a\tb\n");
	assert_refused_to_talk();
	assert_why("not a token");
	assert_int_equal(stat_of("requests"), before);
	write_file(token_file, "t0ken");
	assert_int_equal(send_again(), GW_SINK_SENT);
}

/* The connection is kept alive, and yet what is rotated counts from the next request on. */
static void test_certificates_are_replaced_without_a_restart(void **state)
{
	char my_ca[128], my_cert[128], my_key[128], other[160], name[64];

	(void)state;
	snprintf(my_ca, sizeof(my_ca), "%s/my-ca.pem", dir);
	snprintf(my_cert, sizeof(my_cert), "%s/my.pem", dir);
	snprintf(my_key, sizeof(my_key), "%s/my.key", dir);
	snprintf(other, sizeof(other), "%s/other/ca.pem", dir);
	copy_file(ca, my_ca);
	copy_file(cert, my_cert);
	copy_file(key, my_key);
	opts.ca = my_ca;
	opts.cert = my_cert;
	opts.key = my_key;
	reopen();
	assert_int_equal(send_new(), GW_SINK_SENT);
	last_request("client", name, sizeof(name));
	assert_string_equal(name, "gateway");

	json_t *issued = platform_reply(
		"{\"do\": \"issue\", \"name\": \"gateway-2\", \"client\": true}");
	copy_file(json_string_value(json_object_get(issued, "key")), my_key);
	copy_file(json_string_value(json_object_get(issued, "cert")), my_cert);
	json_decref(issued);
	assert_int_equal(send_new(), GW_SINK_SENT);
	last_request("client", name, sizeof(name));
	assert_string_equal(name, "gateway-2");

	copy_file(other, my_ca); /* trust is withdrawn */
	assert_refused_to_talk();
	copy_file(ca, my_ca);
	assert_int_equal(send_again(), GW_SINK_SENT);
}

#define IT(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IT(test_an_encrypted_key),
		IT(test_untrusted_servers_get_nothing),
		IT(test_certificates_not_valid_now),
		IT(test_without_a_client_certificate_the_handshake_fails),
		IT(test_token_is_replaced),
		IT(test_an_invalid_token_is_refused),
		IT(test_certificates_are_replaced_without_a_restart),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, start_platform, stop_platform);
}
