/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bare: the least a program can do on the same sockets with the same libraries. The floor that
 * the gateway's figures are divided by; it retries nothing, checks nothing.
 *
 *   bare mqtt PORT TOPIC URL CA [FILE]
 *                                   every message becomes an event; all at hand in one POST,
 *                                   with FILE synced to it before they leave
 *   bare first PORT                 one Modbus request, then the end
 *   bare poll PORT UNITS            10 holding registers of each unit, once a second, for ever
 */
#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <modbus.h>
#include <mosquitto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define EVENT_MAX 2048
#define BODY_MAX  (4096 * EVENT_MAX)

struct body {
	char *at;
	size_t used;
	unsigned count;
};

/* As long as the gateway's own event, so that the same bytes go over the wire. */
static const char padding[] =
	"\"unit\":\"天津市和平区示例大厦\",\"area\":\"120101\",\"grid\":"
	"\"120101003012004\","
	"\"occurrence\":\"019ab4c1-5f3b-7d21-9c44-0123456789ab\",\"run\":1,\"durable\":"
	"true,"
	"\"device\":\"smoke-1\",\"place\":{\"building\":\"A\",\"floor\":\"3\",\"room\":"
	"\"走廊\"},"
	"\"change\":\"raised\",\"state\":\"active-unacked\",\"level\":\"orange\","
	"\"class\":\"alarm\",\"text\":\"感烟探测器报警\",\"unit_of_measure\":\"\","
	"\"limit\":null,"
	"\"condition\":\"is true\",\"onset\":\"2026-11-21T00:15:30.123Z\","
	"\"since_boot_ms\":123456789,\"boot\":\"01234567-89ab-cdef-0123-456789abcdef\","
	"\"clock\":\"unsynced\",\"quality\":\"good\",\"peak\":1,\"confirmed_by\":[]";

static void on_message(struct mosquitto *m, void *arg, const struct mosquitto_message *msg)
{
	struct body *b = arg;
	int n;

	(void)m;
	if (b->used + EVENT_MAX > BODY_MAX)
		return;
	b->count++;
	n = snprintf(b->at + b->used, EVENT_MAX,
		"%c{\"specversion\":\"1.0\",\"type\":\"tocsin.alarm.raised\","
		"\"source\":\"urn:tocsin:bare\",\"id\":\"bare-1-%010u\",\"data\":{"
		"\"alarm\":\"%s\",\"seq\":%u,\"value\":%.*s,%s}}",
		b->used == 0 ? '[' : ',', b->count, msg->topic, b->count,
		(int)msg->payloadlen, (const char *)msg->payload, padding);
	b->used += (size_t)n;
}

#define FILE_BYTES (16 << 20)

/* Blocks that are written already: what is measured is the sync of the bytes alone. */
static int make_file(const char *path)
{
	static const char zeros[4096];
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	for (int n = 0; n < FILE_BYTES; n += (int)sizeof(zeros))
		if (write(fd, zeros, sizeof(zeros)) < 0)
			return -1;
	return fsync(fd) ? -1 : fd;
}

static int commit(int fd, const struct body *b)
{
	static off_t at;

	if (at + (off_t)b->used > FILE_BYTES)
		at = 0;
	if (pwrite(fd, b->at, b->used, at) < 0)
		return -1;
	at += (off_t)b->used;
	return fdatasync(fd);
}

static int relay(
	int port, const char *topic, const char *url, const char *ca, const char *file)
{
	int fd = file ? make_file(file) : -1;

	static char memory[BODY_MAX];
	static struct body body;
	struct curl_slist *headers = NULL;
	struct mosquitto *m;
	CURL *curl;

	body.at = memory;
	mosquitto_lib_init();
	curl_global_init(CURL_GLOBAL_DEFAULT);
	curl = curl_easy_init();
	headers = curl_slist_append(
		headers, "Content-Type: application/cloudevents-batch+json; charset=UTF-8");
	headers = curl_slist_append(headers, "Expect:");
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_CAINFO, ca);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	m = mosquitto_new(NULL, true, &body);
	if (!m || !curl || (file && fd < 0) ||
		mosquitto_connect(m, "127.0.0.1", port, 60) != MOSQ_ERR_SUCCESS ||
		mosquitto_subscribe(m, NULL, topic, 1) != MOSQ_ERR_SUCCESS)
		return 1;
	mosquitto_message_callback_set(m, on_message);
	printf("ready\n");
	fflush(stdout);
	while (mosquitto_loop(m, 1000, 1) == MOSQ_ERR_SUCCESS) {
		if (body.used == 0)
			continue;
		body.at[body.used++] = ']';
		if (fd >= 0 && commit(fd, &body))
			return 1;
		curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)body.used);
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body.at);
		if (curl_easy_perform(curl) != CURLE_OK)
			return 1;
		body.used = 0;
	}
	return 1;
}

static int poll_units(int port, int units, int once)
{
	uint16_t words[10];
	modbus_t *bus = modbus_new_tcp("127.0.0.1", port);
	struct timespec next;

	if (!bus || modbus_connect(bus) != 0)
		return 1;
	clock_gettime(CLOCK_MONOTONIC, &next);
	do {
		for (int unit = 1; unit <= units; unit++) {
			modbus_set_slave(bus, unit);
			if (modbus_read_registers(bus, 0, 10, words) != 10)
				fprintf(stderr, "unit %d: %s\n", unit,
					modbus_strerror(errno));
		}
		next.tv_sec++;
		if (!once)
			clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
	} while (!once);
	modbus_close(bus);
	modbus_free(bus);
	return 0;
}

int main(int argc, char **argv)
{
	if ((argc == 6 || argc == 7) && strcmp(argv[1], "mqtt") == 0)
		return relay(atoi(argv[2]), argv[3], argv[4], argv[5], argv[6]);
	if (argc == 3 && strcmp(argv[1], "first") == 0)
		return poll_units(atoi(argv[2]), 1, 1);
	if (argc == 4 && strcmp(argv[1], "poll") == 0)
		return poll_units(atoi(argv[2]), atoi(argv[3]), 0);
	fprintf(stderr,
		"usage: bare mqtt PORT TOPIC URL CA [FILE] | first PORT | poll PORT "
		"UNITS\n");
	return 2;
}
