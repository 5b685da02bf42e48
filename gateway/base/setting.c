/* SPDX-License-Identifier: Apache-2.0 */
#include "base/setting.h"

#include "base/text.h"

void gw_report(struct gw_report *report, const void *where, const char *fmt, ...)
{
	char memory[512];
	struct gw_text t;
	va_list ap;

	gw_text_init(&t, memory, sizeof(memory));
	va_start(ap, fmt);
	gw_text_addv(&t, fmt, ap);
	va_end(ap);
	report->n++;
	report->add(report, where, memory);
}
