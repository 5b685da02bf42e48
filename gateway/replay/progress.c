/* SPDX-License-Identifier: Apache-2.0 */
#include "replay/progress.h"

#include "base/clock.h"
#include "base/text.h"
#include "term/time_arg.h"

#define BAR 30

void gw_progress_begin(struct gw_progress *p, FILE *out, bool terminal, int64_t now_ns)
{
	*p = (struct gw_progress){.out = out, .on = terminal, .began_ns = now_ns};
	p->last_ns = now_ns + GW_PROGRESS_AFTER_NS - GW_PROGRESS_EVERY_NS;
}

static void bar(const struct gw_progress *p, struct gw_text *t, uint64_t done,
	uint64_t total, int64_t now_ns)
{
	unsigned full = (unsigned)(done * BAR / total);

	gw_text_add(t, "[");
	for (unsigned i = 0; i < BAR; i++)
		gw_text_add(t, i < full ? "#" : "-");
	gw_text_addf(t, "] %3u%%  ", (unsigned)(done * 100 / total));
	if (done) {
		double spent_ms = (double)(now_ns - p->began_ns) / 1e6;
		double left = (double)(total - done) / (double)done;

		gw_time_arg_add_age(t, (int64_t)(spent_ms * left));
		gw_text_add(t, " left");
	}
}

void gw_progress_print(struct gw_progress *p, uint64_t done, uint64_t total,
	uint64_t samples, int64_t now_ns)
{
	char memory[160];
	struct gw_text t;

	if (!p->on || now_ns - p->last_ns < GW_PROGRESS_EVERY_NS)
		return;
	p->last_ns = now_ns;
	p->shown = true;
	gw_text_init(&t, memory, sizeof(memory));
	if (total && done <= total) /* a file may grow while it is read */
		bar(p, &t, done, total, now_ns);
	else
		gw_text_addf(&t, "%llu samples", (unsigned long long)samples);
	fprintf(p->out, "\r\033[K%s", memory);
	fflush(p->out);
}

void gw_progress_end(struct gw_progress *p)
{
	if (p->shown) {
		fputs("\r\033[K", p->out);
		fflush(p->out);
	}
	p->shown = false;
}
