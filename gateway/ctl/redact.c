/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/redact.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* A name or an address, and perhaps a port. */
static bool is_host(const char *text, size_t n)
{
	bool v6 = n > 0 && text[0] == '[';
	size_t i = v6;

	while (i < n &&
		(isalnum((unsigned char)text[i]) || memchr(v6 ? ".:%" : ".-_", text[i], 3)))
		i++;
	if (v6 && (i == n || text[i++] != ']'))
		return false;
	if (i < n && text[i++] != ':')
		return false;
	while (i < n && isdigit((unsigned char)text[i]))
		i++;
	return i == n;
}

/* What follows ://. */
static void put_url(FILE *to, const char *url, size_t n)
{
	size_t path = 0, host;

	while (path < n && !memchr("/?#\\", url[path], 4))
		path++;
	for (host = path; host > 0 && url[host - 1] != '@';)
		host--;
	/* an @ behind it: perhaps of a password with a slash in it */
	if (memchr(url + path, '@', n - path) || !is_host(url + host, path - host)) {
		fputs(GW_REDACT_LEFT_OUT, to);
		return;
	}
	if (host > 0)
		fputs(GW_REDACT_LEFT_OUT "@", to);
	fwrite(url + host, 1, path - host, to);
	if (n - path > 1 || (n > path && url[path] != '/'))
		fputs("/" GW_REDACT_LEFT_OUT, to);
}

/* A quote ends it only where no more of its text can follow: there is one in some URLs. */
static size_t url_end(const char *text, size_t n, size_t i)
{
	for (; i < n && !isspace((unsigned char)text[i]); i++) {
		if (text[i] == '\\')
			i++;
		else if (text[i] == '"' &&
			(i + 1 == n || isspace((unsigned char)text[i + 1]) ||
				memchr(",]}:", text[i + 1], 4)))
			return i;
	}
	return i < n ? i : n;
}

/* Whether the :// that ends at i is of file:///. */
static bool is_file_url(const char *text, size_t n, size_t i)
{
	return i >= 7 && strncasecmp(text + i - 7, "file", 4) == 0 &&
		(i == 7 || !isalnum((unsigned char)text[i - 8])) && i < n && text[i] == '/';
}

/* A value of the configuration is a URL up to its end, whatever is in it. */
static void put_text(FILE *to, const char *text, size_t n, bool is_value)
{
	const char *mark;
	size_t i = 0, end;

	while ((mark = memmem(text + i, n - i, "://", 3))) {
		size_t url = (size_t)(mark - text) + 3;

		fwrite(text + i, 1, url - i, to);
		i = url;
		if (is_file_url(text, n, url))
			continue;
		end = is_value ? n : url_end(text, n, url);
		put_url(to, text + url, end - url);
		i = end;
	}
	fwrite(text + i, 1, n - i, to);
}

static char *redact(const char *text, size_t n, bool is_value, size_t *ret_n)
{
	char *out = NULL;
	FILE *to = open_memstream(&out, ret_n);

	if (!to)
		return NULL;
	put_text(to, text, n, is_value);
	if (fclose(to) == 0)
		return out;
	free(out);
	return NULL;
}

char *gw_redact_urls(const char *text, size_t n, size_t *ret_n)
{
	return redact(text, n, false, ret_n);
}

char *gw_redact_value(const char *text, size_t n, size_t *ret_n)
{
	return redact(text, n, true, ret_n);
}
