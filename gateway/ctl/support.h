/* SPDX-License-Identifier: Apache-2.0 */
/*
 * support.h: one archive for a question to the makers: the configuration without secrets, what
 * the gateway says of itself, the ends of its logs. What it could not get is named in it.
 *
 * Thread: the only one.
 */
#ifndef GW_CTL_SUPPORT_H
#define GW_CTL_SUPPORT_H

/* Creates path (.tar), which must not exist. Returns an enum gw_exit. */
int gw_support_write(const char *path, const char *config, const char *socket);

#endif
