/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exec.h: becoming another program of this gateway.
 *
 * Thread: the only one.
 */
#ifndef GW_CTL_EXEC_H
#define GW_CTL_EXEC_H

/* Runs the program argv[0] that lies beside this one (as in a build folder), else the one in
 * folder, or in PATH if folder is NULL. Returns only if there is none, and says so on stderr. */
void gw_exec_program(const char *folder, char *const argv[]);

#endif
