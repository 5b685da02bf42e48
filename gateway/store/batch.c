/* SPDX-License-Identifier: Apache-2.0 */
#include "store/batch.h"

#include "store/texts.h"

#include <stdlib.h>
#include <string.h>

struct gw_batch_memory *gw_batch_new(size_t room)
{
	struct gw_batch_memory *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->room = room;
	m->batch.events = calloc(room ? room : 1, sizeof(*m->batch.events));
	m->seen = calloc(room ? room : 1, sizeof(*m->seen));
	if (!m->batch.events || !m->seen) {
		gw_batch_free(&m->batch);
		return NULL;
	}
	return m;
}

void gw_batch_free(struct gw_batch *b)
{
	struct gw_batch_memory *m = (struct gw_batch_memory *)b; /* batch comes first */

	if (!m)
		return;
	gw_pool_fini(&m->pool);
	free(m->batch.events);
	free(m->seen);
	free(m);
}

bool gw_batch_insert(struct gw_batch_memory *m, size_t index, const struct gw_event *e)
{
	struct gw_batch *b = &m->batch;
	struct gw_event copy = *e;

	if (index >= m->room)
		return true;
	copy.info = gw_texts_copy(e->info, &m->pool);
	if (!copy.info)
		return false;
	for (size_t i = 0; i < e->n_by; i++) {
		copy.by[i] = gw_pool_text(&m->pool, e->by[i], strlen(e->by[i]));
		if (!copy.by[i])
			return false;
	}
	if (b->n < m->room)
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
