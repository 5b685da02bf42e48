/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/run.h"

#include "control/protocol.h"
#include "ctl/arguments.h"
#include "ctl/check.h"
#include "ctl/exchange.h"
#include "ctl/message.h"
#include "ctl/record.h"
#include "ctl/replay.h"
#include "ctl/run_backup.h"
#include "ctl/support.h"
#include "gw_build.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define VERIFY_MS 660000 /* longer than the daemon lets a client wait */

/* ---- tail ---- */

/* True: go on. */
static bool print_tail_line(const struct gw_invocation *inv, char *line, int *ret_code)
{
	size_t n = strlen(line), head = sizeof(GW_PROTOCOL_EVENT) - 1;
	json_t *o;

	if (n > head && strncmp(line, GW_PROTOCOL_EVENT, head) == 0) {
		printf("%.*s\n", (int)(n - head - 1), line + head);
		return true;
	}
	o = json_loads(line, 0, NULL);
	if (json_object_get(o, "line"))
		gw_print_line(
			stdout, json_string_value(json_object_get(o, "line")), inv->colour);
	else if (json_object_get(o, "note"))
		fprintf(stderr, "tocsin: %s\n",
			json_string_value(json_object_get(o, "note")));
	else if (!json_is_true(json_object_get(o, "ok")))
		*ret_code = gw_exchange_refused(o);
	json_decref(o);
	return *ret_code == GW_EXIT_DONE;
}

int gw_run_tail(const struct gw_invocation *inv)
{
	struct gw_connection c;
	struct gw_error err;
	char *line;
	int code = gw_exchange_open(inv, &c);

	if (code != GW_EXIT_DONE)
		return code;
	/* The first reply within the usual time, events whenever they arise. */
	for (int timeout_ms = GW_EXCHANGE_REPLY_MS; code == GW_EXIT_DONE; timeout_ms = -1) {
		if (gw_connection_read_line(&c, timeout_ms, &line, &err))
			code = gw_message_fail(err.text);
		else if (print_tail_line(inv, line, &code))
			code = gw_message_flush();
	}
	gw_connection_close(&c);
	return code;
}

/* ---- verify ---- */

int gw_run_verify(const struct gw_invocation *inv)
{
	json_t *result = NULL;
	int code = gw_exchange(inv, VERIFY_MS, &result);

	if (code == GW_EXIT_DONE && json_is_integer(json_object_get(result, "broken")))
		code = GW_EXIT_REFUSED;
	json_decref(result);
	return code;
}

/* ---- record ---- */

static int record_into(const char *path, struct gw_connection *c, int64_t for_ns)
{
	struct gw_error err;
	uint64_t bytes = 0;
	int code = GW_EXIT_DONE, fd;

	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
	if (fd < 0) {
		gw_fail(&err, GW_ERR_SYSTEM, errno, "%s: %s", path, gw_errno_text(errno));
		return gw_message_fail(err.text);
	}
	fprintf(stderr, "tocsin: recording into %s; Ctrl-C ends it\n", path);
	if (gw_record_write(c, fd, for_ns, &bytes, &err))
		code = gw_message_fail(err.text);
	if (close(fd) != 0 && code == GW_EXIT_DONE)
		code = gw_message_fail("cannot write the file");
	fprintf(stderr, "tocsin: %s: %llu bytes\n", path, (unsigned long long)bytes);
	return code;
}

int gw_run_record(const struct gw_invocation *inv)
{
	struct gw_connection c;
	struct gw_error err;
	int64_t for_ns;
	int code;

	if (gw_arguments_duration(inv, &for_ns, &err)) {
		gw_message_fail(err.text);
		return GW_EXIT_USAGE;
	}
	code = gw_exchange_open(inv, &c);
	if (code != GW_EXIT_DONE)
		return code;
	code = gw_exchange_accepted(&c);
	if (code == GW_EXIT_DONE)
		code = record_into(inv->arguments[0], &c, for_ns);
	gw_connection_close(&c);
	return code;
}

/* ---- without the daemon ---- */

int gw_run_check(const struct gw_invocation *inv)
{
	return gw_check_file(inv->arguments[0], inv->json);
}

int gw_run_replay(const struct gw_invocation *inv)
{
	return gw_replay_files(inv->value[GW_OPTION_CONFIG], inv->value[GW_OPTION_AGAINST],
		inv->json, inv->arguments, inv->n_arguments);
}

/* The daemon need not run: then more is missing in the archive. */
int gw_run_support(const struct gw_invocation *inv)
{
	const char *config = inv->value[GW_OPTION_CONFIG];

	return gw_support_write(
		inv->arguments[0], config ? config : GW_CONFIG_FILE, inv->socket);
}

/* Also asks the daemon, if it runs. */
int gw_run_backup(const struct gw_invocation *inv)
{
	return gw_run_backup_program("make", inv->value[GW_OPTION_CONFIG], inv->socket,
		inv->json, inv->arguments[0]);
}

int gw_run_restore(const struct gw_invocation *inv)
{
	return gw_run_backup_program("restore", inv->value[GW_OPTION_CONFIG], inv->socket,
		inv->json, inv->arguments[0]);
}
