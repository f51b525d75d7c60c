/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* What the programs read of the kernel's own structures. Where a field lies is
 * found at load time (CO-RE), so only names and types stand here; they are those
 * of include/linux and include/net. */
#ifndef CLARITY_KERNEL_H
#define CLARITY_KERNEL_H

#include <linux/types.h>

#define KERNEL __attribute__((preserve_access_index))

struct kernfs_node { __u64 id; } KERNEL;
struct cgroup { struct kernfs_node *kn; } KERNEL;
struct css_set { struct cgroup *dfl_cgrp; } KERNEL;
struct signal_struct { int group_exit_code; } KERNEL;
struct task_struct {
	int pid;
	int tgid;
	int exit_code;
	struct css_set *cgroups;
	struct task_struct *real_parent;
	struct signal_struct *signal;
} KERNEL;
struct linux_binprm { const char *filename; } KERNEL;

struct in6_addr { __u8 bytes[16]; };
struct sock_common {
	__be32 skc_daddr;
	__be32 skc_rcv_saddr;
	__be16 skc_dport;
	__u16 skc_num;
	unsigned short skc_family;
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
} KERNEL;
struct sock_cgroup_data { struct cgroup *cgroup; } KERNEL;
struct sock {
	struct sock_common __sk_common;
	struct sock_cgroup_data sk_cgrp_data;
	__u16 sk_type;
	__u16 sk_protocol;
} KERNEL;
struct socket { struct sock *sk; } KERNEL;

/* Of the ABI, and so the same everywhere. */
struct sockaddr { __u16 sa_family; char sa_data[14]; };
struct sockaddr_un { __u16 sun_family; char sun_path[108]; };
struct sockaddr_in { __u16 sin_family; __be16 sin_port; __be32 sin_addr; };
struct sockaddr_in6 { __u16 sin6_family; __be16 sin6_port; __be32 flow; struct in6_addr sin6_addr; };

#define AF_UNIX 1
#define AF_INET 2
#define AF_INET6 10
#define SOCK_DGRAM 2
#define TCP_SYN_SENT 2
#define TCP_ESTABLISHED 1
#define TCP_CLOSE 7

#endif
