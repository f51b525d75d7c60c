/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* What is seen, and the bounded tables in which it is kept. */

enum kind { EXEC = 1, EXIT, LISTEN, BIND, CONNECT, CGROUP, REMOVED, ACCEPT, USE, KILL, OOM, MODULE, LINK, CLOSE };

#define OBJECT 256
#define SUN_PATH 108

/* sight is what is seen: decode in sight.go reads it. */
struct sight {
	__u64 at;     /* CLOCK_BOOTTIME, ns */
	__u64 cgroup; /* whose process it is */
	__u64 peer;   /* whose the other side is; 0: not known */
	__u32 pid;
	__s32 result; /* 0 or -errno; of EXIT the wait status */
	__u16 kind;
	__u16 family;
	__u16 type; /* of the socket; of USE the file's, S_IFMT; of KILL the signal */
	__u16 port; /* host order */
	__u32 length;
	__u32 dev;   /* of USE: the file system's, as the kernel has it */
	__u32 mount; /* of USE: the id of the mount by which the file was reached; 0: not known */
	__u32 pad;
	__u8 object[OBJECT]; /* of USE the names from the file up, else a path, a name, or a socket's address */
};

/* seen is what makes two sights the same. */
struct seen {
	__u64 cgroup;
	__u64 hash;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, struct seen);
	__type(value, __u64); /* how often */
} sights SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 512 * 1024);
} ring SEC(".maps");

enum counter { EVENTS, FIRSTS, LOST, COUNTERS };

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, COUNTERS);
	__type(key, __u32);
	__type(value, __u64);
} counters SEC(".maps");

/* figures are totals of a cgroup: Figures in read.go gives them to the Go side. */
struct figures {
	__u64 forks, execs, opened, missed, sockets, wakeups, cached, received, sent;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, __u64);
	__type(value, struct figures);
} totals SEC(".maps");

static __always_inline void count(__u32 which)
{
	__u64 *n = bpf_map_lookup_elem(&counters, &which);
	if (n)
		*n += 1;
}

static __always_inline struct figures *total(__u64 cgroup)
{
	struct figures none = {}, *f = bpf_map_lookup_elem(&totals, &cgroup);
	if (f)
		return f;
	bpf_map_update_elem(&totals, &cgroup, &none, BPF_NOEXIST);
	return bpf_map_lookup_elem(&totals, &cgroup);
}

/* ADD counts in the figures of a cgroup. */
#define ADD(group, figure, n)                                      \
	do {                                                       \
		struct figures *f__ = total(group);                \
		if (f__)                                           \
			__sync_fetch_and_add(&f__->figure, n);     \
	} while (0)

/* FNV-1a, by words of 64 bits. */
#define SEED 0xcbf29ce484222325ULL
static __always_inline __u64 mix(__u64 hash, __u64 value)
{
	return (hash ^ value) * 0x100000001b3ULL;
}

/* room gives room in the ring for a sight; who gets it fills it in and tells it. */
static __always_inline struct sight *room(__u16 kind, __u64 cgroup)
{
	struct sight *s = bpf_ringbuf_reserve(&ring, sizeof *s, 0);

	if (!s) {
		count(LOST);
		return 0;
	}
	count(FIRSTS);
	__builtin_memset(s, 0, sizeof *s);
	s->at = bpf_ktime_get_boot_ns();
	s->kind = kind;
	s->cgroup = cgroup;
	s->pid = bpf_get_current_pid_tgid() >> 32;
	return s;
}

/* first counts what is seen of a cgroup, and gives room where it is the first of its
 * kind. */
static __always_inline struct sight *first(__u16 kind, __u64 cgroup, __u64 hash)
{
	struct seen key = { .cgroup = cgroup, .hash = mix(hash, kind) };
	__u64 *n, one = 1;
	struct sight *s;

	count(EVENTS);
	n = bpf_map_lookup_elem(&sights, &key);
	if (n) {
		__sync_fetch_and_add(n, 1);
		return 0;
	}
	s = room(kind, cgroup);
	if (s) /* else it is not marked as seen, so that the next one is told */
		bpf_map_update_elem(&sights, &key, &one, BPF_NOEXIST);
	return s;
}

/* forget makes the next sight of the same a first one again, and says whether there
 * was one. */
static __always_inline int forget(__u16 kind, __u64 cgroup, __u64 hash)
{
	struct seen key = { .cgroup = cgroup, .hash = mix(hash, kind) };
	return !bpf_map_delete_elem(&sights, &key);
}

static __always_inline void tell(struct sight *s)
{
	bpf_ringbuf_submit(s, 0);
}
