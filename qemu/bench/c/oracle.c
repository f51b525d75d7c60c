/*
 * oracle.c - not an init system: floor.c that is told the true dependencies.
 * It starts each service the moment the last of its dependencies has announced
 * readiness, and knows nothing else. No start order, declared or learned, can
 * be expected to beat it by much.
 *
 * A line of /etc/oracle: the dependencies' names joined by commas or "-", a
 * blank, the service's name, a blank, the command.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX 600

static struct {
	char *argv[32], *name, *deps;
	pid_t pid;
	int ready, started;
} job[MAX];
static struct pollfd fds[MAX + 1];
static int jobs;

static int listen_at(int i)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	snprintf(a.sun_path + 1, sizeof a.sun_path - 1, "oracle/%d", i);
	bind(fd, (struct sockaddr *)&a, sizeof(sa_family_t) + 1 + strlen(a.sun_path + 1));
	return fd;
}

static void start(int i)
{
	char env[40], *envp[] = { env, "PATH=/usr/bin", NULL };
	sigset_t none;
	pid_t pid;

	snprintf(env, sizeof env, "NOTIFY_SOCKET=@oracle/%d", i);
	pid = vfork();
	if (pid == 0) {
		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		execve(job[i].argv[0], job[i].argv, envp);
		_exit(127);
	}
	job[i].pid = pid;
	job[i].started = 1;
}

static int is_ready(const char *name, size_t n)
{
	for (int i = 0; i < jobs; i++)
		if (strlen(job[i].name) == n && !memcmp(job[i].name, name, n))
			return job[i].ready;
	return 1;
}

static int may_start(int i)
{
	const char *p = job[i].deps;

	while (*p && strcmp(p, "-")) {
		size_t n = strcspn(p, ",");

		if (!is_ready(p, n))
			return 0;
		p += n + (p[n] == ',');
	}
	return 1;
}

static void start_what_may(void)
{
	for (int i = 0; i < jobs; i++)
		if (!job[i].started && may_start(i))
			start(i);
}

int main(void)
{
	char line[700], msg[512];
	int stop = 0;
	sigset_t set;
	pid_t pid;
	FILE *f;

	mount("proc", "/proc", "proc", 0, NULL);
	mount("sys", "/sys", "sysfs", 0, NULL);
	mount("dev", "/dev", "devtmpfs", 0, NULL);
	mount("run", "/run", "tmpfs", 0, NULL);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);

	f = fopen("/etc/oracle", "r");
	while (f && jobs < MAX && fgets(line, sizeof line, f)) {
		int n = 0;

		line[strcspn(line, "\n")] = 0;
		job[jobs].deps = strtok(strdup(line), " ");
		job[jobs].name = strtok(NULL, " ");
		for (char *w = strtok(NULL, " "); w && n < 31; w = strtok(NULL, " "))
			job[jobs].argv[n++] = w;
		fds[jobs].fd = listen_at(jobs);
		fds[jobs].events = POLLIN;
		jobs++;
	}
	fds[jobs].fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	fds[jobs].events = POLLIN;
	start_what_may();
	while (!stop) {
		struct signalfd_siginfo si;
		int news = 0;

		if (poll(fds, jobs + 1, -1) < 0 && errno != EINTR)
			break;
		for (int i = 0; i < jobs; i++)
			while (fds[i].revents && recv(fds[i].fd, msg, sizeof msg, 0) > 0)
				job[i].ready = news = 1;
		while (read(fds[jobs].fd, &si, sizeof si) == sizeof si)
			stop |= si.ssi_signo == SIGTERM;
		while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
			for (int i = 0; i < jobs && !stop; i++)
				if (job[i].pid == pid)
					start(i);
		if (news)
			start_what_may();
	}
	kill(-1, SIGTERM);
	while (wait(NULL) > 0)
		;
	sync();
	reboot(RB_POWER_OFF);
	return 1;
}
