/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* How functions of the kernel are watched: by a trampoline (fentry, fexit) or,
 * where that cannot be attached, by probes. Programs that stand in for NAME are
 * NAME_enter and NAME_leave, one that is better NAME_lsm: hook in load.go. */

/* ON calls body with the argument of a function of one. */
#define ON(name, function, body)                                           \
	SEC("fentry/" #function)                                           \
	int name(__u64 *ctx) { return body((void *)ctx[0]); }              \
	SEC("kprobe/" #function)                                           \
	int name##_enter(struct pt_regs *ctx) { return body((void *)PT_REGS_PARM1(ctx)); }

/* ON2 is for functions of two arguments and more, of which it gives two. */
#define ON2(name, function, body)                                          \
	SEC("fentry/" #function)                                           \
	int name(__u64 *ctx) { return body((void *)ctx[0], (void *)ctx[1]); } \
	SEC("kprobe/" #function)                                           \
	int name##_enter(struct pt_regs *ctx)                              \
	{                                                                  \
		return body((void *)PT_REGS_PARM1(ctx), (void *)PT_REGS_PARM2(ctx)); \
	}

/* ALLOWED calls body with the first two arguments of a hook of security modules. Where
 * it can be a module of its own it is: the kernel does not run a trampoline's program
 * while another run of it was preempted on that processor, and a module's it does. */
#define ALLOWED(name, hook, body)                                          \
	SEC("lsm/" #hook)                                                  \
	int name##_lsm(__u64 *ctx) { return body((void *)ctx[0], (void *)ctx[1]); } \
	ON2(name, security_##hook, body)

/* call is what a kprobe keeps for its kretprobe. */
struct call {
	__u64 a, b, c;
};

struct calling {
	__u64 task;
	__u64 function;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, struct calling);
	__type(value, struct call);
} calls SEC(".maps");

/* AFTER calls body with the first three arguments of a function of two (the third
 * is then not to be used) and more, and with what it returns. */
#define AFTER(name, function, body)                                        \
	SEC("fexit/" #function)                                            \
	int name(__u64 *ctx)                                               \
	{                                                                  \
		__u64 result = 0;                                          \
		bpf_get_func_ret(ctx, &result);                            \
		return body((void *)ctx[0], (void *)ctx[1], (void *)ctx[2], (int)result); \
	}                                                                  \
	SEC("kprobe/" #function)                                           \
	int name##_enter(struct pt_regs *ctx)                              \
	{                                                                  \
		struct calling key = { bpf_get_current_pid_tgid(), __LINE__ }; \
		struct call c = { PT_REGS_PARM1(ctx), PT_REGS_PARM2(ctx), PT_REGS_PARM3(ctx) }; \
		bpf_map_update_elem(&calls, &key, &c, BPF_ANY);            \
		return 0;                                                  \
	}                                                                  \
	SEC("kretprobe/" #function)                                        \
	int name##_leave(struct pt_regs *ctx)                              \
	{                                                                  \
		struct calling key = { bpf_get_current_pid_tgid(), __LINE__ }; \
		struct call *c = bpf_map_lookup_elem(&calls, &key);        \
		if (!c)                                                    \
			return 0;                                          \
		body((void *)c->a, (void *)c->b, (void *)c->c, (int)PT_REGS_RC(ctx)); \
		bpf_map_delete_elem(&calls, &key);                         \
		return 0;                                                  \
	}
