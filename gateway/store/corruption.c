/* SPDX-License-Identifier: Apache-2.0 */
#include "store/corruption.h"

#include "base/clock.h"
#include "base/log.h"
#include "store/db_readonly.h"
#include "store/store_internal.h"

static bool cannot_read(int native)
{
	return native == SQLITE_IOERR_READ || native == SQLITE_IOERR_SHORT_READ ||
		native == SQLITE_IOERR_DATA || native == SQLITE_IOERR_CORRUPTFS;
}

bool gw_corruption_note(struct gw_store *s, const struct gw_error *why)
{
	bool before = s->corrupt_once;

	if (!before)
		gw_log(GW_LOG_WARNING, "store: %s; looked at again: check the disk",
			why->text);
	s->corrupt_once = s->recheck_needed = true;
	return before;
}

enum gw_err gw_corruption_confirm(
	struct gw_store *s, const struct gw_error *why, struct gw_error *err)
{
	struct gw_error reason = *why; /* why and err may be the same */

	if (gw_db_is_readable(s->path, &s->thread) ||
		gw_corruption_unreadable_for_long(s, SQLITE_IOERR_READ))
		return GW_OK;
	return gw_fail(err, GW_ERR_SYSTEM, SQLITE_IOERR_READ,
		"%s, and part of it cannot be read", reason.text);
}

bool gw_corruption_unreadable_for_long(struct gw_store *s, int native)
{
	int64_t now_ns = gw_clock_boot_ns();

	if (!cannot_read(native))
		return false;
	if (!s->unreadable_ns)
		s->unreadable_ns = now_ns;
	return now_ns - s->unreadable_ns >= GW_STORE_UNREADABLE_NS;
}

void gw_corruption_disproved(struct gw_store *s)
{
	s->corrupt_once = false;
	s->unreadable_ns = 0;
}
