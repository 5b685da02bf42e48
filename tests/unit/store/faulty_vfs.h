/* SPDX-License-Identifier: Apache-2.0 */
/*
 * faulty_vfs.h: a disk that misbehaves on command, under SQLite: full, read-only, failing syncs,
 * reads that fail. It also counts what is written. Atomics, because the store has a thread.
 */
#ifndef GW_TESTS_FAULTY_VFS_H
#define GW_TESTS_FAULTY_VFS_H

#include <sqlite3.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

static struct {
	_Atomic int write_rc;      /* what every write answers, 0: it is done */
	_Atomic int syncs_to_pass; /* before those that fail */
	_Atomic int sync_rc;       /* what a sync answers ... */
	_Atomic int syncs_to_fail; /* ... for so many of them */
	_Atomic int read_rc;
	_Atomic int open_rc, size_rc;
	_Atomic bool hangs;         /* opening, until this is false again */
	_Atomic int aside_rc;       /* what opening a file put aside answers */
	_Atomic bool read_only;     /* as a file system remounted so */
	_Atomic int64_t free_bytes; /* growth allowed until the disk is full; < 0: any */
	const char *ballast;        /* once this file is gone there are so many more */
	_Atomic int64_t ballast_bytes;
	_Atomic uint64_t writes, bytes, syncs;
	_Atomic long calls;         /* of any kind */
	_Atomic long fail_from;     /* this call fails, 0: none ... */
	_Atomic bool fail_for_ever; /* ... and all after it */
} disk;

/* Whether this call is one that fails. */
static bool vfs_fails(void)
{
	long call = atomic_fetch_add(&disk.calls, 1) + 1,
	     from = atomic_load(&disk.fail_from);

	return from && (call == from || (call > from && atomic_load(&disk.fail_for_ever)));
}

struct vfs_file {
	sqlite3_file base;
	sqlite3_file *real;
};

static sqlite3_vfs *real_vfs;

static sqlite3_file *real_file(sqlite3_file *f)
{
	return ((struct vfs_file *)(void *)f)->real;
}

static int vfs_close(sqlite3_file *f)
{
	sqlite3_file *r = real_file(f);

	return r->pMethods ? r->pMethods->xClose(r) : SQLITE_OK;
}

static int vfs_read(sqlite3_file *f, void *to, int n, sqlite3_int64 at)
{
	int rc = atomic_load(&disk.read_rc);

	if (vfs_fails())
		return SQLITE_IOERR_READ;
	return rc ? rc : real_file(f)->pMethods->xRead(real_file(f), to, n, at);
}

static int vfs_write(sqlite3_file *f, const void *from, int n, sqlite3_int64 at)
{
	int rc = atomic_load(&disk.write_rc);
	sqlite3_int64 size = 0;

	if (rc)
		return rc;
	if (vfs_fails())
		return SQLITE_IOERR_WRITE;
	if (atomic_load(&disk.read_only))
		return SQLITE_READONLY;
	if (atomic_load(&disk.free_bytes) >= 0) {
		real_file(f)->pMethods->xFileSize(real_file(f), &size);
		if (at + n > size) {
			if (disk.ballast_bytes && access(disk.ballast, F_OK)) {
				disk.free_bytes += disk.ballast_bytes;
				disk.ballast_bytes = 0;
			}
			if (at + n - size > atomic_load(&disk.free_bytes))
				return SQLITE_FULL;
			atomic_fetch_sub(&disk.free_bytes, at + n - size);
		}
	}
	atomic_fetch_add(&disk.writes, 1);
	atomic_fetch_add(&disk.bytes, (uint64_t)n);
	return real_file(f)->pMethods->xWrite(real_file(f), from, n, at);
}

static int vfs_truncate(sqlite3_file *f, sqlite3_int64 size)
{
	if (vfs_fails())
		return SQLITE_IOERR_TRUNCATE;
	return atomic_load(&disk.read_only)
		? SQLITE_READONLY
		: real_file(f)->pMethods->xTruncate(real_file(f), size);
}

static int vfs_sync(sqlite3_file *f, int flags)
{
	if (vfs_fails())
		return SQLITE_IOERR_FSYNC;
	if (atomic_load(&disk.syncs_to_pass) > 0) {
		atomic_fetch_sub(&disk.syncs_to_pass, 1);
	} else if (atomic_load(&disk.syncs_to_fail) > 0) {
		atomic_fetch_sub(&disk.syncs_to_fail, 1);
		return atomic_load(&disk.sync_rc);
	}
	atomic_fetch_add(&disk.syncs, 1);
	return real_file(f)->pMethods->xSync(real_file(f), flags);
}

static int vfs_size(sqlite3_file *f, sqlite3_int64 *size)
{
	int rc = atomic_load(&disk.size_rc);

	return rc ? rc : real_file(f)->pMethods->xFileSize(real_file(f), size);
}

static int vfs_lock(sqlite3_file *f, int how)
{
	return real_file(f)->pMethods->xLock(real_file(f), how);
}

static int vfs_unlock(sqlite3_file *f, int how)
{
	return real_file(f)->pMethods->xUnlock(real_file(f), how);
}

static int vfs_reserved(sqlite3_file *f, int *ret)
{
	return real_file(f)->pMethods->xCheckReservedLock(real_file(f), ret);
}

static int vfs_control(sqlite3_file *f, int op, void *arg)
{
	return real_file(f)->pMethods->xFileControl(real_file(f), op, arg);
}

static int vfs_sector(sqlite3_file *f)
{
	return real_file(f)->pMethods->xSectorSize(real_file(f));
}

static int vfs_traits(sqlite3_file *f)
{
	return real_file(f)->pMethods->xDeviceCharacteristics(real_file(f));
}

/* Version 1: no shared memory, which an exclusive connection does without. */
static const sqlite3_io_methods vfs_methods = {
	1,
	vfs_close,
	vfs_read,
	vfs_write,
	vfs_truncate,
	vfs_sync,
	vfs_size,
	vfs_lock,
	vfs_unlock,
	vfs_reserved,
	vfs_control,
	vfs_sector,
	vfs_traits,
	NULL,
	NULL,
	NULL,
	NULL,
	NULL,
	NULL,
};

static int vfs_open(
	sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags, int *ret_flags)
{
	struct vfs_file *file = (struct vfs_file *)(void *)f;
	sqlite3_vfs *real = vfs->pAppData;
	int exists = 0, rc = atomic_load(&disk.open_rc);

	while (atomic_load(&disk.hangs)) /* without the processor's time, nearly */
		usleep(200000);
	memset(file, 0, sizeof(*file));
	if (name && strstr(name, "unsaved")) /* it is on another disk */
		return real->xOpen(real, name, f, flags, ret_flags);
	if (!rc && vfs_fails())
		rc = SQLITE_CANTOPEN;
	if (!rc && name && strstr(name, "corrupt"))
		rc = atomic_load(&disk.aside_rc);
	if (rc)
		return rc;
	if (name)
		real_vfs->xAccess(real_vfs, name, SQLITE_ACCESS_EXISTS, &exists);
	if (atomic_load(&disk.read_only)) {
		if (!exists)
			return SQLITE_CANTOPEN;
		flags &= ~(SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
		flags |= SQLITE_OPEN_READONLY;
	}
	file->real = (sqlite3_file *)(void *)(file + 1);
	rc = real->xOpen(real, name, file->real, flags, ret_flags);
	if (rc == SQLITE_OK)
		file->base.pMethods = &vfs_methods;
	return rc;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *name, int sync)
{
	(void)vfs;
	if (strstr(name, "unsaved"))
		return real_vfs->xDelete(real_vfs, name, sync);
	if (vfs_fails())
		return SQLITE_IOERR_DELETE;
	return atomic_load(&disk.read_only) ? SQLITE_IOERR_DELETE
					    : real_vfs->xDelete(real_vfs, name, sync);
}

__attribute__((unused)) static void vfs_wrap(
	sqlite3_vfs *vfs, sqlite3_vfs *real, const char *name)
{
	*vfs = *real;
	vfs->zName = name;
	vfs->szOsFile = (int)sizeof(struct vfs_file) + real->szOsFile;
	vfs->pAppData = real;
	vfs->xOpen = vfs_open;
	vfs->xDelete = vfs_delete;
}

/* Becomes the default: whatever opens a database afterwards goes through it. */
__attribute__((unused)) static void vfs_install(void)
{
	static sqlite3_vfs with_locks, without;

	real_vfs = sqlite3_vfs_find(NULL);
	vfs_wrap(&with_locks, real_vfs, "misbehaving");
	vfs_wrap(&without, sqlite3_vfs_find("unix-none"), "misbehaving-none");
	sqlite3_vfs_register(&without, 0);
	sqlite3_vfs_register(&with_locks, 1);
	disk.free_bytes = -1;
}

__attribute__((unused)) static void vfs_heal(void)
{
	disk.write_rc = disk.sync_rc = disk.syncs_to_pass = disk.syncs_to_fail =
		disk.read_rc = disk.open_rc = disk.size_rc = disk.aside_rc = 0;
	disk.ballast_bytes = 0;
	disk.read_only = disk.hangs = false;
	disk.free_bytes = -1;
	disk.fail_from = 0;
	disk.fail_for_ever = false;
}

#endif
