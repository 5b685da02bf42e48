/* SPDX-License-Identifier: Apache-2.0 */
/* message.h: errors of tocsin on stderr, and whether its output arrived. Thread: the only
 * one. */
#ifndef GW_CTL_MESSAGE_H
#define GW_CTL_MESSAGE_H

/* "tocsin: WHAT" on stderr; GW_EXIT_REFUSED. */
int gw_message_fail(const char *what);
/* Flushes stdout. GW_EXIT_DONE, or GW_EXIT_REFUSED with an error: a full disk or a closed
 * pipe. */
int gw_message_flush(void);

#endif
