/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The HTTPS sink against a platform that misbehaves on command (tests/peers/city_platform.py).
 * Names are looked up by this file: it takes the place of libc's getaddrinfo.
 */
#include "base/clock.h"
#include "uplink/sink.h"
#include "uplink_rows.h"

#include "tests/unit/fixture/temp_dir.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <jansson.h>
#include <netdb.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define MS GW_NS_PER_MS

/* ---- names ---- */

static _Atomic int names_fail; /* 1: at once, 2: after a while */

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
	struct addrinfo **ret_list)
{
	static int (*real)(
		const char *, const char *, const struct addrinfo *, struct addrinfo **);
	bool test = name != NULL && strlen(name) > 5 &&
		strcmp(name + strlen(name) - 5, ".test") == 0;

	if (real == NULL)
		*(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
	if (!test)
		return real(name, service, hints, ret_list);
	if (names_fail == 2)
		sleep(3);
	return names_fail ? EAI_AGAIN : real("127.0.0.1", service, hints, ret_list);
}

/* ---- the platform ---- */

static char dir[TEMP_DIR_MAX];
static pid_t pid;
static FILE *control;
static int port;
static char url[64], ca[256], cert[256], key[256], ledger[256], requests[256];

__attribute__((format(printf, 1, 2))) static json_t *platform_reply(const char *fmt, ...)
{
	static char line[65536];
	json_t *result;
	va_list ap;

	va_start(ap, fmt);
	vfprintf(control, fmt, ap);
	va_end(ap);
	fputc('\n', control);
	fflush(control);
	assert_non_null(fgets(line, sizeof(line), control));
	result = json_loads(line, 0, NULL);
	assert_non_null(result);
	if (!json_is_true(json_object_get(result, "ok")))
		fail_msg("platform: %s", line);
	return result;
}

__attribute__((format(printf, 1, 2))) static void platform_command(const char *fmt, ...)
{
	char line[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	json_decref(platform_reply("%s", line));
}

static int stat_of(const char *name)
{
	json_t *all = platform_reply("{\"do\": \"stats\"}");
	int n = (int)json_integer_value(json_object_get(all, name));

	json_decref(all);
	return n;
}

static void text_of(json_t *ready, const char *name, char *to, size_t size)
{
	snprintf(to, size, "%s", json_string_value(json_object_get(ready, name)));
}

static int start_platform(void **state)
{
	const char *peers = getenv("PEERS");
	char script[512], line[4096];
	struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int in[2], out[2], fd;
	json_t *ready;
	FILE *f;

	(void)state;
	if (peers == NULL)
		fail_msg("PEERS must name tests/peers");
	assert_int_equal(temp_dir_make(dir), 0);
	snprintf(script, sizeof(script), "%s/city_platform.py", peers);
	assert_int_equal(pipe2(in, O_CLOEXEC) | pipe2(out, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		/* by its whole name: it looks for its library beside what it is called by */
		execl("/usr/bin/python3", "/usr/bin/python3", script, "--dir", dir,
			"--mtls", "--token", "t0ken", "--stdin", (char *)NULL);
		_exit(127);
	}
	close(in[0]); /* in[1] stays open: it ends when we do */
	close(out[1]);
	f = fdopen(out[0], "r");
	assert_non_null(fgets(line, sizeof(line), f));
	fclose(f);
	ready = json_loads(line, 0, NULL);
	assert_non_null(ready);
	text_of(ready, "ca", ca, sizeof(ca));
	text_of(ready, "cert", cert, sizeof(cert));
	text_of(ready, "key", key, sizeof(key));
	text_of(ready, "ledger", ledger, sizeof(ledger));
	text_of(ready, "url", url, sizeof(url));
	snprintf(requests, sizeof(requests), "%s/requests.jsonl", dir);
	port = (int)json_integer_value(json_object_get(ready, "port"));
	to.sin_port = htons(
		(uint16_t)json_integer_value(json_object_get(ready, "control")));
	json_decref(ready);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	control = fdopen(fd, "r+");
	assert_non_null(control);
	/* a second authority that nobody here has reason to trust */
	snprintf(script, sizeof(script), "/usr/bin/python3 %s/ca.py %s/other", peers, dir);
	assert_int_equal(system(script), 0);
	return 0;
}

static int stop_platform(void **state)
{
	(void)state;
	if (control == NULL)
		return 0; /* it never began */
	platform_command("{\"do\": \"quit\"}");
	fclose(control);
	waitpid(pid, NULL, 0);
	return temp_dir_remove(dir);
}

/* ---- the sink ---- */

static struct gw_uplink_opts opts;
static void *sink;
static struct gw_wake wake;
static struct gw_sink_result result;
static unsigned turns, most_turns;
static int64_t timeout_ns;
static uint64_t last_id;
static char token_file[128];

static bool service(void *arg)
{
	(void)arg;
	return ++turns < most_turns;
}

static void reopen(void)
{
	struct gw_error err;

	gw_sink_https.close(sink);
	memset(sink, 0, gw_sink_https.state_size);
	assert_int_equal(gw_sink_https.open(sink, &opts, "tocsin/test", &err), GW_OK);
}

static void write_file(const char *path, const char *text)
{
	char new[300];
	FILE *f;

	snprintf(new, sizeof(new), "%s.new", path);
	f = fopen(new, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	assert_int_equal(rename(new, path), 0);
}

static void copy_file(const char *from, const char *to)
{
	static char text[65536];
	FILE *f = fopen(from, "r");

	assert_non_null(f);
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	fclose(f);
	write_file(to, text);
}

static int setup(void **state)
{
	(void)state;
	snprintf(token_file, sizeof(token_file), "%s/token", dir);
	write_file(token_file, "t0ken\n");
	platform_command("{\"do\": \"clear\"}");
	platform_command("{\"do\": \"token\", \"token\": \"t0ken\"}");
	platform_command("{\"do\": \"serve\", \"cert\": \"%s/ca/server.pem\", \"key\": "
			 "\"%s/ca/server.key\"}",
		dir, dir);
	names_fail = 0;
	opts = (struct gw_uplink_opts){.name = "city",
		.url = url,
		.ca = ca,
		.cert = cert,
		.key = key,
		.token_file = token_file};
	timeout_ns = 5000 * MS;
	most_turns = 1000;
	sink = calloc(1, gw_sink_https.state_size);
	assert_int_equal(gw_wake_init(&wake, NULL), GW_OK);
	reopen();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	gw_sink_https.close(sink);
	gw_sink_https.close(sink);
	free(sink);
	gw_wake_fini(&wake);
	return 0;
}

static char body[2][256];

/* One try with two events; the ids of the last one. */
static enum gw_sink_verdict send_again(void)
{
	struct gw_sink_body bodies[2];

	for (size_t i = 0; i < 2; i++) /* in two parts */
		bodies[i] = (struct gw_sink_body){
			.parts = {{body[i], 10 + i},
				{body[i] + 10 + i, strlen(body[i]) - 10 - i}},
			.n_parts = 2};
	turns = 0;
	memset(&result, 0xff, sizeof(result));
	gw_sink_https.send(sink,
		&(struct gw_sink_request){.bodies = bodies,
			.n_bodies = 2,
			.content_type = "application/cloudevents-batch+json; charset=UTF-8",
			.before = "[",
			.between = ",",
			.after = "]",
			.timeout_ns = timeout_ns,
			.wake = &wake,
			.service = service},
		&result);
	return result.verdict;
}

static enum gw_sink_verdict send_new(void)
{
	for (int i = 0; i < 2; i++)
		snprintf(body[i], sizeof(body[i]),
			"{\"specversion\":\"1.0\",\"id\":\"gw-1-%010d\",\"source\":\"urn:"
			"x\","
			"\"type\":\"tocsin.alarm.raised\",\"data\":{\"text\":\"锅炉房\"}}",
			(int)++last_id);
	return send_again();
}

static bool taken(void)
{
	char line[4096];
	unsigned found = 0;
	FILE *f = fopen(ledger, "r");

	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		for (int i = 0; i < 2; i++)
			found += strstr(line, body[i]) != NULL;
	fclose(f);
	return found >= 2;
}

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

static void assert_why(const char *part)
{
	if (strstr(result.why, part) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", part, result.why);
}

#define assert_refused_to_talk() \
	do { \
		assert_int_equal(send_new(), GW_SINK_RETRY); \
		assert_false(taken()); \
	} while (0)

/* ---- tests ---- */

static void test_sent_as_it_is_on_one_connection(void **state)
{
	int connections;

	(void)state;
	assert_int_equal(send_new(), GW_SINK_SENT);
	assert_int_equal(result.status, 200);
	assert_string_equal(result.why, "");
	assert_true(taken());
	connections = stat_of("connections");
	for (int i = 0; i < 5; i++)
		assert_int_equal(send_new(), GW_SINK_SENT);
	assert_int_equal(stat_of("connections"), connections);
}

static void test_statuses(void **state)
{
	static const struct {
		int status;
		enum gw_sink_verdict verdict;
	} rows[] = {
		{201, GW_SINK_SENT},
		{202, GW_SINK_SENT},
		{204, GW_SINK_SENT},
		{301, GW_SINK_RETRY},
		{304, GW_SINK_RETRY},
		{400, GW_SINK_REFUSED},
		{401, GW_SINK_REFUSED},
		{403, GW_SINK_REFUSED},
		{404, GW_SINK_REFUSED},
		{408, GW_SINK_RETRY},
		{409, GW_SINK_REFUSED},
		{410, GW_SINK_REFUSED},
		{413, GW_SINK_REFUSED},
		{422, GW_SINK_REFUSED},
		{425, GW_SINK_RETRY},
		{429, GW_SINK_RETRY},
		{500, GW_SINK_RETRY},
		{503, GW_SINK_RETRY},
		{599, GW_SINK_RETRY},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		platform_command(
			"{\"do\": \"fault\", \"kind\": \"status\", \"status\": %d, "
			"\"body\": \"because \\u0007of \\u001b[1m 锅炉\"}",
			rows[i].status);
		if (send_new() != rows[i].verdict || result.status != rows[i].status)
			fail_msg("%d: verdict %d, status %d, %s", rows[i].status,
				result.verdict, result.status, result.why);
		if (rows[i].status >= 400)
			assert_why("because  of  [1m 锅炉");
	}
	/* and the same bytes again, when it is well */
	platform_command("{\"do\": \"fault\", \"kind\": \"status\", \"status\": 500}");
	assert_int_equal(send_new(), GW_SINK_RETRY);
	assert_false(taken());
	assert_int_equal(send_again(), GW_SINK_SENT);
	assert_true(taken());
}

/* 200, and its body: as JSON has it in a string. */
static enum gw_sink_verdict answered_with(const char *text, const char *type)
{
	platform_command("{\"do\": \"fault\", \"kind\": \"status\", \"status\": 200, "
			 "\"takes\": false, "
			 "\"body\": \"%s\", \"headers\": {\"Content-Type\": \"%s\"}}",
		text, type);
	return send_new();
}

static void test_a_web_page_is_no_answer(void **state)
{
	(void)state;
	assert_int_equal(answered_with("ok", "text/html"), GW_SINK_SENT);
	assert_int_equal(answered_with("", "text/html"), GW_SINK_SENT);
	assert_int_equal(answered_with("{\\\"errcode\\\":310000}", "application/json"),
		GW_SINK_SENT);
	assert_int_equal(answered_with("\\n <!DOCTYPE html>\\n<html><title>login",
				 "application/json"),
		GW_SINK_RETRY);
	assert_int_equal(result.status, 200);
	assert_why("HTTP 200 with a web page: a login or captive page took it");
	assert_why("<title>login");
	assert_int_equal(answered_with("\\ufeff<HTML>", "text/plain"), GW_SINK_RETRY);
	/* on the same connection, and nothing of the page is left */
	assert_int_equal(send_new(), GW_SINK_SENT);
	assert_true(taken());
	opts.accept.word = 1;
	reopen();
	assert_int_equal(answered_with("<html>", "text/html"), GW_SINK_SENT);
}

static void test_a_body_that_says_no(void **state)
{
	static const struct gw_setting_pair pairs[] = {{"/errcode", "0", false}};

	(void)state;
	opts.accept = (struct gw_setting_pairs){.n = 1, .at = pairs};
	reopen();
	assert_int_equal(
		answered_with("{\\\"errcode\\\":0}", "application/json"), GW_SINK_SENT);
	assert_int_equal(
		answered_with("{\\\"errcode\\\":310000,\\\"errmsg\\\":\\\"token\\\"}",
			"application/json"),
		GW_SINK_REFUSED);
	assert_int_equal(result.status, 200);
	assert_why(
		"HTTP 200, but /errcode is 310000, not 0: {\"errcode\":310000,\"errmsg\"");
	assert_int_equal(answered_with("", "text/plain"), GW_SINK_REFUSED);
	assert_why("HTTP 200, but no body");
	assert_int_equal(answered_with("<html>", "text/html"), GW_SINK_RETRY);
	assert_why("captive page");
	platform_command(
		"{\"do\": \"fault\", \"kind\": \"status\", \"status\": 400, \"body\": "
		"\"{\\\"errcode\\\":0}\"}");
	assert_int_equal(send_new(), GW_SINK_REFUSED); /* a yes in a 400 is none */
	platform_command("{\"do\": \"fault\", \"kind\": \"long\", \"size\": 100000}");
	assert_int_equal(send_new(), GW_SINK_RETRY);
	assert_why("longer than");
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
	int64_t begun = gw_clock_mono_ns();

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
	assert_true(gw_clock_mono_ns() - begun < 10000 * MS);
}

static void test_redirect_is_not_followed(void **state)
{
	int before = stat_of("requests");

	(void)state;
	platform_command(
		"{\"do\": \"fault\", \"kind\": \"status\", \"status\": 307, \"headers\": "
		"{\"Location\": \"%s\"}}",
		url);
	assert_refused_to_talk();
	assert_why("redirects are not followed");
	assert_int_equal(stat_of("requests"), before + 1);
}

static int64_t retry_after(const char *value)
{
	platform_command(
		"{\"do\": \"fault\", \"kind\": \"status\", \"status\": 429, \"headers\": "
		"{\"Retry-After\": \"%s\"}}",
		value);
	assert_int_equal(send_new(), GW_SINK_RETRY);
	return result.retry_after_ns / GW_NS_PER_SEC;
}

static void test_retry_after(void **state)
{
	time_t at = time(NULL) + 30;
	char date[64];

	(void)state;
	assert_int_equal(retry_after("7"), 7);
	assert_int_equal(retry_after("3600"), 60);
	assert_int_equal(retry_after("soon"), 0);
	strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", gmtime(&at));
	assert_in_range(retry_after(date), 25, 30);
	assert_int_equal(retry_after("Sun, 06 Nov 1994 08:49:37 GMT"), 0);
}

/* Each was taken by the platform, but it did not say so: again, with the same ids. */
static void test_answers_that_lie(void **state)
{
	static const char *const faults[] = {
		"\"kind\": \"cut\", \"at\": \"none\"",
		"\"kind\": \"cut\", \"at\": \"head\"",
		"\"kind\": \"cut\", \"at\": \"body\"",
		"\"kind\": \"lie\"",
		"\"kind\": \"lie\", \"bytes\": \"HTTP/1.1 200 OK\\r\\n\"",
		"\"kind\": \"lie\", \"bytes\": \"HTTP/1.1 100 Continue\\r\\n\\r\\n\"",
		"\"kind\": \"lie\", \"bytes\": \"HTTP/1.1 OK\\r\\n\\r\\n\"",
		"\"kind\": \"lie\", \"bytes\": \"HTTP/1.1 200 OK\\r\\n"
		"Content-Length: 5\\r\\nContent-Length: 7\\r\\n\\r\\nhello\"",
		"\"kind\": \"lie\", \"bytes\": \"HTTP/1.1 200 OK\\r\\n"
		"Transfer-Encoding: chunked\\r\\n\\r\\nzz\\r\\n\"",
		"\"kind\": \"long\", \"size\": 1000000",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		platform_command("{\"do\": \"fault\", \"times\": 2, %s}", faults[i]);
		if (send_new() != GW_SINK_RETRY)
			fail_msg("%s was believed", faults[i]);
		assert_true(result.why[0] != '\0');
		platform_command("{\"do\": \"clear\"}");
		assert_int_equal(send_again(), GW_SINK_SENT);
	}
}

static void test_hang_is_bounded_and_life_goes_on(void **state)
{
	int64_t begun = gw_clock_mono_ns();

	(void)state;
	timeout_ns = 1500 * MS;
	platform_command("{\"do\": \"fault\", \"kind\": \"hang\", \"seconds\": 4}");
	assert_refused_to_talk();
	assert_in_range(gw_clock_mono_ns() - begun, 1400 * MS, 3500 * MS);
	assert_in_range(turns, 2, 50); /* not once, and not a spin */
}

static void test_a_stop_ends_it(void **state)
{
	int64_t begun = gw_clock_mono_ns();

	(void)state;
	assert_int_equal(send_new(), GW_SINK_SENT);
	platform_command("{\"do\": \"fault\", \"kind\": \"hang\", \"seconds\": 4}");
	most_turns = 2;
	assert_refused_to_talk();
	assert_why("stopped");
	assert_true(gw_clock_mono_ns() - begun < 3000 * MS);
}

static void test_nobody_listens(void **state)
{
	(void)state;
	platform_command("{\"do\": \"down\"}");
	assert_refused_to_talk();
	platform_command("{\"do\": \"up\"}");
	assert_int_equal(send_again(), GW_SINK_SENT);
}

static void serve(const char *name, const char *hosts, int start, int end)
{
	platform_command(
		"{\"do\": \"issue\", \"name\": \"%s\", \"hosts\": [%s], \"start\": %d, "
		"\"end\": %d}",
		name, hosts, start, end);
	platform_command("{\"do\": \"serve\", \"cert\": \"%s/ca/%s.pem\", \"key\": "
			 "\"%s/ca/%s.key\"}",
		dir, name, dir, name);
}

static void test_who_is_not_trusted(void **state)
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

static void test_certificates_out_of_their_time(void **state)
{
	(void)state;
	serve("old", "\"127.0.0.1\"", -20, -10);
	assert_refused_to_talk();
	assert_why("has expired by this clock");
	serve("early", "\"127.0.0.1\"", 10, 20);
	assert_refused_to_talk();
	assert_why("is not yet valid by this clock");
}

static void test_without_our_certificate(void **state)
{
	(void)state;
	opts.cert = opts.key = "";
	reopen();
	assert_refused_to_talk();
}

static void test_plain_http_is_refused(void **state)
{
	char plain[64];
	int before = stat_of("connections");

	(void)state;
	snprintf(plain, sizeof(plain), "http://127.0.0.1:%d/v1/alerts", port);
	opts.url = plain;
	reopen();
	assert_refused_to_talk();
	assert_int_equal(stat_of("connections"), before);
}

static void test_token_rotates(void **state)
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

static void test_tokens_that_are_none(void **state)
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
static void test_certificates_rotate_without_a_restart(void **state)
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

static void test_names_that_cannot_be_looked_up(void **state)
{
	char named[64], my_ca[128];
	int64_t begun;
	int how;

	(void)state;
	serve("named", "\"platform.test\"", -1, 10);
	snprintf(my_ca, sizeof(my_ca), "%s/my-ca.pem", dir);
	copy_file(ca, my_ca);
	opts.ca = my_ca;
	snprintf(named, sizeof(named), "https://platform.test:%d/v1/alerts", port);
	opts.url = named;
	reopen();
	names_fail = 1; /* and no address known yet */
	assert_refused_to_talk();
	assert_why("resolve");
	names_fail = 0;
	assert_int_equal(send_again(), GW_SINK_SENT);
	/* the connection and what was looked up are lost, and the names fail now: at once, or
	 * only after a while */
	timeout_ns = 2000 * MS;
	for (how = 1; how <= 2; how++) {
		names_fail = how;
		copy_file(ca, my_ca);
		begun = gw_clock_mono_ns();
		assert_int_equal(send_new(), GW_SINK_SENT);
		assert_true(gw_clock_mono_ns() - begun < 2000 * MS);
	}
	sleep(3); /* for the look-up that was left alone */
}

static void test_closing_does_not_wait_for_a_look_up(void **state)
{
	char named[64];
	int64_t begun;

	(void)state;
	snprintf(named, sizeof(named), "https://platform.test:%d/v1/alerts", port);
	opts.url = named;
	reopen();
	names_fail = 2;
	timeout_ns = 300 * MS;
	begun = gw_clock_mono_ns();
	assert_refused_to_talk();
	gw_sink_https.close(sink);
	assert_true(gw_clock_mono_ns() - begun < 2000 * MS);
	sleep(3); /* the look-up that was left alone ends before the test does */
}

#define IT(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IT(test_sent_as_it_is_on_one_connection),
		IT(test_statuses),
		IT(test_a_web_page_is_no_answer),
		IT(test_a_body_that_says_no),
		IT(test_an_encrypted_key),
		IT(test_redirect_is_not_followed),
		IT(test_retry_after),
		IT(test_answers_that_lie),
		IT(test_hang_is_bounded_and_life_goes_on),
		IT(test_a_stop_ends_it),
		IT(test_nobody_listens),
		IT(test_who_is_not_trusted),
		IT(test_certificates_out_of_their_time),
		IT(test_without_our_certificate),
		IT(test_plain_http_is_refused),
		IT(test_token_rotates),
		IT(test_tokens_that_are_none),
		IT(test_certificates_rotate_without_a_restart),
		IT(test_names_that_cannot_be_looked_up),
		IT(test_closing_does_not_wait_for_a_look_up),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, start_platform, stop_platform);
}
