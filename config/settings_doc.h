/* SPDX-License-Identifier: Apache-2.0 */
/*
 * settings_doc.h: a program of the build that writes the settings down: the man page and the JSON
 * Schema, from the rows that the reader itself uses.
 */
#ifndef GW_CONFIG_SETTINGS_DOC_H
#define GW_CONFIG_SETTINGS_DOC_H

#include "base/text.h"
#include "conf/config.h"

/* The schema into t. */
void gw_settings_schema(struct gw_text *t);
/* A man page's template into t: a line @NAME@ becomes the rows of that group, @NAME (*)@ those of
 * each group of that name with something in brackets, @picture NAME@ the file NAME.txt of the
 * folder of pictures. False: a NAME is unknown. */
bool gw_settings_man(struct gw_text *t, const char *template_, const char *pictures);

#endif
