/* SPDX-License-Identifier: Apache-2.0 */
#include "control/request_parser.h"

#include "base/clock.h"
#include "base/parse.h"
#include "control/protocol.h"

#include <assert.h>
#include <jansson.h>
#include <string.h>

static_assert(GW_PROTOCOL_NOTE_MAX == GW_NOTE_MAX - 1, "the note of an event");

#define SHELVE_MAX_NS (GW_PROTOCOL_SHELVE_DAYS * INT64_C(24) * 60 * 60 * GW_NS_PER_SEC)

static const struct {
	const char *name;
	enum gw_request_key key;
} keys[] = {
	{"all", GW_KEY_ALL},
	{"json", GW_KEY_JSON},
	{"last", GW_KEY_LAST},
	{"since_ms", GW_KEY_SINCE_MS},
	{"for", GW_KEY_FOR},
	{"pattern", GW_KEY_PATTERN},
	{"alarm", GW_KEY_ALARM},
	{"note", GW_KEY_NOTE},
	{"max_bytes", GW_KEY_MAX_BYTES},
	{"since_seq", GW_KEY_SINCE_SEQ},
	{"uplink", GW_KEY_UPLINK},
	{"force", GW_KEY_FORCE},
};

#define N_KEYS (sizeof(keys) / sizeof(keys[0]))

static enum gw_err refuse(struct gw_error *err, const char *name, const char *what)
{
	return gw_fail(err, GW_ERR_PROTOCOL, 0, "\"%s\" %s", name, what);
}

static enum gw_err parse_text(
	const char *name, const json_t *v, char *to, size_t size, struct gw_error *err)
{
	size_t n = json_string_length(v);

	if (!json_is_string(v))
		return refuse(err, name, "must be a string");
	if (n >= size)
		return gw_fail(err, GW_ERR_PROTOCOL, 0, "\"%s\" is longer than %zu bytes",
			name, size - 1);
	memcpy(to, json_string_value(v), n + 1);
	return GW_OK;
}

static enum gw_err parse_int(
	const char *name, const json_t *v, int64_t max, int64_t *to, struct gw_error *err)
{
	json_int_t i = json_integer_value(v);

	if (!json_is_integer(v))
		return refuse(err, name, "must be a whole number");
	if (i < 0 || i > max)
		return gw_fail(err, GW_ERR_PROTOCOL, 0, "\"%s\" must be from 0 to %lld",
			name, (long long)max);
	*to = i;
	return GW_OK;
}

static enum gw_err parse_bool(
	const char *name, const json_t *v, bool *to, struct gw_error *err)
{
	if (!json_is_boolean(v))
		return refuse(err, name, "must be true or false");
	*to = json_is_true(v);
	return GW_OK;
}

static enum gw_err parse_duration(
	const char *name, const json_t *v, int64_t *to, struct gw_error *err)
{
	struct gw_error why;

	if (!json_is_string(v))
		return refuse(err, name, "must be a duration such as \"30min\"");
	if (gw_parse_duration(json_string_value(v), to, &why))
		return gw_fail(err, GW_ERR_PROTOCOL, 0, "\"%s\": %s", name, why.text);
	if (*to <= 0)
		return refuse(err, name, "must be more than nothing");
	if (*to > SHELVE_MAX_NS)
		return gw_fail(err, GW_ERR_PROTOCOL, 0,
			"\"%s\" is longer than %dd: a shelved alarm must come back", name,
			GW_PROTOCOL_SHELVE_DAYS);
	return GW_OK;
}

/* The note is shown in log lines and on terminals. It becomes no longer by this. */
static void sanitize_note(char note[GW_NOTE_MAX])
{
	char plain[GW_NOTE_MAX];
	struct gw_text t;

	gw_text_init(&t, plain, sizeof(plain));
	gw_text_add_sanitized(&t, note);
	memcpy(note, t.at, t.used + 1);
}

static enum gw_err parse_value(enum gw_request_key key, const char *name, const json_t *v,
	struct gw_control_request *r, struct gw_error *err)
{
	int64_t last = 0;
	enum gw_err rc;

	switch (key) {
	case GW_KEY_ALL: return parse_bool(name, v, &r->all, err);
	case GW_KEY_JSON: return parse_bool(name, v, &r->json, err);
	case GW_KEY_LAST:
		rc = parse_int(name, v, GW_PROTOCOL_TAIL_MAX, &last, err);
		if (rc == GW_OK)
			r->last = (uint32_t)last;
		return rc;
	case GW_KEY_SINCE_MS: return parse_int(name, v, INT64_MAX / 2, &r->since_ms, err);
	case GW_KEY_MAX_BYTES: return parse_int(name, v, INT64_MAX / 2, &r->max_bytes, err);
	case GW_KEY_SINCE_SEQ: return parse_int(name, v, INT64_MAX / 2, &r->since_seq, err);
	case GW_KEY_FORCE: return parse_bool(name, v, &r->force, err);
	case GW_KEY_UPLINK: return parse_text(name, v, r->uplink, sizeof(r->uplink), err);
	case GW_KEY_FOR: return parse_duration(name, v, &r->for_ns, err);
	case GW_KEY_PATTERN:
		return parse_text(name, v, r->pattern, sizeof(r->pattern), err);
	case GW_KEY_ALARM: return parse_text(name, v, r->alarm, sizeof(r->alarm), err);
	case GW_KEY_NOTE:
		rc = parse_text(name, v, r->note, sizeof(r->note), err);
		if (rc == GW_OK)
			sanitize_note(r->note);
		return rc;
	}
	return GW_ERR_PROTOCOL;
}

static enum gw_err parse_keys(
	json_t *object, struct gw_control_request *r, struct gw_error *err)
{
	const struct gw_control_command *command = r->command;
	const char *name;
	unsigned seen = 0;
	json_t *v;
	size_t k;

	json_object_foreach(object, name, v)
	{
		if (!strcmp(name, "cmd"))
			continue;
		for (k = 0; k < N_KEYS && strcmp(keys[k].name, name); k++)
			;
		if (k == N_KEYS || !(command->keys & keys[k].key))
			return gw_fail(err, GW_ERR_PROTOCOL, 0, "%s has no \"%.40s\"",
				command->name, name);
		if (parse_value(keys[k].key, name, v, r, err))
			return GW_ERR_PROTOCOL;
		seen |= keys[k].key;
	}
	for (k = 0; k < N_KEYS; k++)
		if (command->required_keys & keys[k].key & ~seen)
			return gw_fail(err, GW_ERR_PROTOCOL, 0, "%s needs \"%s\"",
				command->name, keys[k].name);
	if (seen & GW_KEY_SINCE_MS && seen & GW_KEY_SINCE_SEQ)
		return gw_fail(err, GW_ERR_PROTOCOL, 0,
			"\"since_ms\" and \"since_seq\": give one of them");
	if (seen & GW_KEY_SINCE_MS && !(seen & GW_KEY_LAST))
		r->last = GW_PROTOCOL_TAIL_MAX;
	return GW_OK;
}

/* NULL: the daemon has no such command. */
static const struct gw_control_command *find_command(
	const struct gw_control_command *commands, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (commands[i].handle && !strcmp(commands[i].name, name))
			return &commands[i];
	return NULL;
}

static enum gw_err parse_object(const struct gw_control_command *commands,
	size_t n_commands, json_t *object, struct gw_control_request *r,
	struct gw_error *err)
{
	const json_t *cmd = json_object_get(object, "cmd");

	if (!json_is_object(object))
		return gw_fail(err, GW_ERR_PROTOCOL, 0, "a request is one JSON object");
	if (!json_is_string(cmd))
		return gw_fail(err, GW_ERR_PROTOCOL, 0, "\"cmd\" is missing or no string");
	r->command = find_command(commands, n_commands, json_string_value(cmd));
	if (!r->command)
		return gw_fail(err, GW_ERR_PROTOCOL, 0, "unknown command \"%.40s\"",
			json_string_value(cmd));
	return parse_keys(object, r, err);
}

enum gw_err gw_control_request_parse(const struct gw_control_command *commands,
	size_t n_commands, const char *line, size_t n,
	struct gw_control_request *ret_request, struct gw_error *err)
{
	struct gw_control_request r = {0};
	json_error_t why;
	json_t *object = json_loadb(line, n, JSON_REJECT_DUPLICATES, &why);
	enum gw_err rc;

	if (!object)
		return gw_fail(err, GW_ERR_PROTOCOL, 0, "not a JSON object: %s", why.text);
	rc = parse_object(commands, n_commands, object, &r, err);
	json_decref(object);
	if (rc == GW_OK)
		*ret_request = r;
	return rc;
}
