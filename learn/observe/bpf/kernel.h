/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* What the programs read of the kernel's own structures. Where a field lies is
 * found at load time (CO-RE), so only names and types stand here; they are those
 * of include/linux and include/net. */
#ifndef CLARITY_KERNEL_H
#define CLARITY_KERNEL_H

#include <linux/types.h>

/* The registers of a probe, by the kernel's names for them. */
#define __VMLINUX_H__
#if defined(__TARGET_ARCH_x86)
struct pt_regs {
	unsigned long r15, r14, r13, r12, bp, bx, r11, r10, r9, r8, ax, cx, dx, si, di, orig_ax, ip, cs, flags, sp, ss;
};
#elif defined(__TARGET_ARCH_arm64)
struct user_pt_regs {
	__u64 regs[31], sp, pc, pstate;
};
#endif

#define KERNEL __attribute__((preserve_access_index))

struct kernfs_node { __u64 id; } KERNEL;
struct cgroup { struct kernfs_node *kn; } KERNEL;
struct css_set { struct cgroup *dfl_cgrp; } KERNEL;
struct task_struct {
	int pid;
	int tgid;
	int exit_code;
	struct css_set *cgroups;
} KERNEL;
struct linux_binprm { const char *filename; struct file *file; } KERNEL;
struct kernel_siginfo { int si_code; } KERNEL;
struct module { char name[56]; } KERNEL;
struct net_device { char name[16]; } KERNEL;

struct super_block { __u32 s_dev; } KERNEL;
struct inode {
	__u16 i_mode;
	unsigned long i_ino;
	__u32 i_generation;
	struct super_block *i_sb;
} KERNEL;
struct qstr { const unsigned char *name; } KERNEL;
struct dentry {
	struct dentry *d_parent;
	struct qstr d_name;
	struct inode *d_inode;
} KERNEL;
struct vfsmount { int mnt_flags; } KERNEL;
struct mount {
	struct dentry *mnt_mountpoint;
	struct vfsmount mnt;
	int mnt_id;
} KERNEL;
struct path {
	struct vfsmount *mnt;
	struct dentry *dentry;
} KERNEL;
struct file {
	__u32 f_mode;
	struct path f_path;
	struct inode *f_inode;
} KERNEL;
struct filename { const char *name; } KERNEL;

struct in6_addr { __u8 bytes[16]; };
struct sock_common {
	__be32 skc_daddr;
	__be32 skc_rcv_saddr;
	__be16 skc_dport;
	__u16 skc_num;
	unsigned short skc_family;
	__u8 skc_state;
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
} KERNEL;
struct sock_cgroup_data { struct cgroup *cgroup; } KERNEL;
struct sock {
	struct sock_common __sk_common;
	struct sock_cgroup_data sk_cgrp_data;
	__u16 sk_type;
} KERNEL;
struct socket { struct sock *sk; } KERNEL;
struct msghdr { void *msg_name; int msg_namelen; } KERNEL;

/* Of the ABI, and so the same everywhere. */
struct sockaddr_un { __u16 sun_family; char sun_path[108]; };
struct sockaddr_in { __u16 sin_family; __be16 sin_port; __be32 sin_addr; };
struct sockaddr_in6 { __u16 sin6_family; __be16 sin6_port; __be32 flow; struct in6_addr sin6_addr; };

struct unix_address { int len; struct sockaddr_un name[0]; } KERNEL;
struct unix_sock { struct unix_address *addr; } KERNEL;

#define AF_UNIX 1
#define AF_INET 2
#define AF_INET6 10
#define SOCK_DGRAM 2
#define TCP_SYN_SENT 2
#define TCP_ESTABLISHED 1
#define TCP_CLOSE 7
#define TCP_LISTEN 10
#define ENOENT 2
#define ECONNREFUSED 111
#define S_IFMT 0170000
#define S_IFREG 0100000
#define S_IFDIR 0040000
#define S_IFLNK 0120000
#define S_IFSOCK 0140000
#define FMODE_READ 1
#define FMODE_CREATED 0x100000
#define PID_MAX_LIMIT (4 * 1024 * 1024)

#endif
