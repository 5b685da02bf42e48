/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/exchange.h"

#include "control/protocol.h"
#include "ctl/arguments.h"
#include "ctl/message.h"

#include <string.h>

int gw_exchange_refused(const json_t *reply)
{
	const char *why = json_string_value(json_object_get(reply, "error"));
	const json_t *candidates = json_object_get(reply, "candidates");
	json_t *key;
	size_t i;

	gw_message_fail(why ? why : "tocsind gave an answer that is none");
	json_array_foreach(candidates, i, key)
		fprintf(stderr, "  %s\n", json_string_value(key));
	return GW_EXIT_REFUSED;
}

int gw_exchange_open(const struct gw_invocation *inv, struct gw_connection *ret_connection)
{
	char request[GW_PROTOCOL_REQUEST_MAX];
	struct gw_error err;

	if (gw_arguments_request(inv, request, sizeof(request), &err)) {
		gw_message_fail(err.text);
		return GW_EXIT_USAGE;
	}
	if (gw_connection_open(ret_connection, inv->socket, &err)) {
		gw_message_fail(err.text);
		return GW_EXIT_UNREACHABLE;
	}
	if (gw_connection_send(ret_connection, request, &err) == GW_OK)
		return GW_EXIT_DONE;
	gw_connection_close(ret_connection);
	return gw_message_fail(err.text);
}

int gw_exchange_accepted(struct gw_connection *c)
{
	struct gw_error err;
	json_t *reply;
	char *line;
	int code = GW_EXIT_DONE;

	if (gw_connection_read_line(c, GW_EXCHANGE_REPLY_MS, &line, &err))
		return gw_message_fail(err.text);
	reply = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
	if (!json_object_get(reply, "result"))
		code = gw_exchange_refused(reply);
	json_decref(reply);
	return code;
}

/* Byte for byte as the daemon wrote it: no number changes. */
static void print_raw(const char *line)
{
	size_t n = strlen(line), head = sizeof(GW_PROTOCOL_OK) - 1;

	if (n > head && strncmp(line, GW_PROTOCOL_OK, head) == 0 && line[n - 1] == '}')
		printf("%.*s\n", (int)(n - head - 1), line + head);
}

int gw_exchange(const struct gw_invocation *inv, int reply_ms, json_t **ret_result)
{
	const struct gw_print_opts opts = {.colour = inv->colour,
		.all = inv->value[GW_OPTION_ALL] != NULL,
		.pattern = inv->n_arguments > 0 ? inv->arguments[0] : NULL};
	struct gw_connection c;
	struct gw_error err;
	json_t *reply, *result;
	char *line;
	int code = gw_exchange_open(inv, &c);

	if (code != GW_EXIT_DONE)
		return code;
	if (gw_connection_read_line(&c, reply_ms, &line, &err)) {
		gw_connection_close(&c);
		return gw_message_fail(err.text);
	}
	reply = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
	result = json_object_get(reply, "result");
	if (!result) {
		code = gw_exchange_refused(reply);
	} else {
		if (inv->json)
			print_raw(line);
		else
			inv->command->print(stdout, result, &opts);
		code = gw_message_flush();
		if (ret_result)
			*ret_result = json_incref(result);
	}
	json_decref(reply);
	gw_connection_close(&c);
	return code;
}
