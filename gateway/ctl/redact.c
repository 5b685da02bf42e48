/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/redact.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define LEFT_OUT "(left out)"

/* In lower case; a part of the key's name is enough. */
static const char *const secret_words[] = {"pass", "token", "secret", "key", "auth",
	"credential", "cookie", "header", "pin", "sign", "pwd"};

struct redaction {
	char *out;
	size_t n, capacity;
	bool failed;
	bool skipping; /* lines that are indented deeper than skip_indent belong to a secret */
	size_t skip_indent;
};

static void put(struct redaction *r, const char *bytes, size_t n)
{
	if (r->n + n + 1 > r->capacity) {
		size_t capacity = 2 * (r->n + n + 1);
		char *out = realloc(r->out, capacity);

		if (!out) {
			r->failed = true;
			return;
		}
		r->out = out;
		r->capacity = capacity;
	}
	memcpy(r->out + r->n, bytes, n);
	r->n += n;
	r->out[r->n] = '\0';
}

static bool is_secret(const char *name, size_t n)
{
	if (n > 5 && strncasecmp(name + n - 5, "_file", 5) == 0)
		return false;
	for (size_t i = 0; i < sizeof(secret_words) / sizeof(secret_words[0]); i++) {
		size_t length = strlen(secret_words[i]);

		for (size_t at = 0; at + length <= n; at++)
			if (strncasecmp(name + at, secret_words[i], length) == 0)
				return true;
	}
	return false;
}

static size_t indentation(const char *line, size_t n)
{
	size_t i = 0;

	while (i < n && (line[i] == ' ' || line[i] == '-' || line[i] == '\t'))
		i++;
	return i;
}

/* Where a comment begins, or n. */
static size_t comment_at(const char *line, size_t n)
{
	char quote = '\0';

	for (size_t i = 0; i < n; i++) {
		if (quote != '\0') {
			if (line[i] == '\\' && quote == '"')
				i++;
			else if (line[i] == quote)
				quote = '\0';
		} else if (line[i] == '"' || line[i] == '\'') {
			quote = line[i];
		} else if (line[i] == '#' &&
			(i == 0 || isspace((unsigned char)line[i - 1]))) {
			return i;
		}
	}
	return n;
}

static bool is_name_char(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '-';
}

/* The end of the value that begins at i: of its quotes, of the flow's item, or of the line. */
static size_t value_end(const char *line, size_t n, size_t i, bool in_flow)
{
	if (i < n && (line[i] == '"' || line[i] == '\'')) {
		char quote = line[i++];

		while (i < n && line[i] != quote)
			i += line[i] == '\\' && quote == '"' ? 2 : 1;
		return i < n ? i + 1 : n;
	}
	while (i < n && (!in_flow || !strchr(",}]", line[i])))
		i++;
	return i;
}

static bool is_file(const char *value, size_t n)
{
	size_t i = n > 0 && (value[0] == '"' || value[0] == '\'') ? 1 : 0;

	return i < n && value[i] == '/';
}

/* The value of a secret key. Returns where it ends. */
static size_t put_value(
	struct redaction *r, const char *line, size_t n, size_t i, bool in_flow)
{
	size_t begin = i, end;

	while (i < n && (line[i] == ' ' || line[i] == '\t'))
		i++;
	put(r, line + begin, i - begin);
	end = value_end(line, n, i, in_flow);
	if (is_file(line + i, n - i)) {
		put(r, line + i, end - i);
		return end;
	}
	/* a block, a flow or a text that goes on below */
	if (!in_flow || i == n || line[i] == '{' || line[i] == '[') {
		r->skipping = true;
		r->skip_indent = indentation(line, n);
		end = in_flow ? n : end;
	}
	if (i < n && (line[i] == '{' || line[i] == '['))
		end = n;
	put(r, LEFT_OUT, sizeof(LEFT_OUT) - 1);
	return end;
}

/* What follows ://, up to the end of the URL. Returns where that is. */
static size_t put_url(struct redaction *r, const char *line, size_t n, size_t i)
{
	size_t end = i, host, path;

	while (end < n && !isspace((unsigned char)line[end]) &&
		!strchr("\"',}]", line[end]))
		end++;
	for (path = i; path < end && line[path] != '/' && line[path] != '?';)
		path++;
	for (host = path; host > i && line[host - 1] != '@';)
		host--;
	if (host > i)
		put(r, LEFT_OUT "@", sizeof(LEFT_OUT));
	put(r, line + host, path - host);
	if (path + 1 < end)
		put(r, "/" LEFT_OUT, sizeof(LEFT_OUT));
	return end;
}

static void put_line(struct redaction *r, const char *line, size_t n)
{
	bool in_flow = false;
	size_t i = 0;

	n = comment_at(line, n);
	if (r->skipping &&
		(n == 0 || indentation(line, n) > r->skip_indent ||
			indentation(line, n) == n))
		return;
	r->skipping = false;
	while (i < n) {
		size_t begin = i;

		if (line[i] == '{' || line[i] == '[')
			in_flow = true;
		if (n - i >= 3 && memcmp(line + i, "://", 3) == 0) {
			bool file = i >= 4 && memcmp(line + i - 4, "file", 4) == 0;

			put(r, "://", 3);
			i += 3;
			if (!file)
				i = put_url(r, line, n, i);
			continue;
		}
		if (!is_name_char(line[i])) {
			put(r, line + i++, 1);
			continue;
		}
		while (i < n && is_name_char(line[i]))
			i++;
		put(r, line + begin, i - begin);
		if (i < n && (line[i] == '"' || line[i] == '\'') && i + 1 < n &&
			line[i + 1] == ':')
			put(r, line + i++, 1);
		if (i < n && line[i] == ':' && (i + 1 == n || line[i + 1] != '/') &&
			is_secret(line + begin, i - begin)) {
			put(r, ":", 1);
			i = put_value(r, line, n, i + 1, in_flow);
		}
	}
}

char *gw_redact_config(const char *text, size_t n, size_t *ret_n)
{
	struct redaction r = {.out = NULL};
	size_t at = 0;

	put(&r, "", 0);
	while (at < n && !r.failed) {
		const char *end = memchr(text + at, '\n', n - at);
		size_t length = end ? (size_t)(end - text) - at : n - at;

		put_line(&r, text + at, length);
		if (end)
			put(&r, "\n", 1);
		at += length + 1;
	}
	if (r.failed) {
		free(r.out);
		return NULL;
	}
	*ret_n = r.n;
	return r.out;
}
