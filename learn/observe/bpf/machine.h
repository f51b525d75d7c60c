/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The machine: who loads modules and makes network devices. */

SEC("tp_btf/module_load")
int BPF_PROG(modules_loaded, struct module *mod)
{
	__u64 name[7] = {}, hash = SEED;
	struct sight *s;
	int i;

	BPF_CORE_READ_INTO((char(*)[sizeof name])name, mod, name);
	for (i = 0; i < sizeof name / 8; i++)
		hash = mix(hash, name[i]);
	s = first(MODULE, bpf_get_current_cgroup_id(), hash);
	if (!s)
		return 0;
	__builtin_memcpy(s->object, name, sizeof name);
	s->length = sizeof name;
	tell(s);
	return 0;
}

SEC("fexit/register_netdevice")
int BPF_PROG(links_registered, struct net_device *dev, int result)
{
	__u64 name[2] = {};
	struct sight *s;

	if (result)
		return 0;
	BPF_CORE_READ_INTO((char(*)[sizeof name])name, dev, name);
	s = first(LINK, bpf_get_current_cgroup_id(), mix(mix(SEED, name[0]), name[1]));
	if (!s)
		return 0;
	__builtin_memcpy(s->object, name, sizeof name);
	s->length = sizeof name;
	tell(s);
	return 0;
}
