/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Processes: their cgroups, what they execute, how they end, whom they signal. */

static __always_inline __u64 group_of(struct task_struct *task)
{
	return BPF_CORE_READ(task, cgroups, dfl_cgrp, kn, id);
}

/* A cgroup is born before its first process: from then on its id has a name. */
SEC("tp_btf/cgroup_mkdir")
int BPF_PROG(cgroup_made, struct cgroup *group, const char *path)
{
	__u64 id = BPF_CORE_READ(group, kn, id);
	struct sight *s = first(CGROUP, id, SEED);
	if (!s)
		return 0;
	bpf_probe_read_kernel_str(s->object, OBJECT, path);
	s->length = OBJECT;
	tell(s);
	return 0;
}

/* It has no processes any more, so nothing is seen of it after this. */
SEC("tp_btf/cgroup_rmdir")
int BPF_PROG(cgroup_removed, struct cgroup *group, const char *path)
{
	__u64 id = BPF_CORE_READ(group, kn, id);
	struct sight *s = first(REMOVED, id, SEED);
	if (s)
		tell(s);
	bpf_map_delete_elem(&totals, &id);
	return 0;
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(forks, struct task_struct *parent, struct task_struct *child)
{
	ADD(bpf_get_current_cgroup_id(), forks, 1);
	return 0;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(execs, struct task_struct *task, int old_pid, struct linux_binprm *bprm)
{
	__u64 group = bpf_get_current_cgroup_id();
	struct inode *inode = BPF_CORE_READ(bprm, file, f_inode);
	struct sight *s;

	ADD(group, execs, 1);
	s = first(EXEC, group, mix(mix(SEED, BPF_CORE_READ(inode, i_ino)), BPF_CORE_READ(inode, i_sb, s_dev)));
	if (!s)
		return 0;
	bpf_probe_read_kernel_str(s->object, OBJECT, BPF_CORE_READ(bprm, filename));
	s->length = OBJECT;
	tell(s);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(exits, struct task_struct *task)
{
	struct sight *s;
	__u32 status;

	if (BPF_CORE_READ(task, pid) != BPF_CORE_READ(task, tgid))
		return 0; /* a thread */
	status = BPF_CORE_READ(task, exit_code);
	s = first(EXIT, bpf_get_current_cgroup_id(), mix(SEED, status));
	if (!s)
		return 0;
	s->result = status;
	tell(s);
	return 0;
}

/* The kernel's task before it is killed since memory has run out; before 6.10 its
 * pid alone (include/trace/events/oom.h). No pointer is as low as a pid. */
SEC("tp_btf/mark_victim")
int BPF_PROG(ooms, unsigned long victim)
{
	__u64 group = bpf_get_current_cgroup_id();
	__u32 pid = victim;
	struct sight *s;

	if (victim >= PID_MAX_LIMIT) {
		group = group_of((struct task_struct *)victim);
		pid = BPF_CORE_READ((struct task_struct *)victim, tgid);
	}
	s = first(OOM, group, mix(SEED, pid));
	if (!s)
		return 0;
	s->pid = pid;
	tell(s);
	return 0;
}

/* A signal that a process sends to one of another cgroup. The kernel's own have no
 * information (0, 1) or a code above SI_USER. */
SEC("tp_btf/signal_generate")
int BPF_PROG(signals, int sig, struct kernel_siginfo *info, struct task_struct *task)
{
	__u64 group = bpf_get_current_cgroup_id(), peer = group_of(task);
	struct sight *s;

	if (peer == group || (unsigned long)info <= 1 || BPF_CORE_READ(info, si_code) > 0)
		return 0;
	s = first(KILL, group, mix(mix(SEED, peer), sig));
	if (!s)
		return 0;
	s->peer = peer;
	s->type = sig;
	tell(s);
	return 0;
}

SEC("tp_btf/sched_wakeup")
int BPF_PROG(wakeups, struct task_struct *task)
{
	ADD(group_of(task), wakeups, 1);
	return 0;
}
