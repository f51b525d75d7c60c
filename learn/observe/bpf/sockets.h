/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Sockets: who binds, listens, accepts, connects and sends where. Addresses are
 * read as bytes, so that a kernel's own structures and those of the ABI are told
 * apart by nothing but where they come from. */

/* where is an address, and what of it tells two apart. */
struct where {
	__u16 family;
	__u16 type;
	__u16 port;
	__u16 length;
	__u32 pad;
	__s32 result;
	__u64 object[SUN_PATH / 8 + 1];
};

static __always_inline __u64 owner(struct sock *sk)
{
	return BPF_CORE_READ(sk, sk_cgrp_data.cgroup, kn, id);
}

static __noinline __u64 hash_of(struct where *w, __u64 peer)
{
	__u64 hash = mix(mix(mix(SEED, peer), (__u32)w->result), ((__u64)w->family << 32) | ((__u64)w->type << 16) | w->port);
	int i;

	hash = mix(mix(hash, w->object[0]), w->object[1]);
	if (w->family == AF_UNIX)
#pragma clang loop unroll(disable)
		for (i = 2; i < SUN_PATH / 8 + 1; i++)
			hash = mix(hash, w->object[i]);
	return hash;
}

static __always_inline void say(struct sight *s, __u64 peer, struct where *w)
{
	if (!s)
		return;
	s->peer = peer;
	s->result = w->result;
	s->family = w->family;
	s->type = w->type;
	s->port = w->port;
	s->length = w->length;
	__builtin_memcpy(s->object, w->object, sizeof w->object);
	tell(s);
}

static __always_inline void see(__u16 kind, __u64 group, __u64 peer, struct where *w)
{
	if (w->length) /* else it has no name */
		say(first(kind, group, hash_of(w, peer)), peer, w);
}

/* named reads the name of a Unix address of length bytes: what is after the family.
 * An abstract one begins with a NUL and has no end but the length. */
static __always_inline void named(struct where *w, const void *addr, int length)
{
	__u64 n = (__u32)length;

	w->family = AF_UNIX;
	if (n <= sizeof(__u16))
		return;
	n -= sizeof(__u16);
	barrier_var(n); /* keeps the check where the verifier of 6.1 sees it */
	if (n > SUN_PATH)
		n = SUN_PATH;
	if (bpf_probe_read_kernel(w->object, n, (const char *)addr + sizeof(__u16)))
		return;
	/* A path may or may not count its NUL. */
	w->length = n;
}

static __always_inline void address(struct where *w, const void *addr, int length)
{
	struct sockaddr_in6 in = {};
	__u16 family = 0;

	if (bpf_probe_read_kernel(&family, sizeof family, addr))
		return;
	if (family == AF_UNIX) {
		named(w, addr, length);
	} else if (family == AF_INET) {
		struct sockaddr_in in4 = {};
		if (bpf_probe_read_kernel(&in4, sizeof in4, addr))
			return;
		w->port = __builtin_bswap16(in4.sin_port);
		__builtin_memcpy(w->object, &in4.sin_addr, 4);
		w->length = 4;
	} else if (family == AF_INET6) {
		if (bpf_probe_read_kernel(&in, sizeof in, addr))
			return;
		w->port = __builtin_bswap16(in.sin6_port);
		__builtin_memcpy(w->object, &in.sin6_addr, 16);
		w->length = 16;
	}
	w->family = family;
}

/* bound is the address that a socket is bound to. */
static __always_inline void bound(struct where *w, struct sock *sk)
{
	w->family = BPF_CORE_READ(sk, __sk_common.skc_family);
	w->type = BPF_CORE_READ(sk, sk_type);
	if (w->family == AF_UNIX) {
		struct unix_address *addr = BPF_CORE_READ((struct unix_sock *)sk, addr);
		if (addr)
			named(w, &addr->name, BPF_CORE_READ(addr, len));
		return;
	}
	w->port = BPF_CORE_READ(sk, __sk_common.skc_num);
	if (w->family == AF_INET6) {
		BPF_CORE_READ_INTO((struct in6_addr *)w->object, sk, __sk_common.skc_v6_rcv_saddr);
		w->length = 16;
	} else if (w->family == AF_INET) {
		BPF_CORE_READ_INTO((__be32 *)w->object, sk, __sk_common.skc_rcv_saddr);
		w->length = 4;
	}
}

/* remote is the address that an inet socket is connected to. */
static __always_inline void remote(struct where *w, struct sock *sk)
{
	w->family = BPF_CORE_READ(sk, __sk_common.skc_family);
	w->type = BPF_CORE_READ(sk, sk_type);
	w->port = __builtin_bswap16(BPF_CORE_READ(sk, __sk_common.skc_dport));
	if (w->family == AF_INET6) {
		BPF_CORE_READ_INTO((struct in6_addr *)w->object, sk, __sk_common.skc_v6_daddr);
		w->length = 16;
	} else {
		BPF_CORE_READ_INTO((__be32 *)w->object, sk, __sk_common.skc_daddr);
		w->length = 4;
	}
}

static __always_inline int listened(struct socket *sock, void *backlog, void *none, int result)
{
	struct where w = { .result = result };
	bound(&w, BPF_CORE_READ(sock, sk));
	see(LISTEN, bpf_get_current_cgroup_id(), 0, &w);
	return 0;
}
AFTER(inet_listens, inet_listen, listened)

static __always_inline int was_bound(struct socket *sock, void *addr, void *length, int result)
{
	struct where w = { .result = result, .type = BPF_CORE_READ(sock, sk, sk_type) };
	address(&w, addr, (int)(long)length);
	see(BIND, bpf_get_current_cgroup_id(), 0, &w);
	return 0;
}
AFTER(unix_binds, unix_bind, was_bound)
AFTER(inet_binds, inet_bind, was_bound)
AFTER(inet6_binds, inet6_bind, was_bound)

/* Who takes connections from a socket serves it, whoever has made it. */
static __always_inline int takes(struct socket *sock, struct socket *connection)
{
	struct sock *sk = BPF_CORE_READ(sock, sk);
	__u64 group = bpf_get_current_cgroup_id(), maker = owner(sk);
	struct where w = {};

	if (group == maker)
		return 0;
	bound(&w, sk);
	see(ACCEPT, group, maker, &w);
	return 0;
}
ALLOWED(accepts, socket_accept, takes)

/* A socket that was told to be somewhere is there no more. */
static __always_inline int released(struct socket *sock)
{
	struct sock *sk = BPF_CORE_READ(sock, sk);
	struct where w = {};
	__u64 group, hash;
	__u8 state;

	if (!sk)
		return 0;
	state = BPF_CORE_READ(sk, __sk_common.skc_state);
	if (state != TCP_LISTEN && BPF_CORE_READ(sk, sk_type) != SOCK_DGRAM)
		return 0; /* a connection, which has the name of the socket that took it */
	bound(&w, sk);
	if (!w.length)
		return 0;
	group = owner(sk);
	hash = hash_of(&w, 0);
	if (forget(LISTEN, group, hash) | forget(BIND, group, hash))
		say(room(CLOSE, group), 0, &w);
	return 0;
}
ON(unix_closes, unix_release, released)
ON(inet_closes, inet_release, released)

/* A Unix connection that comes about has two sides; one that does not has only the
 * address that was wanted. */
static __always_inline int meets(struct sock *sk, struct sock *other)
{
	struct where w = {};
	__u64 group = bpf_get_current_cgroup_id(), peer = owner(other);

	if (group == peer)
		return 0;
	bound(&w, other);
	see(CONNECT, group, peer, &w);
	return 0;
}
ALLOWED(unix_meets, unix_stream_connect, meets)

static __always_inline int sends_to(struct socket *sock, struct socket *other)
{
	struct where w = {};
	struct sock *sk = BPF_CORE_READ(other, sk);
	__u64 group = bpf_get_current_cgroup_id(), peer = owner(sk);

	if (group == peer)
		return 0;
	bound(&w, sk);
	see(CONNECT, group, peer, &w);
	return 0;
}
ALLOWED(unix_sends, unix_may_send, sends_to)

static __always_inline int unix_failed(struct socket *sock, void *addr, void *length, int result)
{
	struct where w = { .result = result, .type = BPF_CORE_READ(sock, sk, sk_type) };

	if (result >= 0)
		return 0;
	address(&w, addr, (int)(long)length);
	see(CONNECT, bpf_get_current_cgroup_id(), 0, &w);
	return 0;
}
AFTER(unix_connects, unix_stream_connect, unix_failed)
AFTER(unix_dgram_connects, unix_dgram_connect, unix_failed)

static __always_inline int send_failed(struct socket *sock, struct msghdr *msg, void *size, int result)
{
	if (result < 0 && BPF_CORE_READ(msg, msg_namelen))
		return unix_failed(sock, BPF_CORE_READ(msg, msg_name), (void *)(long)BPF_CORE_READ(msg, msg_namelen), result);
	return 0;
}
AFTER(unix_sends_failed, unix_dgram_sendmsg, send_failed)

/* A TCP connection comes about, or not, when the network says so: whose it is
 * stands in the socket. */
SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(tcp_connects, struct sock *sk, int before, int now)
{
	struct where w = { .result = now == TCP_ESTABLISHED ? 0 : -ECONNREFUSED }; /* or the like */
	__u64 group;

	if (before != TCP_SYN_SENT || (now != TCP_ESTABLISHED && now != TCP_CLOSE))
		return 0;
	group = owner(sk);
	remote(&w, sk);
	see(CONNECT, group, 0, &w);
	return 0;
}

/* To send is to use; a connected UDP socket alone says nothing, since name lookups
 * connect one to each address only to see which way it would go. */
static __always_inline int udp_sent(struct sock *sk, struct msghdr *msg)
{
	struct where w = {};

	if (BPF_CORE_READ(msg, msg_namelen)) {
		w.type = SOCK_DGRAM;
		address(&w, BPF_CORE_READ(msg, msg_name), BPF_CORE_READ(msg, msg_namelen));
	} else {
		remote(&w, sk);
	}
	if (w.port)
		see(CONNECT, bpf_get_current_cgroup_id(), 0, &w);
	return 0;
}
ON2(udp_sends, udp_sendmsg, udp_sent)
ON2(udp6_sends, udpv6_sendmsg, udp_sent)

SEC("fentry/security_socket_create")
int BPF_PROG(sockets_made, int family, int type, int protocol, int kernel)
{
	if (!kernel)
		ADD(bpf_get_current_cgroup_id(), sockets, 1);
	return 0;
}

/* Bytes of all sockets. */
SEC("fentry/security_socket_sendmsg")
int BPF_PROG(bytes_sent, struct socket *sock, struct msghdr *msg, int size)
{
	ADD(bpf_get_current_cgroup_id(), sent, size);
	return 0;
}

SEC("fexit/sock_recvmsg")
int BPF_PROG(bytes_received, struct socket *sock, struct msghdr *msg, int flags, int result)
{
	if (result > 0)
		ADD(bpf_get_current_cgroup_id(), received, result);
	return 0;
}
