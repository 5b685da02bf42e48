/* SPDX-License-Identifier: Apache-2.0 */
/* The file sink on a disk that fails in each call, and beside odd files: what is not synced is not
 * sent, what was cut is taken back, and the operator reads which file and why. */
#include "uplink/sink.h"
#include "uplink/uplink_settings.h"
#include "uplink_rows.h"

#include "tests/unit/fixture/real_call.h"
#include "tests/unit/fixture/temp_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- the disk ---- */

enum call {
	NO_CALL,
	PREAD,
	WRITE,
	WRITEV,
	FSTAT,
	FSYNC,
	FDATASYNC,
	FTRUNCATE,
	OPEN_DIRECTORY
};

static struct {
	enum call fails, fails_too;
	int error, after; /* this many work before */
	ssize_t at_most;  /* bytes that a writev writes; 0: all */
	unsigned writevs;
	bool interrupted; /* by a signal, once */
} disk;

static bool fails(enum call call)
{
	if ((disk.fails != call && disk.fails_too != call) || disk.after-- > 0)
		return false;
	disk.after = 0;
	errno = disk.error;
	return true;
}

/* Displace libc's. */
ssize_t pread(int fd, void *to, size_t n, off_t at)
{
	static ssize_t (*real)(int, void *, size_t, off_t);

	if (real == NULL)
		*(void **)&real = real_call("pread");
	return fails(PREAD) ? -1 : real(fd, to, n, at);
}

ssize_t write(int fd, const void *from, size_t n)
{
	return fails(WRITE) ? -1 : (ssize_t)syscall(SYS_write, fd, from, n);
}

ssize_t writev(int fd, const struct iovec *iov, int n)
{
	ssize_t done = 0;

	disk.writevs++;
	if (disk.interrupted) {
		disk.interrupted = false;
		errno = EINTR;
		return -1;
	}
	if (fails(WRITEV))
		return -1;
	if (disk.at_most == 0)
		return (ssize_t)syscall(SYS_writev, fd, iov, n);
	for (int i = 0; i < n && done < disk.at_most; i++) {
		size_t left = (size_t)(disk.at_most - done);
		size_t part = iov[i].iov_len < left ? iov[i].iov_len : left;

		assert_int_equal(syscall(SYS_write, fd, iov[i].iov_base, part), part);
		done += (ssize_t)part;
	}
	return done;
}

int fstat(int fd, struct stat *st)
{
	static int (*real)(int, struct stat *);

	if (real == NULL)
		*(void **)&real = real_call("fstat");
	return fails(FSTAT) ? -1 : real(fd, st);
}

int fsync(int fd)
{
	return fails(FSYNC) ? -1 : (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
	return fails(FDATASYNC) ? -1 : (int)syscall(SYS_fdatasync, fd);
}

int ftruncate(int fd, off_t size)
{
	static int (*real)(int, off_t);

	if (real == NULL)
		*(void **)&real = real_call("ftruncate");
	return fails(FTRUNCATE) ? -1 : real(fd, size);
}

int open(const char *path, int flags, ...)
{
	mode_t mode;
	va_list ap;

	va_start(ap, flags);
	mode = flags & O_CREAT ? va_arg(ap, mode_t) : 0;
	va_end(ap);
	if (flags & O_DIRECTORY && fails(OPEN_DIRECTORY))
		return -1;
	return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

/* ---- the sink ---- */

static char dir[TEMP_DIR_MAX], path[PATH_MAX + 64], url[PATH_MAX + 80];
static void *sink;
static struct gw_sink_result result;

static void begin_at(const char *at)
{
	struct gw_uplink_opts o = {.url = url};

	snprintf(path, sizeof(path), "%s", at);
	snprintf(url, sizeof(url), "file://%s", path);
	if (sink != NULL)
		gw_sink_file.close(sink);
	free(sink);
	sink = calloc(1, gw_sink_file.state_size);
	assert_int_equal(gw_sink_file.open(sink, &o, "test", NULL), GW_OK);
}

static int setup(void **state)
{
	char at[128];

	(void)state;
	memset(&disk, 0, sizeof(disk));
	assert_int_equal(temp_dir_make(dir), 0);
	snprintf(at, sizeof(at), "%s/alerts.ndjson", dir);
	begin_at(at);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	memset(&disk, 0, sizeof(disk));
	gw_sink_file.close(sink);
	free(sink);
	sink = NULL;
	return temp_dir_remove(dir);
}

/* One event a letter. */
static enum gw_sink_verdict send(const char *letters)
{
	struct gw_sink_body bodies[GW_UPLINK_BATCH_MAX + 1];
	size_t n = strlen(letters);

	for (size_t i = 0; i < n; i++) {
		static char body[GW_UPLINK_BATCH_MAX + 1][8];

		snprintf(body[i], sizeof(body[i]), "{%c}", letters[i]);
		bodies[i] = (struct gw_sink_body){.parts = {{body[i], 3}}, .n_parts = 1};
	}
	gw_sink_file.send(
		sink, &(struct gw_sink_request){.bodies = bodies, .n_bodies = n}, &result);
	return result.verdict;
}

static void put(const char *text, size_t n)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, n, f), n);
	fclose(f);
}

static const char *content(void)
{
	static char text[4096];
	FILE *f = fopen(path, "r");

	assert_non_null(f);
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	fclose(f);
	return text;
}

static void assert_why(const char *part)
{
	if (strstr(result.why, part) == NULL || strstr(result.why, path) == NULL)
		fail_msg("\"%s\" does not say \"%s\" of %s", result.why, part, path);
}

/* Fails while that call does, and then goes on with nothing lost and nothing twice. */
static void assert_heals(enum call call, int error, const char *why, const char *after)
{
	disk.fails = call;
	disk.error = error;
	assert_int_equal(send("b"), GW_SINK_RETRY);
	assert_why(why);
	disk.fails = NO_CALL;
	assert_int_equal(send("b"), GW_SINK_SENT);
	assert_string_equal(content(), after);
}

/* ---- tests ---- */

static void test_not_a_file_url(void **state)
{
	struct gw_uplink_opts o = {.url = "file://relative/x"};
	struct gw_error err;

	(void)state;
	assert_int_equal(gw_sink_file.open(sink, &o, "test", &err), GW_ERR_CONFIG);
	assert_string_equal(err.text, "\"file://relative/x\" is not file:///...");
}

static void test_no_sync_is_not_sent(void **state)
{
	(void)state;
	assert_int_equal(send("a"), GW_SINK_SENT);
	assert_heals(FDATASYNC, EIO, "Input/output error", "{a}\n{b}\n");
}

static void test_no_write_is_not_sent(void **state)
{
	(void)state;
	assert_int_equal(send("a"), GW_SINK_SENT);
	assert_heals(WRITEV, ENOSPC, "No space left", "{a}\n{b}\n");
}

/* What was written cannot be taken back, either: a cut line is, when the file is opened again. */
static void test_neither_written_nor_taken_back(void **state)
{
	(void)state;
	assert_int_equal(send("a"), GW_SINK_SENT);
	disk.fails = WRITEV;
	disk.fails_too = FTRUNCATE;
	disk.error = EIO;
	disk.after = 1;
	disk.at_most = 2; /* of the first, then none */
	assert_int_equal(send("b"), GW_SINK_RETRY);
	assert_int_equal(result.retry_after_ns, 0);
	assert_string_equal(content(), "{a}\n{b");
	memset(&disk, 0, sizeof(disk));
	assert_int_equal(send("b"), GW_SINK_SENT);
	assert_string_equal(content(), "{a}\n{b}\n");
}

static void test_a_file_that_cannot_be_looked_at(void **state)
{
	(void)state;
	assert_heals(FSTAT, EIO, "not a plain file", "{b}\n");
	disk.after = 0;
	assert_heals(FSTAT, EIO, "Input/output error", "{b}\n{b}\n");
}

/* The end of the file cannot be read: not written after, or a cut line would spoil the next. */
static void test_an_end_that_cannot_be_read(void **state)
{
	(void)state;
	put("{a}\n{c", 6);
	assert_heals(PREAD, EIO, "Input/output error", "{a}\n{b}\n");
}

static void test_a_cut_line_that_cannot_be_taken_back(void **state)
{
	(void)state;
	put("{a}\n{c", 6);
	assert_heals(FTRUNCATE, EROFS, "Read-only", "{a}\n{b}\n");
}

static void test_a_foreign_end_that_cannot_be_closed(void **state)
{
	(void)state;
	put("# note", 6);
	assert_heals(WRITE, ENOSPC, "No space left", "# note\n{b}\n");
}

/* A new file counts when its directory's entry will last, however often that must be tried. */
static void test_a_directory_that_cannot_be_synced(void **state)
{
	(void)state;
	disk.fails = FSYNC;
	disk.error = EIO;
	assert_int_equal(send("b"), GW_SINK_RETRY);
	assert_int_equal(send("b"), GW_SINK_RETRY);
	assert_string_equal(content(), "");
	assert_heals(FSYNC, EIO, "Input/output error", "{b}\n");
	assert_int_equal(unlink(path), 0);
	assert_heals(OPEN_DIRECTORY, EACCES, "Permission denied", "{b}\n");
}

static void test_written_in_pieces(void **state)
{
	char letters[GW_UPLINK_BATCH_MAX + 1] = {0}, wanted[4 * GW_UPLINK_BATCH_MAX + 1];

	(void)state;
	disk.interrupted = true;
	disk.at_most = 7;
	assert_int_equal(send("abc"), GW_SINK_SENT);
	assert_string_equal(content(), "{a}\n{b}\n{c}\n");
	assert_int_equal(disk.writevs, 3);
	disk.at_most = 0;
	assert_int_equal(unlink(path), 0);
	memset(letters, 'x', GW_UPLINK_BATCH_MAX);
	for (int i = 0; i < GW_UPLINK_BATCH_MAX; i++)
		memcpy(wanted + 4 * i, "{x}\n", 5);
	assert_int_equal(send(letters), GW_SINK_SENT);
	assert_string_equal(content(), wanted);
}

static void test_a_batch_that_is_too_long_is_refused(void **state)
{
	char letters[GW_UPLINK_BATCH_MAX + 2] = {0};

	(void)state;
	memset(letters, 'x', GW_UPLINK_BATCH_MAX + 1);
	assert_int_equal(send(letters), GW_SINK_RETRY);
	assert_string_equal(result.why, "257 events are too many");
	assert_int_equal(access(path, F_OK), -1);
}

/* Longer than any line of ours, and no newline in what is looked at: it is not ours. */
static void test_a_long_line_is_not_ours(void **state)
{
	const size_t n = (1 << 20) + 10;
	char *text = malloc(n);
	struct stat st;

	(void)state;
	memset(text, '{', n);
	put(text, n);
	free(text);
	assert_int_equal(send("b"), GW_SINK_SENT);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, n + 1 + 4);
}

static void test_a_link_that_leads_nowhere(void **state)
{
	char to[128];

	(void)state;
	snprintf(to, sizeof(to), "%s/none/x", dir);
	assert_int_equal(symlink(to, path), 0);
	assert_int_equal(send("b"), GW_SINK_RETRY); /* it is not followed to make a file */
	assert_why("File exists");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(send("b"), GW_SINK_RETRY);
	assert_why("directory");
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(send("b"), GW_SINK_SENT);
}

/* A name longer than any path, and a file in the root folder. */
static void test_long_paths_are_refused_and_the_root_folder_works(void **state)
{
	char at[PATH_MAX + 50];

	(void)state;
	memset(at, 'x', sizeof(at));
	for (size_t i = 0; i < sizeof(at); i += 100)
		at[i] = '/';
	at[sizeof(at) - 1] = '\0';
	begin_at(at);
	assert_int_equal(send("b"), GW_SINK_RETRY);
	assert_non_null(strstr(result.why, "/xxx"));
	snprintf(at, sizeof(at), "/tocsin-test-%d", (int)getpid());
	begin_at(at);
	if (access("/", W_OK) == 0) {
		assert_int_equal(send("b"), GW_SINK_SENT);
		assert_string_equal(content(), "{b}\n");
		assert_int_equal(unlink(at), 0);
	} else {
		assert_int_equal(send("b"), GW_SINK_RETRY);
		assert_why("Permission denied");
	}
}

#define IT(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IT(test_not_a_file_url),
		IT(test_no_sync_is_not_sent),
		IT(test_no_write_is_not_sent),
		IT(test_neither_written_nor_taken_back),
		IT(test_a_file_that_cannot_be_looked_at),
		IT(test_an_end_that_cannot_be_read),
		IT(test_a_cut_line_that_cannot_be_taken_back),
		IT(test_a_foreign_end_that_cannot_be_closed),
		IT(test_a_directory_that_cannot_be_synced),
		IT(test_written_in_pieces),
		IT(test_a_batch_that_is_too_long_is_refused),
		IT(test_a_long_line_is_not_ours),
		IT(test_a_link_that_leads_nowhere),
		IT(test_long_paths_are_refused_and_the_root_folder_works),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
