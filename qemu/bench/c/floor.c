/*
 * floor.c - not an init system: the least a PID 1 can do and still pass the
 * benchmark. It starts every line of /etc/floor at once, starts again what
 * dies, reaps everything and powers off on SIGTERM. Its figures are the floor
 * that the harness, the kernel and the workload set.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX 600

static struct { char *argv[32]; pid_t pid; } job[MAX];
static int jobs;
static volatile sig_atomic_t stop;

static void on_term(int sig)
{
	(void)sig;
	stop = 1;
}

static void start(int i)
{
	pid_t pid = vfork();

	if (pid == 0) {
		execv(job[i].argv[0], job[i].argv);
		_exit(127);
	}
	job[i].pid = pid;
}

int main(void)
{
	struct sigaction sa = { .sa_handler = on_term };	/* no SA_RESTART */
	char line[600];
	FILE *f;
	pid_t pid;

	mount("proc", "/proc", "proc", 0, NULL);
	mount("sys", "/sys", "sysfs", 0, NULL);
	mount("dev", "/dev", "devtmpfs", 0, NULL);
	mount("run", "/run", "tmpfs", 0, NULL);
	sigaction(SIGTERM, &sa, NULL);

	f = fopen("/etc/floor", "r");
	while (f && jobs < MAX && fgets(line, sizeof line, f)) {
		int n = 0;

		line[strcspn(line, "\n")] = 0;
		for (char *w = strtok(strdup(line), " "); w && n < 31; w = strtok(NULL, " "))
			job[jobs].argv[n++] = w;
		jobs++;
	}
	for (int i = 0; i < jobs; i++)
		start(i);
	while (!stop) {
		pid = wait(NULL);
		for (int i = 0; pid > 0 && i < jobs; i++)
			if (job[i].pid == pid)
				start(i);
	}
	kill(-1, SIGTERM);
	while (wait(NULL) > 0 || stop++ < 2)
		;
	sync();
	reboot(RB_POWER_OFF);
	return 1;
}
