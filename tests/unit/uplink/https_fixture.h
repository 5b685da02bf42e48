/* SPDX-License-Identifier: Apache-2.0 */
/*
 * https_fixture.h: the HTTPS sink and a platform in Python (tests/peers), which is commanded
 * through its standard input.
 */
#ifndef GW_TESTS_HTTPS_FIXTURE_H
#define GW_TESTS_HTTPS_FIXTURE_H

#include "base/clock.h"

#include "tests/unit/fixture/temp_dir.h"
#include "uplink/sink.h"
#include "uplink/sink_https.h"
#include "uplink/uplink_settings.h"
#include "uplink_rows.h"
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

static json_t *platform_reply(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

__attribute__((unused)) static json_t *platform_reply(const char *fmt, ...)
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

static void platform_command(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

__attribute__((unused)) static void platform_command(const char *fmt, ...)
{
	char line[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	json_decref(platform_reply("%s", line));
}

__attribute__((unused)) static int stat_of(const char *name)
{
	json_t *all = platform_reply("{\"do\": \"stats\"}");
	int n = (int)json_integer_value(json_object_get(all, name));

	json_decref(all);
	return n;
}

__attribute__((unused)) static void text_of(
	json_t *ready, const char *name, char *to, size_t size)
{
	snprintf(to, size, "%s", json_string_value(json_object_get(ready, name)));
}

__attribute__((unused)) static int start_platform(void **state)
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

__attribute__((unused)) static int stop_platform(void **state)
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

static struct gw_sink_https_opts own;
static struct gw_uplink_opts opts;

static void *sink;

static struct gw_wake wake;

static struct gw_sink_result result;

static unsigned services, max_services;

static int64_t timeout_ns;

static uint64_t last_id;

static char token_file[128];

__attribute__((unused)) static bool service(void *arg)
{
	(void)arg;
	return ++services < max_services;
}

__attribute__((unused)) static void reopen(void)
{
	struct gw_error err;

	gw_sink_https.close(sink);
	memset(sink, 0, gw_sink_https.state_size);
	assert_int_equal(gw_sink_https.open(sink, &opts, "tocsin/test", &err), GW_OK);
}

__attribute__((unused)) static void write_file(const char *path, const char *text)
{
	char new[310];
	FILE *f;

	snprintf(new, sizeof(new), "%s.new", path);
	f = fopen(new, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	assert_int_equal(rename(new, path), 0);
}

__attribute__((unused)) static void copy_file(const char *from, const char *to)
{
	static char text[65536];
	FILE *f = fopen(from, "r");

	assert_non_null(f);
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	fclose(f);
	write_file(to, text);
}

__attribute__((unused)) static int setup(void **state)
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
	own = (struct gw_sink_https_opts){.accept = {.n = 0}};
	opts = (struct gw_uplink_opts){.name = "city",
		.sink_opts = &own,
		.url = url,
		.ca = ca,
		.cert = cert,
		.key = key,
		.token_file = token_file};
	timeout_ns = 5000 * MS;
	max_services = 1000;
	sink = calloc(1, gw_sink_https.state_size);
	assert_int_equal(gw_wake_init(&wake, NULL), GW_OK);
	reopen();
	return 0;
}

__attribute__((unused)) static int teardown(void **state)
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
__attribute__((unused)) static enum gw_sink_verdict send_again(void)
{
	struct gw_sink_body bodies[2];

	for (size_t i = 0; i < 2; i++) /* in two parts */
		bodies[i] = (struct gw_sink_body){
			.parts = {{body[i], 10 + i},
				{body[i] + 10 + i, strlen(body[i]) - 10 - i}},
			.n_parts = 2};
	services = 0;
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

__attribute__((unused)) static enum gw_sink_verdict send_new(void)
{
	for (int i = 0; i < 2; i++)
		snprintf(body[i], sizeof(body[i]),
			"{\"specversion\":\"1.0\",\"id\":\"gw-1-%010d\",\"source\":\"urn:"
			"x\","
			"\"type\":\"tocsin.alarm.raised\",\"data\":{\"text\":\"锅炉房\"}}",
			(int)++last_id);
	return send_again();
}

__attribute__((unused)) static bool was_taken(void)
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

__attribute__((unused)) static void assert_why(const char *part)
{
	if (strstr(result.why, part) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", part, result.why);
}

#define assert_refused_to_talk() \
	do { \
		assert_int_equal(send_new(), GW_SINK_RETRY); \
		assert_false(was_taken()); \
	} while (0)

__attribute__((unused)) static void serve(
	const char *name, const char *hosts, int start, int end)
{
	platform_command(
		"{\"do\": \"issue\", \"name\": \"%s\", \"hosts\": [%s], \"start\": %d, "
		"\"end\": %d}",
		name, hosts, start, end);
	platform_command("{\"do\": \"serve\", \"cert\": \"%s/ca/%s.pem\", \"key\": "
			 "\"%s/ca/%s.key\"}",
		dir, name, dir, name);
}

#endif
