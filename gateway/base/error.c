/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"

#include "base/text.h"

#include <string.h>

enum gw_err gw_fail(struct gw_error *err, enum gw_err rc, int native, const char *fmt, ...)
{
	char memory[sizeof(err->text)];
	struct gw_text t;
	va_list ap;

	if (!err)
		return rc;
	/* into a buffer first: an argument may be err->text itself */
	gw_text_init(&t, memory, sizeof(memory));
	va_start(ap, fmt);
	gw_text_addv(&t, fmt, ap);
	va_end(ap);
	err->kind = rc;
	err->native = native;
	memcpy(err->text, memory, t.used + 1);
	return rc;
}

enum gw_err gw_error_wrap(struct gw_error *err, const char *fmt, ...)
{
	char memory[sizeof(err->text)];
	struct gw_text t;
	va_list ap;

	if (!err)
		return GW_ERR_SYSTEM;
	gw_text_init(&t, memory, sizeof(memory));
	va_start(ap, fmt);
	gw_text_addv(&t, fmt, ap);
	va_end(ap);
	gw_text_add(&t, ": ");
	gw_text_add(&t, err->text);
	memcpy(err->text, memory, t.used + 1);
	return err->kind;
}

const char *gw_err_name(enum gw_err rc)
{
	switch (rc) {
	case GW_OK: return "ok";
	case GW_ERR_CONFIG: return "config";
	case GW_ERR_SYSTEM: return "system";
	case GW_ERR_LINK: return "link";
	case GW_ERR_TIMEOUT: return "timeout";
	case GW_ERR_PROTOCOL: return "protocol";
	case GW_ERR_REFUSED: return "refused";
	case GW_ERR_FULL: return "full";
	case GW_ERR_CORRUPT: return "corrupt";
	case GW_ERR_STOPPED: return "stopped";
	}
	return "unknown";
}

const char *gw_errno_text(int errnum)
{
	const char *text = strerrordesc_np(errnum);

	return text ? text : "unknown error";
}
