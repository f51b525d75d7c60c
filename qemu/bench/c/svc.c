/*
 * svc.c - the whole workload of the init benchmark in one static program.
 *
 *   svc NAME --work MS [--deps a,b,c] [--mode connect] [--notify-fd N]
 *       A service: connect to each dependency's socket (again every 100 ms
 *       until it answers), burn MS of CPU, listen on /run/bench/NAME.sock,
 *       announce readiness (sd_notify and/or a newline on fd N), tell the
 *       collector, then accept and close connections for ever.
 *
 *   svc NAME --mode collector --expect N [--kills N] [--orphans N]
 *       [--settle MS] [--poweroff CMD,ARG,...] [--notify-fd N]
 *       The observer: waits for N services, then prints "BENCH key value"
 *       lines on the console while it runs the memory, restart, orphan and
 *       power-off phases.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define DIR_RUN "/run/bench"
#define COLLECTOR DIR_RUN "/.collector"
#define MAXSVC 512
#define MAXKILLS 4096
#define MS 1000000LL
#define SEC 1000000000LL

typedef long long ns_t;

static ns_t now(clockid_t clk)
{
	struct timespec t;

	clock_gettime(clk, &t);
	return t.tv_sec * SEC + t.tv_nsec;
}

static ns_t boot(void)
{
	return now(CLOCK_BOOTTIME);
}

static void nap(ns_t d)
{
	struct timespec t = { d / SEC, d % SEC };

	while (nanosleep(&t, &t) && errno == EINTR)
		;
}

static socklen_t addr(struct sockaddr_un *sa, const char *path)
{
	memset(sa, 0, sizeof *sa);
	sa->sun_family = AF_UNIX;
	snprintf(sa->sun_path, sizeof sa->sun_path, "%s", path);
	return sizeof *sa;
}

static void notify(int fd)
{
	const char *path = getenv("NOTIFY_SOCKET");

	if (path && (path[0] == '/' || path[0] == '@')) {
		struct sockaddr_un sa;
		socklen_t len;
		int s = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

		addr(&sa, path);
		len = offsetof(struct sockaddr_un, sun_path) + strlen(path);
		if (path[0] == '@')
			sa.sun_path[0] = 0;
		sendto(s, "READY=1\n", 8, MSG_NOSIGNAL, (struct sockaddr *)&sa, len);
		close(s);
	}
	if (fd >= 0) {
		if (write(fd, "\n", 1) < 0)
			perror("notify fd");
		close(fd);
	}
}

static int listener(const char *name)
{
	struct sockaddr_un sa;
	char path[100];
	int s;

	snprintf(path, sizeof path, DIR_RUN "/%s.sock", name);
	s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	unlink(path);
	if (bind(s, (struct sockaddr *)&sa, addr(&sa, path)) || listen(s, 128)) {
		perror(path);
		exit(1);
	}
	return s;
}

/* ---- the service ------------------------------------------------------ */

static volatile unsigned sink;

static void burn(ns_t d)
{
	ns_t end = now(CLOCK_THREAD_CPUTIME_ID) + d;

	do {
		unsigned x = sink;

		for (int i = 0; i < 4000; i++)
			x = x * 1664525u + 1013904223u;
		sink = x;
	} while (now(CLOCK_THREAD_CPUTIME_ID) < end);
}

static int wait_for(const char *dep)
{
	struct sockaddr_un sa;
	char path[100];
	int retries = 0;

	snprintf(path, sizeof path, DIR_RUN "/%s.sock", dep);
	addr(&sa, path);
	for (;; retries++) {
		int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		int r = connect(s, (struct sockaddr *)&sa, sizeof sa);

		close(s);
		if (r == 0)
			return retries;
		nap(100 * MS);
	}
}

static _Noreturn void service(const char *name, ns_t start, long work, char *deps, int nfd)
{
	struct sockaddr_un sa;
	char msg[200];
	int retries = 0, s, c;
	ns_t ready;

	for (char *d = strtok(deps, ","); d; d = strtok(NULL, ","))
		retries += wait_for(d);
	burn(work * MS);
	s = listener(name);
	ready = boot();
	notify(nfd);

	snprintf(msg, sizeof msg, "ready %s %d %lld %lld %d",
		 name, getpid(), start, ready, retries);
	c = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	addr(&sa, COLLECTOR);
	while (sendto(c, msg, strlen(msg), 0, (struct sockaddr *)&sa, sizeof sa) < 0)
		nap(5 * MS);
	close(c);

	for (;;) {
		int a = accept(s, NULL, NULL);

		if (a >= 0)
			close(a);
	}
}

/* ---- the collector ---------------------------------------------------- */

static int con = -1;

static void say(const char *key, const char *fmt, ...)
{
	char b[600];
	va_list ap;
	int n = snprintf(b, sizeof b, "\nBENCH %s ", key);

	va_start(ap, fmt);
	n += vsnprintf(b + n, sizeof b - n - 2, fmt, ap);
	va_end(ap);
	b[n++] = '\n';
	if (write(con, b, n) < 0)
		_exit(9);
}

struct svc {
	char name[32];
	pid_t pid;
	ns_t start, ready;	/* of its latest life */
	int lives;
} svcs[MAXSVC];
static int nsvcs;

/* Takes one ready datagram; NULL when none came before the deadline. */
static struct svc *take(int sock, ns_t deadline, int *retries)
{
	char b[256], name[32];
	struct pollfd p = { sock, POLLIN, 0 };
	ns_t left = deadline - boot();
	long long start, ready;
	int pid, rt, n, i;
	struct timespec t;

	if (left < 0)
		left = 0;
	t.tv_sec = left / SEC;
	t.tv_nsec = left % SEC;
	if (ppoll(&p, 1, &t, NULL) <= 0)
		return NULL;
	n = recv(sock, b, sizeof b - 1, 0);
	if (n <= 0)
		return NULL;
	b[n] = 0;
	if (sscanf(b, "ready %31s %d %lld %lld %d", name, &pid, &start, &ready, &rt) != 5)
		return NULL;
	for (i = 0; i < nsvcs && strcmp(svcs[i].name, name); i++)
		;
	if (i == nsvcs) {
		if (nsvcs == MAXSVC)
			return NULL;
		strcpy(svcs[nsvcs++].name, name);
	}
	svcs[i].pid = pid;
	svcs[i].start = start;
	svcs[i].ready = ready;
	svcs[i].lives++;
	if (retries)
		*retries += rt;
	return &svcs[i];
}

static char *slurp(const char *path)
{
	static char b[16384];
	int fd = open(path, O_RDONLY | O_CLOEXEC), n, len = 0;

	if (fd < 0)
		return NULL;
	while ((n = read(fd, b + len, sizeof b - 1 - len)) > 0)
		len += n;
	close(fd);
	if (n < 0 && len == 0)
		return NULL;
	b[len] = 0;
	return b;
}

static long field_kb(const char *text, const char *key)
{
	const char *p = text;
	size_t k = strlen(key);

	while (p) {
		if (!strncmp(p, key, k))
			return atol(p + k);
		p = strchr(p, '\n');
		if (p)
			p++;
	}
	return -1;
}

static long proc_kb(int pid, const char *file, const char *key)
{
	char path[64], *t;

	snprintf(path, sizeof path, "/proc/%d/%s", pid, file);
	t = slurp(path);
	return t && *t ? field_kb(t, key) : -1;
}

/* CPU time of a process over all its threads, from the scheduler (ns). */
static ns_t cpu_of(int pid)
{
	char path[64], sub[400];
	ns_t sum = 0;
	struct dirent *e;
	DIR *d;

	snprintf(path, sizeof path, "/proc/%d/task", pid);
	d = opendir(path);
	if (!d)
		return -1;
	while ((e = readdir(d))) {
		char *t;

		if (e->d_name[0] == '.')
			continue;
		snprintf(sub, sizeof sub, "%s/%s/schedstat", path, e->d_name);
		t = slurp(sub);
		if (t)
			sum += atoll(t);
	}
	closedir(d);
	return sum;
}

static void pid1_memory(const char *suffix)
{
	char key[64];

	snprintf(key, sizeof key, "pid1_rss%s_kb", suffix);
	say(key, "%ld", proc_kb(1, "status", "VmRSS:"));
	snprintf(key, sizeof key, "pid1_pss%s_kb", suffix);
	say(key, "%ld", proc_kb(1, "smaps_rollup", "Pss:"));
	snprintf(key, sizeof key, "pid1_anonymous%s_kb", suffix);
	say(key, "%ld", proc_kb(1, "smaps_rollup", "Anonymous:"));
}

static void processes(void)
{
	long pss = 0, own = 0, all = 0, threads = 0;
	char list[400] = "";
	struct dirent *e;
	DIR *d = opendir("/proc");

	while (d && (e = readdir(d))) {
		char path[300], comm[64] = "", *t;
		int pid = atoi(e->d_name);
		long kb;

		if (pid <= 0)
			continue;
		kb = proc_kb(pid, "smaps_rollup", "Pss:");
		if (kb < 0)
			continue;	/* a kernel thread */
		all++;
		snprintf(path, sizeof path, "/proc/%d/comm", pid);
		t = slurp(path);
		if (t)
			snprintf(comm, sizeof comm, "%.*s", (int)strcspn(t, "\n"), t);
		if (!strcmp(comm, "svc"))
			continue;
		own++;
		pss += kb;
		threads += proc_kb(pid, "status", "Threads:");
		if (strlen(list) < sizeof list - 70 && !strstr(list, comm)) {
			strcat(list, list[0] ? "," : "");
			strcat(list, comm);
		}
	}
	if (d)
		closedir(d);
	say("init_pss_total_kb", "%ld", pss);
	say("init_processes", "%ld", own);
	say("init_threads", "%ld", threads);
	say("user_processes", "%ld", all);
	say("init_process_names", "%s", list);
}

/* User processes (those with memory of their own), the init's and ours. */
static int user_processes(void)
{
	struct dirent *e;
	DIR *d = opendir("/proc");
	int n = 0;

	while (d && (e = readdir(d))) {
		char path[300], *t;

		if (atoi(e->d_name) <= 0)
			continue;
		snprintf(path, sizeof path, "/proc/%s/statm", e->d_name);
		t = slurp(path);
		n += t && atol(t) > 0;
	}
	if (d)
		closedir(d);
	return n;
}

/* Some inits are still busy when the last service is ready: wait for them. */
static void settle(ns_t quiet)
{
	ns_t t0 = boot();
	int n = user_processes(), before;

	do {
		before = n;
		nap(quiet);
		n = user_processes();
	} while (n != before && boot() < t0 + 20 * SEC);
	say("settle_s", "%.3f", (boot() - t0) / 1e9);
}

static int zombies(void)
{
	struct dirent *e;
	DIR *d = opendir("/proc");
	int n = 0;

	while (d && (e = readdir(d))) {
		char path[300], *t, *p;

		if (atoi(e->d_name) <= 0)
			continue;
		snprintf(path, sizeof path, "/proc/%s/stat", e->d_name);
		t = slurp(path);
		p = t ? strrchr(t, ')') : NULL;
		if (p && p[1] == ' ' && p[2] == 'Z')
			n++;
	}
	if (d)
		closedir(d);
	return n;
}

/*
 * The moment the kernel ran PID 1's program, from its own log. A mark written
 * to that log gives the distance between the log's clock and CLOCK_BOOTTIME.
 */
static void handover(void)
{
	int fd = open("/dev/kmsg", O_RDWR | O_NONBLOCK | O_CLOEXEC), n;
	const char *mark = "<7>bench: mark\n";
	long long run = -1, us;
	char b[2048];
	ns_t at = boot();

	if (fd < 0 || write(fd, mark, strlen(mark)) < 0)
		return;
	while ((n = read(fd, b, sizeof b - 1)) > 0 || errno == EPIPE) {
		char *text;

		if (n <= 0)
			continue;
		b[n] = 0;
		text = strchr(b, ';');
		if (!text || sscanf(b, "%*d,%*d,%lld", &us) != 1)
			continue;
		text++;
		if (run < 0 && !strncmp(text, "Run ", 4) &&
		    strstr(text, " as init process"))
			run = us;
		if (run >= 0 && !strncmp(text, mark + 3, strlen(mark + 3))) {
			say("handover_s", "%.6f", run / 1e6 + at / 1e9 - us / 1e6);
			say("kmsg_offset_ms", "%.3f", at / 1e6 - us / 1e3);
			break;
		}
	}
	close(fd);
}

/* "<0>" reaches the console with the kernel's time stamp even when quiet. */
static void kernel_says(const char *text)
{
	int fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);

	if (fd >= 0 && write(fd, text, strlen(text)) >= 0)
		close(fd);
}

static int by_value(const void *a, const void *b)
{
	ns_t x = *(const ns_t *)a, y = *(const ns_t *)b;

	return x < y ? -1 : x > y;
}

static double quantile(ns_t *v, int n, double q)
{
	int i = (int)(q * n + 0.999999) - 1;

	return v[i < 0 ? 0 : i >= n ? n - 1 : i] / 1e6;
}

static double median(ns_t *v, int n)
{
	return (v[(n - 1) / 2] + v[n / 2]) / 2e6;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct svc *)a)->name, ((const struct svc *)b)->name);
}

/* Everyone alive and nothing arriving for 100 ms: ready for the next kill. */
static int calm(int sock, ns_t limit)
{
	ns_t end = boot() + limit;
	int extra = 0;

	while (boot() < end) {
		int dead = 0;

		while (take(sock, boot() + 100 * MS, NULL))
			extra++;
		for (int i = 0; i < nsvcs; i++)
			dead += kill(svcs[i].pid, 0) != 0;
		if (!dead)
			break;
	}
	return extra;
}

static void restarts(int sock, int kills)
{
	ns_t back[MAXKILLS], spawn[MAXKILLS], cpu0 = cpu_of(1), t0 = boot();
	int done = 0, lost = 0, extra = 0;

	qsort(svcs, nsvcs, sizeof *svcs, by_name);
	if (kills > MAXKILLS)
		kills = MAXKILLS;
	for (int i = 0; i < kills; i++) {
		/* 7 is coprime with the sizes in use: walks over all of them,
		   several times when there are more kills than services */
		int v = i * 7 % nsvcs;
		pid_t old = svcs[v].pid;
		ns_t at = boot(), deadline = at + 15 * SEC;
		struct svc *s;

		if (kill(old, SIGKILL)) {
			lost++;
			continue;
		}
		while ((s = take(sock, deadline, NULL)) &&
		       !(s == &svcs[v] && s->pid != old))
			extra++;
		if (!s) {
			lost++;
			if (lost >= 3)
				break;
			continue;
		}
		back[done] = s->ready - at;
		spawn[done++] = s->start - at;
		extra += calm(sock, 5 * SEC);
	}
	say("restart_killed", "%d", done + lost);
	say("restart_lost", "%d", lost);
	say("restart_others", "%d", extra);
	if (done) {
		qsort(back, done, sizeof *back, by_value);
		qsort(spawn, done, sizeof *spawn, by_value);
		say("restart_ready_median_ms", "%.2f", median(back, done));
		say("restart_ready_p95_ms", "%.2f", quantile(back, done, 0.95));
		say("respawn_median_ms", "%.2f", median(spawn, done));
		say("respawn_p95_ms", "%.2f", quantile(spawn, done, 0.95));
	}
	say("restart_phase_s", "%.3f", (boot() - t0) / 1e9);
	say("restart_pid1_cpu_ms", "%.2f", (cpu_of(1) - cpu0) / 1e6);
}

static int threads_now(void)
{
	struct sysinfo si;

	return sysinfo(&si) ? -1 : si.procs;
}

/*
 * A middle process forks COUNT children that exit at once, waits (without
 * reaping) until each is a zombie, notes the time and exits: PID 1 inherits
 * COUNT zombies in one go. Whatever it takes from there is its own doing.
 */
static void orphans(int count)
{
	int before = threads_now(), p[2], ok = 1;
	ns_t cpu0 = cpu_of(1), t0 = boot(), t1 = 0, t2;
	pid_t mid;

	if (pipe2(p, O_CLOEXEC))
		return;
	mid = fork();
	if (mid == 0) {
		pid_t *kid = calloc(count, sizeof *kid);
		struct { ns_t t; int made; } r = { 0, 0 };

		setpgid(0, 0);
		for (int i = 0; i < count; i++) {
			pid_t k = fork();

			if (k == 0)
				_exit(0);
			if (k > 0)
				kid[r.made++] = k;
			else if (errno != EAGAIN)
				break;
		}
		for (int i = 0; i < r.made; i++) {
			siginfo_t si;

			waitid(P_PID, kid[i], &si, WEXITED | WNOWAIT);
		}
		r.t = boot();
		if (write(p[1], &r, sizeof r) < 0)
			_exit(1);
		_exit(0);
	}
	close(p[1]);
	if (mid > 0) {
		struct { ns_t t; int made; } r = { 0, 0 };

		if (read(p[0], &r, sizeof r) == sizeof r)
			t1 = r.t;
		waitpid(mid, NULL, 0);
		/* cheap first (one counter), exact at the end (the group) */
		while (threads_now() > before + 20 && boot() < t1 + 30 * SEC)
			nap(MS);
		while (kill(-mid, 0) == 0 && boot() < t1 + 30 * SEC)
			nap(MS / 2);
		t2 = boot();
		ok = kill(-mid, 0) != 0;
		say("orphans_made", "%d", r.made);
		say("orphans_fork_s", "%.3f", (t1 - t0) / 1e9);
		say("orphans_reap_ms", "%.2f", (t2 - t1) / 1e6);
		say("orphans_total_s", "%.3f", (t2 - t0) / 1e9);
		say("orphans_all_reaped", "%d", ok);
		say("orphans_pid1_cpu_ms", "%.2f", (cpu_of(1) - cpu0) / 1e6);
	}
	close(p[0]);
}

struct plan {
	int expect, kills, orphans, notify_fd;
	long settle;
	char *poweroff;
};

static void run_command(char *cmd)
{
	char *argv[16];
	int n = 0;

	for (char *w = strtok(cmd, ","); w && n < 15; w = strtok(NULL, ","))
		argv[n++] = w;
	argv[n] = NULL;
	if (n == 0 || fork())
		return;
	setsid();
	dup2(con, 1);
	dup2(con, 2);
	setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin", 1);
	execvp(argv[0], argv);
	say("poweroff_error", "%s: %s", argv[0], strerror(errno));
	_exit(127);
}

static _Noreturn void collector(const char *name, ns_t start, struct plan *pl)
{
	ns_t last = 0, first = 0, last_start = 0, cpu0;
	struct sockaddr_un sa;
	int sock, retries = 0, seen = 0, extra = 0, big = 1 << 20;
	char *t;

	con = open("/dev/console", O_WRONLY | O_NOCTTY | O_CLOEXEC);
	sock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	setsockopt(sock, SOL_SOCKET, SO_RCVBUF, &big, sizeof big);
	unlink(COLLECTOR);
	if (bind(sock, (struct sockaddr *)&sa, addr(&sa, COLLECTOR)))
		say("error", "bind: %s", strerror(errno));
	listener(name);
	notify(pl->notify_fd);
	cpu0 = cpu_of(1);

	while (seen < pl->expect) {
		struct svc *s = take(sock, start + 60 * SEC, &retries);

		if (!s)
			break;
		if (s->lives > 1) {
			extra++;
			continue;
		}
		seen++;
		if (s->ready > last)
			last = s->ready;
		if (!first || s->start < first)
			first = s->start;
		if (s->start > last_start)
			last_start = s->start;
	}
	cpu0 = cpu_of(1) - cpu0;

	handover();
	say("collector_start_s", "%.6f", start / 1e9);
	say("first_service_start_s", "%.6f", first / 1e9);
	say("last_service_start_s", "%.6f", last_start / 1e9);
	say("all_ready_s", "%.6f", last / 1e9);
	say("ready_count", "%d", seen);
	say("boot_extra_lives", "%d", extra);
	say("connect_retries", "%d", retries);
	say("boot_pid1_cpu_ms", "%.2f", cpu0 / 1e6);
	if (seen < pl->expect)
		say("failed", "only %d of %d services came up", seen, pl->expect);

	settle(pl->settle * MS);
	pid1_memory("");
	processes();
	t = slurp("/proc/meminfo");
	if (t)
		say("mem_used_kb", "%ld", field_kb(t, "MemTotal:") - field_kb(t, "MemAvailable:"));

	if (seen == pl->expect && pl->kills > 0)
		restarts(sock, pl->kills);
	if (pl->orphans > 0) {
		orphans(pl->orphans);
		nap(200 * MS);
		say("zombies_left", "%d", zombies());
		pid1_memory("_after_orphans");
	}
	say("shutdown_start", "%.6f", boot() / 1e9);
	kernel_says("<0>bench: shutdown\n");
	if (pl->poweroff)
		run_command(pl->poweroff);
	for (;;)
		pause();
}

int main(int argc, char **argv)
{
	ns_t start = boot();
	struct plan pl = { 0, 0, 0, -1, 1000, NULL };
	const char *mode = "connect", *name = argc > 1 ? argv[1] : "svc";
	char *deps = strdup("");
	long work = 0;

	signal(SIGPIPE, SIG_IGN);
	for (int i = 2; i + 1 < argc; i += 2) {
		const char *o = argv[i];
		char *v = argv[i + 1];

		if (!strcmp(o, "--work"))
			work = atol(v);
		else if (!strcmp(o, "--deps"))
			deps = strdup(v);
		else if (!strcmp(o, "--mode"))
			mode = v;
		else if (!strcmp(o, "--notify-fd"))
			pl.notify_fd = atoi(v);
		else if (!strcmp(o, "--expect"))
			pl.expect = atoi(v);
		else if (!strcmp(o, "--kills"))
			pl.kills = atoi(v);
		else if (!strcmp(o, "--orphans"))
			pl.orphans = atoi(v);
		else if (!strcmp(o, "--settle"))
			pl.settle = atol(v);
		else if (!strcmp(o, "--poweroff"))
			pl.poweroff = strdup(v);
		else {
			fprintf(stderr, "svc: unknown option %s\n", o);
			return 2;
		}
	}
	mkdir(DIR_RUN, 0755);
	if (!strcmp(mode, "collector"))
		collector(name, start, &pl);
	service(name, start, work, deps, pl.notify_fd);
}
