/* SPDX-License-Identifier: Apache-2.0 */
#include "yaml/hint.h"

#include "base/parse.h"

#include <string.h>

#define DISTANCES_MAX 50000 /* worked out in one load: 0.2 s */

void gw_hint_init(struct gw_hint *h, struct gw_reader *reader, const char *written)
{
	size_t n = strlen(written);

	*h = (struct gw_hint){.reader = reader, .written = written};
	h->distance = n < 4 ? 1 : n < 8 ? 2 : (unsigned)(n < 36 ? n / 4 : 9);
	h->distance++; /* the first that is nearer than this */
}

void gw_hint_add(struct gw_hint *h, const char *word)
{
	size_t a, b;
	unsigned distance;

	if (h->reader->n_distances >= DISTANCES_MAX)
		return;
	a = strlen(h->written);
	b = strlen(word);
	if ((a > b ? a - b : b - a) >= h->distance)
		return;
	h->reader->n_distances++;
	distance = gw_parse_distance(h->written, word);
	if (distance > 0 && distance < h->distance) {
		h->distance = distance;
		h->best = word;
	}
}

const char *gw_hint_text(const struct gw_hint *h)
{
	const char *text = NULL;

	if (h->best)
		text = gw_arena_printf(&h->reader->scratch, " (did you mean %s?)", h->best);
	return text ? text : "";
}
