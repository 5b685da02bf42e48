/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/support.h"

#include "base/file.h"
#include "base/tar.h"
#include "control/protocol.h"
#include "ctl/connection.h"
#include "ctl/invocation.h"
#include "ctl/message.h"
#include "ctl/redact.h"
#include "ctl/redact_config.h"
#include "gw_build.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define FOLDER    "tocsin-support/"
#define REPLY_MS  10000
#define VERIFY_MS 20000 /* of a large journal it takes minutes */
#define GAP_MS    500   /* between two events of history */
#define EVENTS    200
#define BYTES_MAX ((size_t)64 << 20)

#define TEXT_(x)    #x
#define TEXT(x)     TEXT_(x)
#define PROGRAM_SEC 20
/* A program that does not end by itself is killed. */
#define BOUNDED   "timeout -k 5 " TEXT(PROGRAM_SEC) " "
#define TIMED_OUT 124
#define KILLED    137

/* Not Environment=, in which a secret may be. */
#define UNIT_PROPERTIES \
	"Id,LoadState,ActiveState,SubState,Result,UnitFileState,FragmentPath,DropInPaths,NeedDaemonReload," \
	"ExecStart,ExecMainStartTimestamp,ExecMainExitTimestamp,ExecMainCode,ExecMainStatus,MainPID," \
	"NRestarts,Restart,RestartUSec,WatchdogUSec,WatchdogTimestamp,StatusText,User,Group," \
	"ActiveEnterTimestamp,InactiveEnterTimestamp,ConditionResult,AssertResult,MemoryCurrent,MemoryMax," \
	"CPUUsageNSec,TasksCurrent,LimitNOFILE,LimitMEMLOCK,LimitRTPRIO"

struct support {
	const char *socket;
	FILE *to;
	time_t now;
	bool failed; /* the archive cannot be written */
	int native;
	bool no_events; /* the daemon said that there was none yet */
	unsigned n_files, n_missing;
	char notes[4096]; /* one line for what is not in the archive */
};

struct bytes {
	char *at;
	size_t n, capacity;
};

static const char *const on_purpose =
	"Not in it on purpose: the database, private keys, certificates, tokens and passwords (they are\n"
	"in files of their own); the users and paths of URLs; of the configuration, which is written anew\n"
	"with other line numbers, comments and what may be a secret.\n";

__attribute__((format(printf, 2, 3))) static void note_missing(
	struct support *s, const char *fmt, ...)
{
	size_t n = strlen(s->notes);
	va_list args;

	s->n_missing++;
	va_start(args, fmt);
	vsnprintf(s->notes + n, sizeof(s->notes) - n, fmt, args);
	va_end(args);
	n = strlen(s->notes);
	if (n + 1 < sizeof(s->notes))
		memcpy(s->notes + n, "\n", 2);
}

static void add(struct support *s, const char *name, const void *bytes, size_t n)
{
	char path[GW_TAR_NAME_MAX + 1];

	snprintf(path, sizeof(path), FOLDER "%s", name);
	if (!s->failed && !gw_tar_add(s->to, path, bytes, n, s->now)) {
		s->failed = true;
		s->native = errno;
	}
	s->n_files++;
}

/* All but the configuration, which has lost its URLs before. */
static void add_text(struct support *s, const char *name, const char *text, size_t n)
{
	char *clean = gw_redact_urls(text, n, &n);

	if (clean)
		add(s, name, clean, n);
	else
		note_missing(s, "%s: out of memory", name);
	free(clean);
}

/* False: errno says why. */
static bool append(struct bytes *b, const char *bytes, size_t n)
{
	if (b->n + n > BYTES_MAX) {
		errno = EFBIG;
		return false;
	}
	if (b->n + n > b->capacity) {
		size_t capacity = 2 * (b->n + n);
		char *at = realloc(b->at, capacity);

		if (!at) {
			errno = ENOMEM;
			return false;
		}
		b->at = at;
		b->capacity = capacity;
	}
	memcpy(b->at + b->n, bytes, n);
	b->n += n;
	return true;
}

/* ---- from the daemon ---- */

static enum gw_err append_line(struct bytes *b, const char *line, struct gw_error *err)
{
	if (append(b, line, strlen(line)) && append(b, "\n", 1))
		return GW_OK;
	return gw_fail(err, GW_ERR_SYSTEM, errno, "%s", gw_errno_text(errno));
}

static enum gw_err send_request(struct gw_connection *c, const char *socket,
	const char *request, int reply_ms, struct bytes *ret, struct gw_error *err)
{
	char *line;
	enum gw_err rc = gw_connection_open(c, socket, err);

	if (!rc)
		rc = gw_connection_send(c, request, err);
	if (!rc)
		rc = gw_connection_read_line(c, reply_ms, &line, err);
	return rc ? rc : append_line(ret, line, err);
}

/* What has come is added in any case. */
static void add_lines(struct support *s, const char *name, const struct bytes *lines,
	enum gw_err rc, const struct gw_error *err)
{
	if (lines->n > 0)
		add_text(s, name, lines->at, lines->n);
	if (rc)
		note_missing(
			s, "%s%s: %s", name, lines->n > 0 ? " (in part)" : "", err->text);
}

static void add_reply(
	struct support *s, const char *name, const char *request, int reply_ms)
{
	struct bytes reply = {.at = NULL};
	struct gw_connection c;
	struct gw_error err;
	enum gw_err rc = send_request(&c, s->socket, request, reply_ms, &reply, &err);

	add_lines(s, name, &reply, rc, &err);
	if (!rc && memmem(reply.at, reply.n, "\"last_seq\":0", strlen("\"last_seq\":0")))
		s->no_events = true;
	free(reply.at);
	gw_connection_close(&c);
}

/* The reply and the history, which ends where nothing comes for a while: live events follow it
 * without end. */
static void add_events(struct support *s)
{
	struct bytes lines = {.at = NULL};
	struct gw_connection c;
	struct gw_error err;
	enum gw_err rc = send_request(&c, s->socket,
		"{\"cmd\":\"tail\",\"last\":" TEXT(EVENTS) ",\"json\":true}", REPLY_MS,
		&lines, &err);
	bool refused = !rc &&
		strncmp(lines.at, GW_PROTOCOL_OK, strlen(GW_PROTOCOL_OK)) != 0;
	char *line;

	for (unsigned n = 0; !rc && !refused && n < EVENTS; n++) {
		bool first = n == 0 && !s->no_events;

		rc = gw_connection_read_line(&c, first ? REPLY_MS : GAP_MS, &line, &err);
		if (rc == GW_ERR_TIMEOUT && !first) {
			rc = GW_OK;
			break;
		}
		if (!rc)
			rc = append_line(&lines, line, &err);
	}
	add_lines(s, "events.json", &lines, rc, &err);
	free(lines.at);
	gw_connection_close(&c);
}

/* ---- from the system ---- */

static void add_output(struct support *s, const char *name, const char *command)
{
	struct bytes all = {.at = NULL};
	char chunk[4096];
	size_t n;
	FILE *f = popen(command, "re");
	const char *part;
	int status, native;
	bool whole = true;

	while (f && whole && (n = fread(chunk, 1, sizeof(chunk), f)) > 0)
		whole = append(&all, chunk, n);
	native = errno;
	status = f ? pclose(f) : -1;
	status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	part = all.n > 0 ? " (in part)" : "";
	if (all.n > 0)
		add_text(s, name, all.at, all.n);
	if (!whole)
		note_missing(s, "%s%s: %s", name, part, gw_errno_text(native));
	else if (status == TIMED_OUT || status == KILLED)
		note_missing(s, "%s%s: \"%s\" did not end within %d s", name, part, command,
			PROGRAM_SEC);
	else if (status != 0 || all.n == 0)
		note_missing(s, "%s%s: \"%s\" ended with %d", name, part, command, status);
	free(all.at);
}

static void add_config(struct support *s, const char *path)
{
	struct gw_error err;
	char *text, *clean;
	size_t n;

	text = gw_file_read(path, GW_FILE_REGULAR, BYTES_MAX, &n, &err);
	if (!text) {
		note_missing(s, "tocsin.yaml: %s: %s%s", path, gw_errno_text(err.native),
			err.native == EACCES ? " (run as root)" : "");
		return;
	}
	clean = gw_redact_config(text, n, &n, &err);
	if (clean)
		add(s, "tocsin.yaml", clean, n);
	else
		note_missing(s,
			"tocsin.yaml: %s: %s (what is secret in it cannot be told apart)",
			path, err.text);
	free(clean);
	free(text);
}

/* ---- the archive ---- */

static void add_readme(struct support *s, const char *config)
{
	char text[8192], when[40] = "";
	struct tm tm;
	int n;

	if (gmtime_r(&s->now, &tm))
		strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm);
	n = snprintf(text, sizeof(text),
		"Made by tocsin " GW_VERSION " at %s, of %s.\n\n%s\n%s%s", when, config,
		on_purpose,
		s->n_missing > 0 ? "Could not be had:\n" : "Nothing else is missing.\n",
		s->notes);
	add_text(s, "README", text, n < (int)sizeof(text) ? (size_t)n : sizeof(text) - 1);
}

static void add_all(struct support *s, const char *config)
{
	add_reply(s, "status.json", "{\"cmd\":\"status\"}", REPLY_MS);
	add_reply(s, "alarms.json", "{\"cmd\":\"alarms\",\"all\":true}", REPLY_MS);
	add_reply(s, "points.json", "{\"cmd\":\"points\"}", REPLY_MS);
	add_events(s);
	/* the end of the chain of hashes, and whether it is whole */
	add_reply(s, "journal.json", "{\"cmd\":\"verify\"}", VERIFY_MS);
	add_config(s, config);
	add_output(s, "log.txt",
		BOUNDED
		"journalctl --unit=tocsind --lines=2000 --output=short-iso-precise --no-pager 2>&1");
	add_output(s, "unit.txt",
		BOUNDED "systemctl --no-pager show tocsind -p " UNIT_PROPERTIES " 2>&1");
	add_output(s, "system.txt",
		"uname -a; cat /etc/os-release; uptime; free -k; " BOUNDED
		"df -k || echo df: $?; ls -ln /dev/serial/by-id 2>&1; date");
	add_readme(s, config);
}

int gw_support_write(const char *path, const char *config, const char *socket)
{
	struct support s = {.socket = socket, .now = time(NULL)};
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	char text[300];

	s.to = fd >= 0 ? fdopen(fd, "w") : NULL;
	if (!s.to) {
		snprintf(text, sizeof(text), "%.200s: %s", path, gw_errno_text(errno));
		if (fd >= 0)
			close(fd);
		return gw_message_fail(text);
	}
	add_all(&s, config);
	if (!s.failed && !gw_tar_end(s.to)) {
		s.failed = true;
		s.native = errno;
	}
	if (fclose(s.to) != 0 && !s.failed) {
		s.failed = true;
		s.native = errno;
	}
	if (s.failed) {
		snprintf(text, sizeof(text), "%.200s: %s", path, gw_errno_text(s.native));
		unlink(path);
		return gw_message_fail(text);
	}
	printf("%s: %u files; look through it before you send it\n%s", path, s.n_files,
		on_purpose);
	if (s.n_missing > 0)
		printf("Could not be had:\n%s", s.notes);
	return gw_message_flush();
}
