/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* What processes do, by the cgroup that they are in. Each thing is counted in a
 * bounded table; only its first sight goes over the ring buffer. No contents and
 * no arguments are looked at. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_core_read.h>

#include "kernel.h"

char _license[] SEC("license") = "Dual MIT/GPL";

enum kind { EXEC = 1, EXIT, LISTEN, BIND, CONNECT, CGROUP, REMOVED };

#define OBJECT 108

/* sight is what is seen: sight in sight.go. */
struct sight {
	__u64 at;     /* CLOCK_BOOTTIME, ns */
	__u64 cgroup; /* whose process it is */
	__u64 peer;   /* of CONNECT: whose socket answered; 0: not known */
	__u32 pid;
	__s32 result; /* 0 or -errno; of EXIT the wait status */
	__u16 kind;
	__u16 family;
	__u16 type; /* of the socket */
	__u16 port; /* host order */
	__u32 length;
	__u8 object[OBJECT]; /* path, or address of a socket */
};

/* seen is what makes two sights the same. */
struct seen {
	__u64 cgroup;
	__u64 hash; /* of kind, result, family, port and object */
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, struct seen);
	__type(value, __u64); /* how often */
} sights SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 * 1024);
} ring SEC(".maps");

enum counter { EVENTS, FIRSTS, LOST, COUNTERS };

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, COUNTERS);
	__type(key, __u32);
	__type(value, __u64);
} counters SEC(".maps");

static __always_inline void count(__u32 which)
{
	__u64 *n = bpf_map_lookup_elem(&counters, &which);
	if (n)
		*n += 1;
}

/* begin makes a sight of the current process. It lies on the program's stack, where
 * no other program that interrupts this one can touch it. */
static __always_inline void begin(struct sight *s, __u16 kind)
{
	__builtin_memset(s, 0, sizeof *s);
	s->kind = kind;
	s->cgroup = bpf_get_current_cgroup_id();
	s->pid = bpf_get_current_pid_tgid() >> 32;
}

/* FNV-1a, 64 bit. */
static __always_inline __u64 mix(__u64 hash, __u64 value)
{
	return (hash ^ value) * 0x100000001b3ULL;
}

/* A function of its own, so that the object describes the type of which Go's is made. */
static __noinline void tell(struct sight *s)
{
	struct seen key = { .cgroup = s->cgroup, .hash = 0xcbf29ce484222325ULL };
	__u64 *n, one = 1;
	int i;

	count(EVENTS);
	key.hash = mix(mix(mix(key.hash, s->kind), (__u32)s->result), ((__u64)s->family << 32) | ((__u64)s->type << 16) | s->port);
#pragma clang loop unroll(disable) /* unrolled, it takes more stack than there is */
	for (i = 0; i < OBJECT; i += 4)
		key.hash = mix(key.hash, *(__u32 *)&s->object[i]);
	n = bpf_map_lookup_elem(&sights, &key);
	if (n) {
		__sync_fetch_and_add(n, 1);
		return;
	}
	s->at = bpf_ktime_get_boot_ns();
	if (bpf_ringbuf_output(&ring, s, sizeof *s, 0)) {
		count(LOST); /* not marked as seen, so that the next one is told */
		return;
	}
	count(FIRSTS);
	bpf_map_update_elem(&sights, &key, &one, BPF_NOEXIST);
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(exec, struct task_struct *task, int old_pid, struct linux_binprm *bprm)
{
	struct sight s;

	begin(&s, EXEC);
	s.length = bpf_probe_read_kernel_str(s.object, OBJECT, BPF_CORE_READ(bprm, filename));
	tell(&s);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(exits, struct task_struct *task)
{
	struct sight s;

	if (BPF_CORE_READ(task, pid) != BPF_CORE_READ(task, tgid))
		return 0; /* a thread */
	begin(&s, EXIT);
	s.result = BPF_CORE_READ(task, exit_code);
	tell(&s);
	return 0;
}

/* Addresses are read as bytes, so that a kernel's own structures and those of the
 * ABI are told apart by nothing but where they come from. */
static __always_inline void address(struct sight *s, const void *addr, int length)
{
	struct sockaddr_in6 in = {};
	__u16 family = 0;

	if (bpf_probe_read_kernel(&family, sizeof family, addr))
		return;
	s->family = family;
	if (family == AF_UNIX) {
		/* An abstract name begins with a NUL and has no end but the length. The
		 * barrier keeps the check where the verifier of 6.1 sees it. */
		__u64 n = (__u32)length;
		if (n <= sizeof(__u16))
			return;
		n -= sizeof(__u16);
		barrier_var(n);
		if (n > OBJECT)
			n = OBJECT;
		if (bpf_probe_read_kernel(s->object, n, (const char *)addr + sizeof(__u16)))
			return;
		s->length = n;
	} else if (family == AF_INET) {
		struct sockaddr_in in4 = {};
		if (bpf_probe_read_kernel(&in4, sizeof in4, addr))
			return;
		s->port = __builtin_bswap16(in4.sin_port);
		__builtin_memcpy(s->object, &in4.sin_addr, 4);
		s->length = 4;
	} else if (family == AF_INET6) {
		if (bpf_probe_read_kernel(&in, sizeof in, addr))
			return;
		s->port = __builtin_bswap16(in.sin6_port);
		__builtin_memcpy(s->object, &in.sin6_addr, 16);
		s->length = 16;
	}
}

/* local is the address that an inet socket is bound to. */
static __always_inline void local(struct sight *s, struct sock *sk)
{
	s->family = BPF_CORE_READ(sk, __sk_common.skc_family);
	s->type = BPF_CORE_READ(sk, sk_type);
	s->port = BPF_CORE_READ(sk, __sk_common.skc_num);
	if (s->family == AF_INET6) {
		BPF_CORE_READ_INTO((struct in6_addr *)s->object, sk, __sk_common.skc_v6_rcv_saddr);
		s->length = 16;
	} else {
		BPF_CORE_READ_INTO((__be32 *)s->object, sk, __sk_common.skc_rcv_saddr);
		s->length = 4;
	}
}

SEC("fexit/inet_listen")
int BPF_PROG(inet_listens, struct socket *sock, int backlog, int result)
{
	struct sight s;

	begin(&s, LISTEN);
	local(&s, BPF_CORE_READ(sock, sk));
	s.result = result;
	tell(&s);
	return 0;
}

static __always_inline int bound(struct socket *sock, const void *addr, int length, int result)
{
	struct sight s;

	begin(&s, BIND);
	s.type = BPF_CORE_READ(sock, sk, sk_type);
	address(&s, addr, length);
	s.result = result;
	if (s.length)
		tell(&s);
	return 0;
}

SEC("fexit/unix_bind")
int BPF_PROG(unix_binds, struct socket *sock, struct sockaddr *addr, int length, int result)
{
	return bound(sock, addr, length, result);
}

SEC("fexit/inet_bind")
int BPF_PROG(inet_binds, struct socket *sock, struct sockaddr *addr, int length, int result)
{
	return bound(sock, addr, length, result);
}

SEC("fexit/inet6_bind")
int BPF_PROG(inet6_binds, struct socket *sock, struct sockaddr *addr, int length, int result)
{
	return bound(sock, addr, length, result);
}

SEC("fexit/unix_stream_connect")
int BPF_PROG(unix_connects, struct socket *sock, struct sockaddr *addr, int length, int flags, int result)
{
	struct sight s;

	begin(&s, CONNECT);
	s.type = BPF_CORE_READ(sock, sk, sk_type);
	address(&s, addr, length);
	s.result = result;
	if (s.length)
		tell(&s);
	return 0;
}

/* A TCP connection comes about, or not, when the network says so: whose it is
 * stands in the socket. */
SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(tcp_connects, struct sock *sk, int before, int now)
{
	struct sight s;

	if (before != TCP_SYN_SENT || (now != TCP_ESTABLISHED && now != TCP_CLOSE))
		return 0;
	begin(&s, CONNECT);
	s.cgroup = BPF_CORE_READ(sk, sk_cgrp_data.cgroup, kn, id);
	s.pid = 0;
	s.family = BPF_CORE_READ(sk, __sk_common.skc_family);
	s.type = BPF_CORE_READ(sk, sk_type);
	s.port = __builtin_bswap16(BPF_CORE_READ(sk, __sk_common.skc_dport));
	s.result = now == TCP_ESTABLISHED ? 0 : -111; /* ECONNREFUSED, or the like */
	if (s.family == AF_INET6) {
		BPF_CORE_READ_INTO((struct in6_addr *)s.object, sk, __sk_common.skc_v6_daddr);
		s.length = 16;
	} else {
		BPF_CORE_READ_INTO((__be32 *)s.object, sk, __sk_common.skc_daddr);
		s.length = 4;
	}
	tell(&s);
	return 0;
}

/* A cgroup is born before its first process: from then on its id has a name. */
SEC("tp_btf/cgroup_mkdir")
int BPF_PROG(cgroup_made, struct cgroup *group, const char *path)
{
	struct sight s;

	begin(&s, CGROUP);
	s.cgroup = BPF_CORE_READ(group, kn, id);
	s.length = bpf_probe_read_kernel_str(s.object, OBJECT, path);
	tell(&s);
	return 0;
}

/* It has no processes any more, so nothing is seen of it after this. */
SEC("tp_btf/cgroup_rmdir")
int BPF_PROG(cgroup_removed, struct cgroup *group, const char *path)
{
	struct sight s;

	begin(&s, REMOVED);
	s.cgroup = BPF_CORE_READ(group, kn, id);
	tell(&s);
	return 0;
}
