/* SPDX-License-Identifier: Apache-2.0 */
#include "app/check_running.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define ANSWER_S  10
#define BYTES_MAX (16 << 20)

static const char request[] = "{\"cmd\":\"status\"}\n";

static int connect_to(const char *path)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	const struct timeval timeout = {.tv_sec = ANSWER_S};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
	if (connect(fd, (const struct sockaddr *)&at, sizeof(at)) == 0)
		return fd;
	close(fd);
	return -1;
}

/* The reply, a line; NULL: none came. */
static char *read_reply(int fd)
{
	size_t n = 0, capacity = 65536;
	char *line = malloc(capacity), *grown;
	ssize_t got;

	if (send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL) < 0)
		goto none;
	while (line && capacity <= BYTES_MAX) {
		got = recv(fd, line + n, capacity - n - 1, 0);
		if (got <= 0)
			goto none;
		n += (size_t)got;
		line[n] = '\0';
		if (line[n - 1] == '\n')
			return line;
		if (n + 1 < capacity)
			continue;
		capacity *= 2;
		grown = realloc(line, capacity);
		if (!grown)
			goto none;
		line = grown;
	}
none:
	free(line);
	return NULL;
}

/* By name, or by address: it then inherits what is owed. */
static bool has_uplink(const struct gw_config *c, const char *name, const char *url)
{
	for (size_t i = 0; i < c->n_uplinks; i++)
		if (strcmp(c->uplinks[i].name, name) == 0 ||
			(*url && strcmp(c->uplinks[i].url, url) == 0))
			return true;
	return false;
}

static const char *text_of(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));

	return text ? text : "";
}

static void warn(FILE *out, json_int_t n, const char *name)
{
	if (n > 0)
		fprintf(out,
			"warning: %lld alerts are owed to %s, which this configuration no longer has\n",
			(long long)n, name);
}

static void compare(const struct gw_config *c, const json_t *status, FILE *out)
{
	const json_t *vanished = json_object_get(
		json_object_get(status, "store"), "vanished");
	const json_t *u;
	size_t i;

	json_array_foreach(json_object_get(status, "uplinks"), i,
		u) if (!has_uplink(c, text_of(u, "name"), text_of(u, "url"))) warn(out,
		json_integer_value(json_object_get(u, "pending")) +
			json_integer_value(json_object_get(u, "parked")),
		text_of(u, "name"));
	json_array_foreach(vanished, i, u) if (!has_uplink(c, text_of(u, "name"), ""))
		warn(out,
			json_integer_value(json_object_get(u, "owed")) +
				json_integer_value(json_object_get(u, "parked")),
			text_of(u, "name"));
}

enum gw_err gw_check_running(const struct gw_config *c, FILE *out, struct gw_error *err)
{
	const char *path = c->gateway.control_socket;
	int fd = connect_to(path);
	int saved = errno;
	char *line = fd < 0 ? NULL : read_reply(fd);
	json_t *reply = line ? json_loads(line, 0, NULL) : NULL;
	const json_t *status = json_object_get(reply, "result");
	enum gw_err rc = GW_OK;

	if (status)
		compare(c, status, out);
	else
		rc = gw_fail(err, GW_ERR_LINK, saved,
			"%s: no gateway that runs answers there%s%s", path,
			fd < 0 ? ": " : "", fd < 0 ? gw_errno_text(saved) : "");
	json_decref(reply);
	free(line);
	if (fd >= 0)
		close(fd);
	return rc;
}
