/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text: "tocsin configuration 1\n", for each file "file BYTES PATH\n" and its bytes and a
 * newline, then "end SUM\n", where SUM is FNV-1a over all before it.
 */
#include "yaml/files.h"

#include "base/hash.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEAD      "tocsin configuration 1\n"
#define FILES_MAX 4096

bool gw_files_add(struct gw_files *f, const char *path, const char *bytes, size_t n)
{
	struct gw_file *grown = realloc(f->at, (f->n + 1) * sizeof(*grown));
	struct gw_file file = {.path = strdup(path), .bytes = malloc(n + 1), .n = n};

	if (grown)
		f->at = grown;
	if (!grown || !file.path || !file.bytes) {
		free(file.path);
		free(file.bytes);
		return false;
	}
	memcpy(file.bytes, bytes, n);
	file.bytes[n] = '\0';
	f->at[f->n++] = file;
	return true;
}

const struct gw_file *gw_files_find(const struct gw_files *f, const char *path)
{
	for (size_t i = 0; i < f->n; i++)
		if (strcmp(f->at[i].path, path) == 0)
			return &f->at[i];
	return NULL;
}

void gw_files_free(struct gw_files *f)
{
	for (size_t i = 0; i < f->n; i++) {
		free(f->at[i].path);
		free(f->at[i].bytes);
	}
	free(f->at);
	*f = (struct gw_files){.n = 0};
}

bool gw_files_equal(const struct gw_files *a, const struct gw_files *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (strcmp(a->at[i].path, b->at[i].path) != 0 || a->at[i].n != b->at[i].n ||
			memcmp(a->at[i].bytes, b->at[i].bytes, a->at[i].n) != 0)
			return false;
	return true;
}

char *gw_files_encode(const struct gw_files *f, size_t *ret_n)
{
	char *text = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);

	if (!out)
		return NULL;
	fputs(HEAD, out);
	for (size_t i = 0; i < f->n; i++) {
		fprintf(out, "file %zu %s\n", f->at[i].n, f->at[i].path);
		fwrite(f->at[i].bytes, 1, f->at[i].n, out);
		fputc('\n', out);
	}
	fflush(out);
	if (!ferror(out))
		fprintf(out, "end %016" PRIx64 "\n", gw_hash(GW_HASH_START, text, n));
	if (ferror(out) | fclose(out)) {
		free(text);
		return NULL;
	}
	*ret_n = n;
	return text;
}

/* The next file at *at, or false. */
static bool decode_one(const char **at, const char *end, struct gw_files *f)
{
	const char *newline = memchr(*at, '\n', (size_t)(end - *at));
	char *path, *space;
	size_t n;
	bool good;

	if (!newline || strncmp(*at, "file ", 5) != 0)
		return false;
	path = strndup(*at + 5, (size_t)(newline - *at - 5));
	if (!path)
		return false;
	n = strtoul(path, &space, 10);
	good = *space == ' ' && space[1] && n < (size_t)(end - newline) &&
		newline[1 + n] == '\n' && gw_files_add(f, space + 1, newline + 1, n);
	free(path);
	*at = newline + 1 + n + 1;
	return good;
}

enum gw_err gw_files_decode(
	const char *text, size_t n, struct gw_files *ret_files, struct gw_error *err)
{
	const size_t tail = sizeof("end 0123456789abcdef\n") - 1, head = sizeof(HEAD) - 1;
	struct gw_files f = {.n = 0};
	const char *at = text + head, *end = text + n - tail;
	char line[32];
	bool good = n >= head + tail && memcmp(text, HEAD, head) == 0;

	if (good) {
		snprintf(line, sizeof(line), "end %016" PRIx64 "\n",
			gw_hash(GW_HASH_START, text, n - tail));
		good = memcmp(end, line, tail) == 0;
	}
	while (good && at < end && f.n < FILES_MAX)
		good = decode_one(&at, end, &f);
	if (good && at == end && f.n > 0) {
		*ret_files = f;
		return GW_OK;
	}
	gw_files_free(&f);
	return gw_fail(err, GW_ERR_CORRUPT, 0, "is not whole");
}
