/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check.h: `tocsin check FILE`: runs `tocsind --check`, which has the only reader of
 * configurations.
 */
#ifndef GW_CTL_CHECK_H
#define GW_CTL_CHECK_H

#include <stdbool.h>

/* Runs tocsind from the folder of this program, else from PATH. With json its complaints go
 * to stdout as {"file":...,"ok":...,"complaints":[...]}. Returns the exit code of tocsin: 0
 * good, 1 bad configuration, 2 could not be checked. */
int gw_check_file(const char *file, bool json);

#endif
