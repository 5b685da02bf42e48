/* SPDX-License-Identifier: Apache-2.0 */
/*
 * power_vfs.h: a disk under SQLite that loses power. What is written goes to the real files; what
 * was not synced is noted. At the cut every call fails from then on, and power_restore() leaves
 * in the files what such a disk may hold: all that was synced, and of the rest any part, in any
 * order, torn at sectors. A name that was never synced may be gone.
 */
#ifndef GW_TESTS_POWER_VFS_H
#define GW_TESTS_POWER_VFS_H

#include <fcntl.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define POWER_FILES  8
#define POWER_SECTOR 512

struct power_op {
	int64_t at;
	int64_t n;      /* < 0: truncated to at */
	uint8_t *bytes; /* owned */
};

struct power_shadow {
	char path[PATH_MAX]; /* "": free */
	bool named;          /* its name is on the disk */
	uint8_t *durable;    /* owned; what is on the disk for certain */
	int64_t size;
	struct power_op *ops; /* owned; since the last sync */
	size_t n_ops, capacity;
};

static struct {
	struct power_shadow files[POWER_FILES];
	uint64_t calls;  /* that change the disk */
	uint64_t cut_at; /* 0: never */
	bool off, lies;  /* lies: a sync does nothing and says it did */
	void (*on_cut)(void);
	uint64_t random;
} power;

struct power_file {
	sqlite3_file base;
	sqlite3_file *real;
	struct power_shadow *shadow; /* NULL: a temporary file */
};

static sqlite3_vfs *power_real;

static uint64_t power_random(void)
{
	power.random ^= power.random << 13;
	power.random ^= power.random >> 7;
	power.random ^= power.random << 17;
	return power.random;
}

static void *power_grow(void *at, size_t n)
{
	void *grown = realloc(at, n ? n : 1);

	if (!grown)
		abort();
	return grown;
}

static struct power_file *power_of(sqlite3_file *f)
{
	return (struct power_file *)(void *)f;
}

static sqlite3_file *power_file(sqlite3_file *f)
{
	return power_of(f)->real;
}

/* Before each call that changes the disk; false: there is no power. */
static bool power_on(void)
{
	if (!power.off && ++power.calls == power.cut_at) {
		power.off = true;
		if (power.on_cut)
			power.on_cut();
	}
	return !power.off;
}

static void power_note(struct power_shadow *s, int64_t at, int64_t n, const void *bytes)
{
	struct power_op op = {.at = at, .n = n};

	if (!s)
		return;
	if (n > 0) {
		op.bytes = power_grow(NULL, (size_t)n);
		memcpy(op.bytes, bytes, (size_t)n);
	}
	if (s->n_ops == s->capacity) {
		s->capacity = s->capacity ? 2 * s->capacity : 64;
		s->ops = power_grow(s->ops, s->capacity * sizeof(*s->ops));
	}
	s->ops[s->n_ops++] = op;
}

/* Part of the op onto the durable bytes: a sector of it with that chance in 256. */
static void power_apply(struct power_shadow *s, const struct power_op *op, unsigned chance)
{
	if (op->n < 0) {
		if (op->at < s->size && power_random() % 256 < chance)
			s->size = op->at;
		return;
	}
	for (int64_t done = 0; done < op->n;) {
		int64_t n = POWER_SECTOR - (op->at + done) % POWER_SECTOR;
		int64_t end;

		n = n > op->n - done ? op->n - done : n;
		end = op->at + done + n;
		if (power_random() % 256 < chance) {
			if (end > s->size) {
				s->durable = power_grow(s->durable, (size_t)end);
				memset(s->durable + s->size, 0, (size_t)(end - s->size));
				s->size = end;
			}
			memcpy(s->durable + op->at + done, op->bytes + done, (size_t)n);
		}
		done += n;
	}
}

static void power_forget(struct power_shadow *s)
{
	for (size_t i = 0; i < s->n_ops; i++)
		free(s->ops[i].bytes);
	s->n_ops = 0;
}

static void power_make_durable(struct power_shadow *s)
{
	for (size_t i = 0; i < s->n_ops; i++)
		power_apply(s, &s->ops[i], 256);
	power_forget(s);
	s->named = true;
}

static void power_drop(struct power_shadow *s)
{
	power_forget(s);
	free(s->ops);
	free(s->durable);
	*s = (struct power_shadow){0};
}

/* ---- the calls ---- */

static int power_close(sqlite3_file *f)
{
	sqlite3_file *r = power_file(f);

	return r->pMethods ? r->pMethods->xClose(r) : SQLITE_OK;
}

static int power_read(sqlite3_file *f, void *to, int n, sqlite3_int64 at)
{
	return power.off ? SQLITE_IOERR_READ
			 : power_file(f)->pMethods->xRead(power_file(f), to, n, at);
}

static int power_write(sqlite3_file *f, const void *from, int n, sqlite3_int64 at)
{
	/* what is under way when the power goes may be on the disk in part */
	if (!power.off)
		power_note(power_of(f)->shadow, at, n, from);
	return power_on() ? power_file(f)->pMethods->xWrite(power_file(f), from, n, at)
			  : SQLITE_IOERR_WRITE;
}

static int power_truncate(sqlite3_file *f, sqlite3_int64 size)
{
	if (!power.off)
		power_note(power_of(f)->shadow, size, -1, NULL);
	return power_on() ? power_file(f)->pMethods->xTruncate(power_file(f), size)
			  : SQLITE_IOERR_TRUNCATE;
}

static int power_sync(sqlite3_file *f, int flags)
{
	(void)flags;
	if (!power_on())
		return SQLITE_IOERR_FSYNC;
	if (power_of(f)->shadow && !power.lies)
		power_make_durable(power_of(f)->shadow);
	return SQLITE_OK;
}

static int power_size(sqlite3_file *f, sqlite3_int64 *size)
{
	return power_file(f)->pMethods->xFileSize(power_file(f), size);
}

static int power_lock(sqlite3_file *f, int how)
{
	return power_file(f)->pMethods->xLock(power_file(f), how);
}

static int power_unlock(sqlite3_file *f, int how)
{
	return power_file(f)->pMethods->xUnlock(power_file(f), how);
}

static int power_reserved(sqlite3_file *f, int *ret)
{
	return power_file(f)->pMethods->xCheckReservedLock(power_file(f), ret);
}

static int power_control(sqlite3_file *f, int op, void *arg)
{
	/* size hints and chunks write to the file past us */
	if (op == SQLITE_FCNTL_SIZE_HINT || op == SQLITE_FCNTL_CHUNK_SIZE)
		return SQLITE_NOTFOUND;
	return power_file(f)->pMethods->xFileControl(power_file(f), op, arg);
}

static int power_sector(sqlite3_file *f)
{
	(void)f;
	return POWER_SECTOR;
}

static int power_traits(sqlite3_file *f)
{
	(void)f;
	return 0; /* not even that neighbours of a torn write are safe */
}

/* Version 1: no shared memory, which an exclusive connection does without. */
static const sqlite3_io_methods power_methods = {
	1,
	power_close,
	power_read,
	power_write,
	power_truncate,
	power_sync,
	power_size,
	power_lock,
	power_unlock,
	power_reserved,
	power_control,
	power_sector,
	power_traits,
	NULL,
	NULL,
	NULL,
	NULL,
	NULL,
	NULL,
};

static struct power_shadow *power_find(const char *path)
{
	for (size_t i = 0; i < POWER_FILES; i++)
		if (strcmp(power.files[i].path, path) == 0)
			return &power.files[i];
	return NULL;
}

static struct power_shadow *power_shadow(const char *path)
{
	struct power_shadow *s = power_find(path);

	if (s)
		return s;
	s = power_find("");
	if (!s)
		abort();
	snprintf(s->path, sizeof(s->path), "%s", path);
	return s;
}

/* From now on the file as it lies there is what the disk holds. */
static void power_load(struct power_shadow *s)
{
	int fd = open(s->path, O_RDONLY | O_CLOEXEC);
	off_t end = fd >= 0 ? lseek(fd, 0, SEEK_END) : 0;

	s->named = fd >= 0;
	s->size = end > 0 ? end : 0;
	s->durable = power_grow(s->durable, (size_t)s->size);
	if (fd >= 0 && pread(fd, s->durable, (size_t)s->size, 0) != s->size)
		abort();
	if (fd >= 0)
		close(fd);
}

static int power_open(
	sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags, int *ret_flags)
{
	struct power_file *file = power_of(f);
	int rc;

	(void)vfs;
	memset(file, 0, sizeof(*file));
	if (power.off)
		return SQLITE_CANTOPEN;
	file->real = (sqlite3_file *)(void *)(file + 1);
	if (name && !power_find(name)) {
		file->shadow = power_shadow(name);
		power_load(file->shadow);
	} else if (name) {
		file->shadow = power_find(name);
	}
	rc = power_real->xOpen(power_real, name, file->real, flags, ret_flags);
	if (rc == SQLITE_OK)
		file->base.pMethods = &power_methods;
	return rc;
}

static int power_delete(sqlite3_vfs *vfs, const char *name, int sync)
{
	struct power_shadow *s = power_find(name);

	(void)vfs;
	if (!power_on())
		return SQLITE_IOERR_DELETE;
	if (s && sync)
		power_drop(s);
	else if (s) /* it may come back with what it held */
		power_forget(s);
	return power_real->xDelete(power_real, name, sync);
}

__attribute__((unused)) static void power_install(void)
{
	static sqlite3_vfs vfs;

	power_real = sqlite3_vfs_find(NULL);
	vfs = *power_real;
	vfs.zName = "power";
	vfs.szOsFile = (int)sizeof(struct power_file) + power_real->szOsFile;
	vfs.xOpen = power_open;
	vfs.xDelete = power_delete;
	sqlite3_vfs_register(&vfs, 1);
}

/* The power goes at that call from now; 0: never. */
__attribute__((unused)) static void power_arm(uint64_t calls)
{
	power.cut_at = calls ? power.calls + calls : 0;
	power.off = false;
}

/* The machine is on again, everything is closed: the files hold what the disk may hold. */
__attribute__((unused)) static void power_restore(void)
{
	for (size_t i = 0; i < POWER_FILES; i++) {
		struct power_shadow *s = &power.files[i];
		static const unsigned chances[] = {0, 64, 128, 230, 256};

		if (s->path[0] == '\0')
			continue;
		for (size_t k = s->n_ops; k > 1; k--) { /* in any order */
			size_t with = (size_t)(power_random() % k);
			struct power_op op = s->ops[k - 1];

			if (power_random() % 2)
				continue;
			s->ops[k - 1] = s->ops[with];
			s->ops[with] = op;
		}
		for (size_t k = 0; k < s->n_ops; k++)
			power_apply(s, &s->ops[k], chances[power_random() % 5]);
		if (s->named || power_random() % 2) {
			int fd = open(
				s->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);

			if (fd < 0 || write(fd, s->durable, (size_t)s->size) != s->size)
				abort();
			close(fd);
		} else {
			unlink(s->path);
		}
		power_drop(s);
	}
	power_arm(0);
}

#endif
