/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LD_PRELOAD=libstill.so tocsind ...: holds the daemon's engine from its first sleep on, in a
 * binary as it is shipped. What happened is said on stderr.
 */
#undef _FORTIFY_SOURCE /* its inline ppoll has the name that is defined here */

#include "still.h"

#include "tests/unit/fixture/real_call.h"

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>

static void arm_the_engine(void)
{
	static _Thread_local __attribute__((tls_model("initial-exec"))) bool asked;
	char name[16] = "";

	if (asked)
		return;
	prctl(PR_GET_NAME, name);
	asked = strcmp(name, "tocsind") != 0; /* else it has no name of its own yet */
	if (strcmp(name, "engine") != 0)
		return;
	if (still_impossible()) {
		still_say("still: impossible\n");
		return;
	}
	still_arm();
	still_say(still_filtered() < still_armed() ? "still: no seccomp here\n"
						   : "still: engine held\n");
}

static int (*own_ppoll)(struct pollfd *, nfds_t, const struct timespec *, const sigset_t *);

static void __attribute__((constructor)) look_up(void)
{
	*(void **)(void *)&own_ppoll = real_call("ppoll");
}

int ppoll(
	struct pollfd *fds, nfds_t n, const struct timespec *timeout, const sigset_t *mask)
{
	arm_the_engine();
	return own_ppoll(fds, n, timeout, mask);
}
