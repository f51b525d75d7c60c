/*
 * svc.c - one service of the benchmark of learned starts.
 *
 *   svc NAME WORK RETRY [NEED…]
 *
 * It connects to the socket of each service that it needs, and when that does not
 * answer tries again every RETRY ms, or ends with status 1 when RETRY is 0. Then it
 * burns WORK ms of CPU time, listens, tells PID 1 (sd_notify) when that asks for it,
 * prints the moment as "ready NAME NANOSECONDS", by CLOCK_BOOTTIME, and accepts.
 */
#define _GNU_SOURCE
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static long long at(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static struct sockaddr_un address(const char *name)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	snprintf(a.sun_path, sizeof a.sun_path, "/run/svc/%s", name);
	return a;
}

static void need(const char *name, long retry)
{
	struct sockaddr_un a = address(name);

	for (;;) {
		struct timespec pause = { retry / 1000, retry % 1000 * 1000000 };
		int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		int refused = connect(s, (struct sockaddr *)&a, sizeof a);

		close(s);
		if (!refused)
			return;
		if (!retry)
			exit(1);
		nanosleep(&pause, NULL);
	}
}

static void notify(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	const char *path = getenv("NOTIFY_SOCKET");
	int s = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (!path || strlen(path) >= sizeof a.sun_path)
		return;
	strcpy(a.sun_path, path);
	if (sendto(s, "READY=1", 7, 0, (struct sockaddr *)&a, sizeof a) < 0)
		perror("notify");
	close(s);
}

int main(int argc, char **argv)
{
	struct sockaddr_un a;
	long long end;
	int s;

	if (argc < 4)
		return 2;
	mkdir("/run/svc", 0755);
	for (int i = 4; i < argc; i++)
		need(argv[i], atol(argv[3]));
	for (end = at(CLOCK_PROCESS_CPUTIME_ID) + atol(argv[2]) * 1000000; at(CLOCK_PROCESS_CPUTIME_ID) < end;)
		;
	a = address(argv[1]);
	unlink(a.sun_path);
	s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(s, (struct sockaddr *)&a, sizeof a) || listen(s, 128)) {
		perror(a.sun_path);
		return 1;
	}
	notify();
	printf("ready %s %lld\n", argv[1], at(CLOCK_BOOTTIME));
	fflush(stdout);
	for (;;)
		close(accept(s, NULL, NULL));
}
