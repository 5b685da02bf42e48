/* SPDX-License-Identifier: Apache-2.0 */
#include "yaml/reader.h"

#include <string.h>

static const char *folder_of(struct gw_reader *reader, const char *path)
{
	const char *slash = strrchr(path, '/'), *folder;

	if (!slash)
		return "";
	folder = gw_arena_copy(&reader->scratch, path, (size_t)(slash - path) + 1);
	return folder ? folder : "";
}

void gw_reader_init(struct gw_reader *reader, struct gw_arena *arena, const char *path)
{
	*reader = (struct gw_reader){.arena = arena};
	reader->strings.arena = reader->seen.arena = &reader->scratch;
	reader->folder = folder_of(reader, path);
}

void gw_reader_fini(struct gw_reader *reader)
{
	gw_arena_free(&reader->scratch);
}

bool gw_reader_failed(const struct gw_reader *reader)
{
	return reader->scratch.failed || reader->arena->failed;
}

const char *gw_reader_string(struct gw_reader *reader, const char *text)
{
	const struct gw_strmap_entry *e;
	const char *copy;

	if (*text == '\0')
		return "";
	e = gw_strmap_find(&reader->strings, text);
	if (e)
		return e->key;
	copy = gw_arena_copy(reader->arena, text, strlen(text));
	if (!copy || !gw_strmap_add(&reader->strings, copy, 0))
		return "";
	return copy;
}
