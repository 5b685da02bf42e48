/* SPDX-License-Identifier: Apache-2.0 */
/*
 * redact_config.h: a configuration without what may be secret in it. Keys and tokens belong into
 * files of their own, but somebody may have written one into the configuration all the same.
 *
 * The documents are read and written anew with libyaml, so nothing that is not a key or a value is
 * taken over: no comments, tags or names of anchors. Lines do not keep their numbers. Of the values
 * are left out: those of keys whose name speaks of a secret, with all that is in them, wherever
 * an alias leads to it; those in which "token: x" or the like may be; and what redact.h says of
 * URLs. In doubt more is left out.
 *
 * Thread: any; pure.
 */
#ifndef GW_CTL_REDACT_CONFIG_H
#define GW_CTL_REDACT_CONFIG_H

#include "base/error.h"

#include <stddef.h>

/* malloc'd, ends in NUL. NULL: err says why: no memory, or the place at which text is no YAML. */
char *gw_redact_config(const char *text, size_t n, size_t *ret_n, struct gw_error *err);

#endif
