/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Preloaded into tocsind: a thread that does what is asked, as code that took the daemon over
 * could. It waits for a file ask in the folder $TOCSIN_PROBE, "WHAT ARGUMENT", removes it, and
 * writes the errno's name, or "done", to the file answer.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int opened(int fd)
{
	if (fd < 0)
		return -1;
	close(fd);
	return 0;
}

static int mapped(int fd, size_t n, int protection, int flags)
{
	void *at = mmap(NULL, n, protection, flags | MAP_PRIVATE, fd, 0);

	if (at == MAP_FAILED)
		return -1;
	munmap(at, n);
	return 0;
}

static int map_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), rc, why;

	if (fd < 0)
		return -1;
	rc = mapped(fd, 4096, PROT_READ | PROT_EXEC, 0);
	why = errno;
	close(fd);
	errno = why;
	return rc;
}

static int set_user_id_bit(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600), rc, why;

	if (fd < 0)
		return -1;
	rc = fchmod(fd, 04700);
	why = errno;
	close(fd);
	errno = why;
	return rc;
}

static int send_multicast(void)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
		.sin_port = htons(9),
		.sin_addr.s_addr = htonl(0xefff0001)};
	struct in_addr loopback = {htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), rc, why;

	setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &loopback, sizeof(loopback));
	rc = (int)sendto(fd, "", 1, 0, (struct sockaddr *)&to, sizeof(to));
	why = errno;
	close(fd);
	errno = why;
	return rc < 0 ? -1 : 0;
}

static int listen_tcp(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), rc, why;

	rc = listen(fd, 1); /* the kernel chooses a port */
	why = errno;
	close(fd);
	errno = why;
	return rc;
}

static int bind_udp(void)
{
	struct sockaddr_in any = {.sin_family = AF_INET};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), rc, why;

	rc = bind(fd, (struct sockaddr *)&any, sizeof(any));
	why = errno;
	close(fd);
	errno = why;
	return rc;
}

/* Its operations bind and listen past a filter of system calls. */
static int set_up_io_uring(void)
{
	unsigned char parameters[256] = {0}; /* struct io_uring_params has 120 bytes */

	return opened((int)syscall(SYS_io_uring_setup, 1, parameters));
}

static int in_child(const char *what, char *argument)
{
	pid_t pid = fork();
	int status = 0;

	if (pid == 0) {
		char *argv[] = {argument, NULL}, *env[] = {NULL};

		if (strcmp(what, "exec") == 0)
			execve(argument, argv, env);
		else if (strcmp(what, "trace") == 0 && ptrace(PTRACE_TRACEME, 0, 0, 0) == 0)
			_exit(0);
		else if (strcmp(what, "namespace") == 0 && unshare(CLONE_NEWUSER) == 0)
			_exit(0);
		_exit(errno);
	}
	waitpid(pid, &status, 0);
	errno = WEXITSTATUS(status);
	return errno == 0 ? 0 : -1;
}

static int attempt(const char *what, char *argument)
{
	if (strcmp(what, "read") == 0)
		return opened(open(argument, O_RDONLY | O_CLOEXEC));
	if (strcmp(what, "write") == 0)
		return opened(open(argument, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	if (strcmp(what, "socket") == 0)
		return opened(socket(atoi(argument), SOCK_DGRAM | SOCK_CLOEXEC, 0));
	if (strcmp(what, "listen") == 0)
		return listen_tcp();
	if (strcmp(what, "bind") == 0)
		return bind_udp();
	if (strcmp(what, "io-uring") == 0)
		return set_up_io_uring();
	if (strcmp(what, "multicast") == 0)
		return send_multicast();
	if (strcmp(what, "map") == 0)
		return map_file(argument);
	if (strcmp(what, "write-exec") == 0)
		return mapped(-1, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_ANONYMOUS);
	if (strcmp(what, "set-user-id") == 0)
		return set_user_id_bit(argument);
	if (strcmp(what, "personality") == 0)
		return personality(ADDR_NO_RANDOMIZE) < 0 ? -1 : 0;
	return in_child(what, argument);
}

static void answer(const char *folder, const char *text)
{
	char new[600], path[600];
	FILE *f;

	snprintf(new, sizeof(new), "%s/answer.new", folder);
	snprintf(path, sizeof(path), "%s/answer", folder);
	f = fopen(new, "we");
	if (!f)
		return;
	fputs(text, f);
	fclose(f);
	rename(new, path);
}

static void *probe(void *arg)
{
	const struct timespec pause = {.tv_nsec = 20000000};
	const char *folder = arg;
	char path[600], what[40], argument[400];

	snprintf(path, sizeof(path), "%s/ask", folder);
	for (;; nanosleep(&pause, NULL)) {
		FILE *f = fopen(path, "re");
		int n;

		if (!f)
			continue;
		argument[0] = '\0';
		n = fscanf(f, "%39s %399s", what, argument);
		fclose(f);
		if (n < 1)
			continue;
		unlink(path);
		answer(folder,
			attempt(what, argument) == 0 ? "done" : strerrorname_np(errno));
	}
	return NULL;
}

__attribute__((constructor)) static void begin(void)
{
	char *folder = getenv("TOCSIN_PROBE");
	pthread_t thread;

	if (folder)
		pthread_create(&thread, NULL, probe, folder);
}
