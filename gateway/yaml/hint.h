/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hint.h: "did you mean ...?": the nearest of several words to what was written.
 *
 * Owner: the caller. Thread: the reader's. Life: init, add..., text.
 */
#ifndef GW_YAML_HINT_H
#define GW_YAML_HINT_H

#include "yaml/reader.h"

struct gw_hint {
	struct gw_reader *reader;
	const char *written, *best;
	unsigned distance; /* of best; at this and above nothing is near */
};

void gw_hint_init(struct gw_hint *h, struct gw_reader *reader, const char *written);
void gw_hint_add(struct gw_hint *h, const char *word);
/* " (did you mean WORD?)", or "" if none is near. Scratch memory. */
const char *gw_hint_text(const struct gw_hint *h);

#endif
