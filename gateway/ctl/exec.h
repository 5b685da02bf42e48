/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exec.h: replaces this process by another program of tocsin.
 *
 * Thread: the only one.
 */
#ifndef GW_CTL_EXEC_H
#define GW_CTL_EXEC_H

/* Runs argv[0] from the folder of this program (as in a build folder), else from folder,
 * or from PATH if folder is NULL. Returns only on failure, after an error on stderr. */
void gw_exec_program(const char *folder, char *const argv[]);

#endif
