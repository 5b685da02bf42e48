/* SPDX-License-Identifier: Apache-2.0 */
/*
 * late_restore.h: records that the disk delivered only after the engine's thread had begun.
 *
 * Until then the engine did not know which alarms were active before the start, and may have
 * raised one again under a new occurrence. The new occurrence is kept: people are looking at it,
 * and nobody has acknowledged it. The old one is cleared at once, so that a platform that keeps
 * records by occurrence is not left with one that never ends. After that `cleared` an `amended`
 * of the new occurrence follows: who keeps records by alarm, as the journal does, ends with the
 * right state.
 */
#ifndef GW_ENGINE_LATE_RESTORE_H
#define GW_ENGINE_LATE_RESTORE_H

#include "engine/engine_internal.h"

/* Applies the records that main handed over (gw_engine_restore_late), if any, all of them. */
void gw_late_restore_run(struct gw_engine *e, const struct gw_time *now);

#endif
