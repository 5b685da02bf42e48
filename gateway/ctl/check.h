/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check.h: `tocsin check FILE`: hands the file to `tocsind --check`, the one reader of
 * configurations.
 */
#ifndef GW_CTL_CHECK_H
#define GW_CTL_CHECK_H

#include <stdbool.h>

/* Runs the tocsind that lies beside this program, else the one in PATH. With json its complaints
 * go to stdout as {"file":...,"ok":...,"complaints":[...]}. Returns the exit code of tocsin:
 * 0 good, 1 bad configuration, 2 could not be checked. */
int gw_check_file(const char *file, bool json);

#endif
