/* SPDX-License-Identifier: Apache-2.0 */
#include "source/state_files.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/thread.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define FOLDER            "sources"
#define MAGIC             "TOCSINM\x01" /* the last byte is the version */
#define WRITE_INTERVAL_NS (10 * GW_NS_PER_SEC)
#define RETRY_NS          GW_NS_PER_SEC
#define LOAD_WAIT_NS      (50 * GW_NS_PER_MS)

struct head {
	char magic[8];
	uint64_t sum; /* FNV-1a of the bytes behind */
	uint32_t n;
	uint32_t is_final;
};

struct gw_state_file {
	struct gw_state_files *files;
	struct gw_state_file *next;
	char name[96];
	/* under the lock */
	bool loaded, dirty, is_final;
	bool urgent; /* the file is marked final, which is no longer true */
	bool file_is_final;
	unsigned char *bytes;
	size_t n, capacity;
	/* the thread's */
	int64_t due_ns;     /* not written before */
	bool tried_at_stop; /* the last try of all */
};

struct gw_state_files {
	char dir[3072];
	struct gw_thread thread;
	pthread_mutex_t lock;
	pthread_cond_t changed; /* something is to load or to write, or has been loaded */
	struct gw_state_file *list;
	bool stopping, ended;
	bool failing; /* the thread's: as the log says */
	bool written; /* the thread's: the directory was there */
};

/* ---- the file ---- */

static void path_of(const struct gw_state_file *s, char *to, size_t size)
{
	snprintf(to, size, "%s/%s/%s", s->files->dir, FOLDER, s->name);
}

/* Until the store's thread has taken a restored backup in, its files count: the others are newer
 * than the alarms that are restored. One that is moved between the two looks is not found, and then
 * nothing is remembered. */
static void path_to_load(const struct gw_state_file *s, char *to, size_t size)
{
	snprintf(to, size, "%s/restored/%s", s->files->dir, FOLDER);
	if (access(to, F_OK))
		path_of(s, to, size);
	else
		snprintf(to, size, "%s/restored/%s/%s", s->files->dir, FOLDER, s->name);
}

static bool replace(
	struct gw_state_file *s, const unsigned char *bytes, size_t n, bool is_final)
{
	struct head head = {.sum = gw_hash(GW_HASH_START, bytes, n),
		.n = (uint32_t)n,
		.is_final = is_final};
	struct gw_file_part parts[] = {{&head, sizeof(head)}, {bytes, n}};
	char path[4096];
	bool done;

	memcpy(head.magic, MAGIC, sizeof(head.magic));
	snprintf(path, sizeof(path), "%s/%s", s->files->dir, FOLDER);
	/* At the first start of all the store's thread may not have made the directory yet. */
	if (mkdir(path, 0700) && errno == ENOENT && !s->files->written)
		if (mkdir(s->files->dir, 0750) == 0)
			mkdir(path, 0700);
	path_of(s, path, sizeof(path));
	done = gw_file_replace(path, 0600, parts, 2, NULL) == GW_OK;
	s->files->written |= done;
	return done;
}

/* Its bytes, or NULL. */
static unsigned char *read_file(const char *path, struct head *ret_head)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	unsigned char *bytes = NULL;
	struct head head;
	bool good;

	if (fd < 0)
		return NULL;
	good = read(fd, &head, sizeof(head)) == (ssize_t)sizeof(head) &&
		memcmp(head.magic, MAGIC, sizeof(head.magic)) == 0 &&
		head.n <= GW_STATE_FILE_MAX && (bytes = malloc(head.n + 1u)) != NULL &&
		read(fd, bytes, head.n + 1u) == (ssize_t)head.n &&
		gw_hash(GW_HASH_START, bytes, head.n) == head.sum;
	close(fd);
	if (!good) {
		free(bytes);
		return NULL;
	}
	*ret_head = head;
	return bytes;
}

void gw_state_files_clear_final(void *bytes, size_t n)
{
	static const uint32_t no = 0;

	if (n >= sizeof(struct head) && memcmp(bytes, MAGIC, sizeof(MAGIC) - 1) == 0)
		memcpy((char *)bytes + offsetof(struct head, is_final), &no, sizeof(no));
}

/* ---- the thread ---- */

/* A file that is marked final is rewritten without the mark at once: after a kill it must not be
 * taken for the last state. */
static void load(struct gw_state_file *s)
{
	struct gw_state_files *files = s->files;
	struct head head = {.n = 0};
	char path[4096];
	unsigned char *bytes;
	bool is_final;

	path_to_load(s, path, sizeof(path));
	bytes = read_file(path, &head);
	is_final = bytes && head.is_final && replace(s, bytes, head.n, false);
	pthread_mutex_lock(&files->lock);
	if (!s->dirty && bytes) { /* else the source has saved newer bytes already */
		free(s->bytes);
		s->bytes = bytes;
		s->n = s->capacity = head.n;
		s->is_final = is_final;
		bytes = NULL;
	}
	s->loaded = true;
	pthread_cond_broadcast(&files->changed);
	pthread_mutex_unlock(&files->lock);
	free(bytes);
}

static void save(struct gw_state_file *s)
{
	struct gw_state_files *files = s->files;
	bool is_final, done;
	unsigned char *copy;
	size_t n;

	pthread_mutex_lock(&files->lock);
	copy = malloc(s->n + 1);
	n = s->n;
	is_final = s->is_final;
	if (copy && n > 0)
		memcpy(copy, s->bytes, n);
	s->dirty = !copy;
	s->urgent = false;
	s->tried_at_stop = files->stopping;
	s->file_is_final |= is_final;
	pthread_mutex_unlock(&files->lock);
	done = copy && replace(s, copy, n, is_final);
	free(copy);
	s->due_ns = gw_clock_boot_ns() + (done ? WRITE_INTERVAL_NS : RETRY_NS);
	pthread_mutex_lock(&files->lock);
	if (done)
		s->file_is_final = is_final;
	else
		s->dirty = true;
	pthread_mutex_unlock(&files->lock);
	if (done == files->failing)
		gw_log(done ? GW_LOG_NOTICE : GW_LOG_WARNING,
			done ? "%s: what sources remember is written again"
			     : "%s: cannot write what sources remember: after a restart a retained message may raise an alarm again",
			files->dir);
	files->failing = !done;
}

/* The next to load or to save; NULL: none before *ret_due_ns. */
static struct gw_state_file *next_file(struct gw_state_files *files, int64_t *ret_due_ns)
{
	int64_t now_ns = gw_clock_boot_ns();

	*ret_due_ns = INT64_MAX;
	for (struct gw_state_file *s = files->list; s; s = s->next) {
		bool at_once = !s->loaded || s->urgent ||
			(files->stopping && (!files->failing || !s->tried_at_stop));

		if (s->loaded && !s->dirty)
			continue;
		if (at_once || s->due_ns <= now_ns)
			return s;
		if (s->due_ns < *ret_due_ns)
			*ret_due_ns = s->due_ns;
	}
	return NULL;
}

static void *run(void *arg)
{
	struct gw_state_files *files = arg;

	pthread_mutex_lock(&files->lock);
	for (;;) {
		int64_t due_ns;
		struct gw_state_file *s = next_file(files, &due_ns);
		bool loaded = s && s->loaded;

		if (s) {
			pthread_mutex_unlock(&files->lock);
			if (loaded)
				save(s);
			else
				load(s);
			pthread_mutex_lock(&files->lock);
		} else if (files->stopping) {
			break;
		} else if (due_ns == INT64_MAX) {
			pthread_cond_wait(&files->changed, &files->lock);
		} else {
			struct timespec until = gw_thread_deadline(due_ns);

			pthread_cond_timedwait(&files->changed, &files->lock, &until);
		}
	}
	files->ended = true;
	pthread_cond_broadcast(&files->changed);
	pthread_mutex_unlock(&files->lock);
	return NULL;
}

/* ---- main ---- */

enum gw_err gw_state_files_start(
	const char *state_dir, struct gw_state_files **ret_files, struct gw_error *err)
{
	struct gw_state_files *files = calloc(1, sizeof(*files));
	pthread_condattr_t monotonic;
	enum gw_err rc;

	if (!files || strlen(state_dir) >= sizeof(files->dir)) {
		free(files);
		return gw_fail(err, GW_ERR_SYSTEM, ENOMEM, "memory of sources");
	}
	snprintf(files->dir, sizeof(files->dir), "%s", state_dir);
	pthread_mutex_init(&files->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&files->changed, &monotonic);
	pthread_condattr_destroy(&monotonic);
	rc = gw_thread_start(&files->thread, "state-files", run, files, err);
	if (rc) {
		free(files);
		return rc;
	}
	*ret_files = files;
	return GW_OK;
}

/* A name is a file's if it is plain; else its hash is. */
static void file_name(const char *source, char *to, size_t size)
{
	static const char plain[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";

	if (strspn(source, plain) == strlen(source) && strlen(source) < size)
		snprintf(to, size, "%s", source);
	else
		snprintf(to, size, "%016llx.id",
			(unsigned long long)gw_hash(GW_HASH_START, source, strlen(source)));
}

struct gw_state_file *gw_state_files_get(struct gw_state_files *files, const char *source)
{
	struct gw_state_file *s;
	char name[sizeof(s->name)];

	if (!files)
		return NULL;
	file_name(source, name, sizeof(name));
	pthread_mutex_lock(&files->lock);
	for (s = files->list; s && strcmp(s->name, name) != 0; s = s->next)
		;
	if (!s && (s = calloc(1, sizeof(*s))) != NULL) {
		s->files = files;
		memcpy(s->name, name, sizeof(name));
		s->next = files->list;
		files->list = s;
		pthread_cond_broadcast(&files->changed);
	}
	pthread_mutex_unlock(&files->lock);
	return s;
}

void gw_state_files_stop(struct gw_state_files *files, int64_t max_ns)
{
	struct timespec until;
	bool ended;

	if (!files)
		return;
	until = gw_thread_deadline(gw_clock_boot_ns() + max_ns);
	pthread_mutex_lock(&files->lock);
	files->stopping = true;
	pthread_cond_broadcast(&files->changed);
	while (!files->ended &&
		pthread_cond_timedwait(&files->changed, &files->lock, &until) != ETIMEDOUT)
		;
	ended = files->ended;
	pthread_mutex_unlock(&files->lock);
	if (!ended)
		return; /* the process ends soon */
	gw_thread_join(&files->thread);
	while (files->list) {
		struct gw_state_file *s = files->list;

		files->list = s->next;
		free(s->bytes);
		free(s);
	}
	pthread_cond_destroy(&files->changed);
	pthread_mutex_destroy(&files->lock);
	free(files);
}

/* ---- the source's thread ---- */

size_t gw_state_files_load(
	struct gw_state_file *s, void *to, size_t size, bool *ret_is_final)
{
	struct gw_state_files *files = s->files;
	struct timespec until = gw_thread_deadline(gw_clock_boot_ns() + LOAD_WAIT_NS);
	size_t n;

	pthread_mutex_lock(&files->lock);
	while (!s->loaded &&
		pthread_cond_timedwait(&files->changed, &files->lock, &until) != ETIMEDOUT)
		;
	n = s->loaded && s->n <= size ? s->n : 0;
	if (n > 0)
		memcpy(to, s->bytes, n);
	*ret_is_final = n > 0 && s->is_final;
	s->is_final = false;
	if (s->file_is_final) {
		s->dirty = s->urgent = true;
		pthread_cond_broadcast(&files->changed);
	}
	pthread_mutex_unlock(&files->lock);
	return n;
}

void gw_state_files_save(
	struct gw_state_file *s, const void *bytes, size_t n, bool is_final)
{
	struct gw_state_files *files = s->files;

	pthread_mutex_lock(&files->lock);
	if (n > s->capacity && n <= GW_STATE_FILE_MAX) {
		unsigned char *more = realloc(s->bytes, n);

		if (more) {
			s->bytes = more;
			s->capacity = n;
		}
	}
	if (n <= s->capacity) {
		if (n > 0)
			memcpy(s->bytes, bytes, n);
		s->n = n;
		s->is_final = is_final;
		s->dirty = true;
		pthread_cond_broadcast(&files->changed);
	}
	pthread_mutex_unlock(&files->lock);
}
