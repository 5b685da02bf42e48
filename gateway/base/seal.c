/* SPDX-License-Identifier: Apache-2.0 */
#include "base/seal.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__) && !defined(__ILP32__)
#define OWN_ARCH AUDIT_ARCH_X86_64
#define X32_BIT  0x40000000 /* the same calls by other numbers */
#elif defined(__aarch64__)
#define OWN_ARCH AUDIT_ARCH_AARCH64
#elif defined(__arm__)
#define OWN_ARCH AUDIT_ARCH_ARM
#elif defined(__riscv) && __riscv_xlen == 64
#define OWN_ARCH AUDIT_ARCH_RISCV64
#endif

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif

#ifdef SANITIZED

enum gw_err gw_seal_process(struct gw_error *err)
{
	(void)err;
	return GW_OK;
}

#elif defined(OWN_ARCH)

/* The result depends on nothing but the architecture and the number, so that the kernel keeps
 * it per number and runs the filter for refused calls only (since Linux 5.11). */
#define LOAD(field) \
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (unsigned)offsetof(struct seccomp_data, field))
#define RETURN(what)      BPF_STMT(BPF_RET | BPF_K, (what))
#define REFUSE            RETURN(SECCOMP_RET_ERRNO | EPERM)
#define REFUSE_IF(number) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (number), 0, 1), REFUSE

enum gw_err gw_seal_process(struct gw_error *err)
{
	struct sock_filter filter[] = {
		LOAD(arch),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, OWN_ARCH, 1, 0),
		REFUSE,
		LOAD(nr),
#ifdef X32_BIT
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 0, 1),
		REFUSE,
#endif
		REFUSE_IF(SYS_bind),
		REFUSE_IF(SYS_listen),
		REFUSE_IF(SYS_execve),
		REFUSE_IF(SYS_execveat),
		/* its operations bind and listen, and pass by this filter */
		REFUSE_IF(SYS_io_uring_setup),
		RETURN(SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {sizeof(filter) / sizeof(filter[0]), filter};
	long rc;

	rc = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); /* else only root may set a filter */
	if (rc == 0)
		rc = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
			SECCOMP_FILTER_FLAG_TSYNC, &program);
	if (rc == 0)
		return GW_OK;
	return gw_fail(err, GW_ERR_SYSTEM, rc < 0 ? errno : 0,
		"not sealed, programs and listening sockets stay possible: %s",
		rc < 0 ? gw_errno_text(errno) : "a thread has a filter of its own");
}

#else

enum gw_err gw_seal_process(struct gw_error *err)
{
	return gw_fail(err, GW_ERR_SYSTEM, ENOSYS,
		"not sealed on this architecture, programs and listening sockets stay possible");
}

#endif
