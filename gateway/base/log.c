/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include "base/log_ring.h"
#include "base/log_writer.h"
#include "base/text.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static_assert(1024 + 8 <= GW_LOG_LINE_MAX, "each line fits into the ring");

static enum gw_log_level max_level = GW_LOG_INFO;
static bool to_journal;

/* systemd.exec(5): JOURNAL_STREAM is "device:inode" of the stream that is the journal. stderr
 * may have been redirected since, so it must be that very file. */
static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	struct stat st;
	uintmax_t dev, ino;
	char trailing;

	if (!stream || fstat(STDERR_FILENO, &st) != 0)
		return false;
	/* NOLINTNEXTLINE(cert-err34-c): an overflow compares unequal, which is right */
	if (sscanf(stream, "%" SCNuMAX ":%" SCNuMAX "%c", &dev, &ino, &trailing) != 2)
		return false;
	return dev == st.st_dev && ino == st.st_ino;
}

void gw_log_init(enum gw_log_level max)
{
	max_level = max;
	to_journal = stderr_is_journal();
}

void gw_log(enum gw_log_level level, const char *fmt, ...)
{
	char message[1024], memory[1024 + 8];
	struct gw_text m, line;
	int saved = errno;
	va_list ap;

	if (level > max_level)
		return;
	gw_text_init(&m, message, sizeof(message));
	va_start(ap, fmt);
	gw_text_addv(&m, fmt, ap);
	va_end(ap);

	gw_text_init(&line, memory, sizeof(memory));
	if (to_journal)
		gw_text_addf(&line, "<%d>", (int)level);
	gw_text_add_sanitized(&line, message);
	gw_text_add(&line, "\n");
	gw_log_writer_put(line.at, line.used);
	errno = saved;
}
