/* SPDX-License-Identifier: Apache-2.0 */
#include "store/batch.h"

#include "store/string_table.h"

#include <stdlib.h>
#include <string.h>

/* Most batches have a few events, so a chunk of the default size would be mostly empty. */
#define CHUNK_BYTES 4096

struct gw_batch_memory *gw_batch_new(size_t capacity)
{
	struct gw_batch_memory *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->capacity = capacity;
	m->arena.chunk_bytes = CHUNK_BYTES;
	m->batch.events = calloc(capacity ? capacity : 1, sizeof(*m->batch.events));
	m->loaded = calloc(capacity ? capacity : 1, sizeof(*m->loaded));
	if (!m->batch.events || !m->loaded) {
		gw_batch_free(&m->batch);
		return NULL;
	}
	return m;
}

void gw_batch_free(struct gw_batch *b)
{
	struct gw_batch_memory *m = (struct gw_batch_memory *)b;

	if (!m)
		return;
	gw_arena_free(&m->arena);
	free(m->batch.events);
	free(m->batch.newer);
	free(m->loaded);
	free(m);
}

bool gw_batch_insert(struct gw_batch_memory *m, size_t index, const struct gw_event *e)
{
	struct gw_batch *b = &m->batch;
	struct gw_event copy = *e;

	if (index >= m->capacity)
		return true;
	if (!gw_string_table_copy_texts(&copy, &m->arena))
		return false;
	if (b->n < m->capacity)
		b->n++;
	memmove(b->events + index + 1, b->events + index,
		(b->n - index - 1) * sizeof(*b->events));
	b->events[index] = copy;
	return true;
}

void gw_batch_reverse(struct gw_batch_memory *m)
{
	for (size_t i = 0, j = m->batch.n; i + 1 < j; i++) {
		struct gw_event e = m->batch.events[i];

		j--;
		m->batch.events[i] = m->batch.events[j];
		m->batch.events[j] = e;
	}
}
