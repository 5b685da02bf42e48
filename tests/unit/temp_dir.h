/* SPDX-License-Identifier: Apache-2.0 */
/* temp_dir.h: a fresh folder for a test's files, in $TMPDIR or /tmp. */
#ifndef TEMP_DIR_H
#define TEMP_DIR_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* With some 40 bytes more it is still a Unix socket's name (108); a $TMPDIR that is too long for
 * that is passed over. */
#define TEMP_DIR_MAX 64

/* 0, or -1 with errno. */
static inline int temp_dir_make(char ret_dir[TEMP_DIR_MAX])
{
	static const char name[] = "/tocsin-XXXXXX";
	const char *tmp = getenv("TMPDIR");

	if (!tmp || *tmp != '/' || strlen(tmp) + sizeof(name) > TEMP_DIR_MAX)
		tmp = "/tmp";
	snprintf(ret_dir, TEMP_DIR_MAX, "%s%s", tmp, name);
	return mkdtemp(ret_dir) ? 0 : -1;
}

static inline int temp_dir_drop(
	const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st;
	(void)kind;
	(void)at;
	return remove(path);
}

/* With all that is in it; links are not followed. 0, or -1 with errno. */
static inline int temp_dir_remove(const char *dir)
{
	return nftw(dir, temp_dir_drop, 8, FTW_DEPTH | FTW_PHYS);
}

#endif
