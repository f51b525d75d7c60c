/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Files: what a cgroup has made in this boot, and who else uses it, having missed
 * it before or not. What was there before, or is one's own, is only counted. */

/* thing is an inode, told apart from one that has its number later. */
struct thing {
	__u64 ino;
	__u32 dev;
	__u32 generation;
};

/* who made a file, FIFO, device node or link. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct thing);
	__type(value, __u64);
} made SEC(".maps");

/* who mounted something, by the entry on which it lies. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, __u64);
	__type(value, __u64);
} mounted SEC(".maps");

/* the last parts of paths that a cgroup has found missing, by their hash. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, struct seen);
	__type(value, __u64); /* how often */
} missing SEC(".maps");

#define PATH 256
#define DEPTH 16
#define NAME 64

static __always_inline struct thing thing_of(struct inode *inode)
{
	struct thing t = {
		.ino = BPF_CORE_READ(inode, i_ino),
		.dev = BPF_CORE_READ(inode, i_sb, s_dev),
		.generation = BPF_CORE_READ(inode, i_generation),
	};
	return t;
}

/* last_part hashes what is after the last slash of a path, in the kernel's memory
 * or in the process's own. */
static __noinline __u64 last_part(const char *path, int kernel)
{
	char text[PATH] = {};
	__u64 hash = SEED;
	int i;

	if (kernel)
		bpf_probe_read_kernel_str(text, PATH, path);
	else
		bpf_probe_read_user_str(text, PATH, path);
#pragma clang loop unroll(disable)
	for (i = 0; i < PATH; i++) {
		char c = text[i];
		if (!c)
			break;
		hash = c == '/' ? SEED : mix(hash, c);
	}
	return hash;
}

static __always_inline void miss(__u64 name)
{
	struct seen key = { .cgroup = bpf_get_current_cgroup_id(), .hash = name };
	__u64 *n = bpf_map_lookup_elem(&missing, &key), one = 1;

	if (n)
		__sync_fetch_and_add(n, 1);
	else
		bpf_map_update_elem(&missing, &key, &one, BPF_NOEXIST);
	ADD(key.cgroup, missed, 1);
}

/* missed_before says whether a cgroup has found the name of an entry missing. */
static __always_inline int missed_before(__u64 group, struct dentry *entry)
{
	struct seen key = { .cgroup = group, .hash = last_part((const char *)BPF_CORE_READ(entry, d_name.name), 1) };
	return bpf_map_lookup_elem(&missing, &key) != 0;
}

/* up writes the names from an entry up to its file system's root, each with its
 * NUL; what there is no room for is left out. */
static __noinline void up(struct sight *s, struct dentry *entry)
{
	struct dentry *parent;
	__u32 at = 0;
	int i;

#pragma clang loop unroll(disable)
	for (i = 0; i < DEPTH; i++) {
		long n;
		parent = BPF_CORE_READ(entry, d_parent);
		if (parent == entry || at > OBJECT - NAME)
			break;
		n = bpf_probe_read_kernel_str(&s->object[at], NAME, BPF_CORE_READ(entry, d_name.name));
		if (n <= 0 || n > NAME)
			break;
		at += n;
		entry = parent;
	}
	s->length = at;
}

static __always_inline struct mount *mount_of(struct vfsmount *m)
{
	return (void *)m - bpf_core_field_offset(struct mount, mnt);
}

/* use tells that a cgroup uses what another one made. */
static __always_inline void use(__u64 group, __u64 maker, struct dentry *entry, struct vfsmount *by, struct thing *t, __u16 type)
{
	struct sight *s = first(USE, group, mix(mix(mix(mix(SEED, t->ino), t->dev), t->generation), type));

	if (!s)
		return;
	s->peer = maker;
	s->result = missed_before(group, entry) ? -ENOENT : 0;
	s->type = type;
	s->dev = t->dev;
	if (by)
		s->mount = BPF_CORE_READ(mount_of(by), mnt_id);
	up(s, entry);
	tell(s);
}

static __always_inline int opened(struct file *file, void *none)
{
	__u64 group = bpf_get_current_cgroup_id(), *maker;
	__u32 mode = BPF_CORE_READ(file, f_mode);
	struct inode *inode = BPF_CORE_READ(file, f_inode);
	__u16 type = BPF_CORE_READ(inode, i_mode) & S_IFMT;
	struct vfsmount *by = BPF_CORE_READ(file, f_path.mnt);
	__u64 on = (__u64)BPF_CORE_READ(mount_of(by), mnt_mountpoint);
	struct thing t = thing_of(inode);

	ADD(group, opened, 1);
	maker = bpf_map_lookup_elem(&mounted, &on);
	if (maker && *maker != group) { /* of a mount the first use counts */
		struct thing place = { .ino = on, .dev = t.dev };
		use(group, *maker, BPF_CORE_READ(file, f_path.dentry), by, &place, 0);
	}
	if (mode & FMODE_CREATED) {
		bpf_map_update_elem(&made, &t, &group, BPF_ANY);
		return 0;
	}
	if (type == S_IFDIR || (type == S_IFREG && !(mode & FMODE_READ)))
		return 0;
	maker = bpf_map_lookup_elem(&made, &t);
	if (maker && *maker != group)
		use(group, *maker, BPF_CORE_READ(file, f_path.dentry), by, &t, type);
	return 0;
}
ALLOWED(files, file_open, opened)

/* A link that another one made is followed. */
static __always_inline int followed(struct dentry *entry, struct inode *inode)
{
	__u64 group = bpf_get_current_cgroup_id(), *maker;
	struct thing t = thing_of(inode);

	maker = bpf_map_lookup_elem(&made, &t);
	if (maker && *maker != group)
		use(group, *maker, entry, 0, &t, S_IFLNK);
	return 0;
}
ALLOWED(links_followed, inode_follow_link, followed)

static __always_inline int made_entry(void *idmap, void *dir, struct dentry *entry, int result)
{
	__u64 group = bpf_get_current_cgroup_id();
	struct thing t;

	if (result)
		return 0;
	t = thing_of(BPF_CORE_READ(entry, d_inode));
	bpf_map_update_elem(&made, &t, &group, BPF_ANY);
	return 0;
}
AFTER(nodes_made, vfs_mknod, made_entry)
AFTER(links_made, vfs_symlink, made_entry)

/* The hooks are before the mount: where it fails, nothing lies on the entry. mount(2)
 * has the first one, the newer calls (fsmount, open_tree, move_mount) the second. */
static __always_inline int mounts_on(void *from, struct path *place)
{
	__u64 group = bpf_get_current_cgroup_id(), on = (__u64)BPF_CORE_READ(place, dentry);
	bpf_map_update_elem(&mounted, &on, &group, BPF_ANY);
	return 0;
}
ALLOWED(mounts, sb_mount, mounts_on)
ALLOWED(mounts_moved, move_mount, mounts_on)

/* A path that is not there: opened, or looked up in any other way. Those that are
 * given from a folder on are not followed. */
static __always_inline int open_failed(void *folder, const char *path, void *how, int result)
{
	if (result == -ENOENT)
		miss(last_part(path, 0));
	return 0;
}
AFTER(opens_failed, do_sys_openat2, open_failed)

/* What one has missed, and now finds, is used: stat and access tell, without
 * opening anything. */
SEC("fexit/filename_lookup")
int BPF_PROG(lookups, int folder, struct filename *name, unsigned int flags, struct path *path, struct path *root, int result)
{
	__u64 group = bpf_get_current_cgroup_id(), *maker;
	struct dentry *entry;
	struct thing t;

	if (result == -ENOENT) {
		miss(last_part(BPF_CORE_READ(name, name), 1));
		return 0;
	}
	if (result)
		return 0;
	entry = BPF_CORE_READ(path, dentry);
	t = thing_of(BPF_CORE_READ(entry, d_inode));
	maker = bpf_map_lookup_elem(&made, &t);
	if (maker && *maker != group && missed_before(group, entry))
		use(group, *maker, entry, BPF_CORE_READ(path, mnt), &t, BPF_CORE_READ(entry, d_inode, i_mode) & S_IFMT);
	return 0;
}

SEC("tp_btf/mm_filemap_add_to_page_cache")
int BPF_PROG(pages_cached)
{
	ADD(bpf_get_current_cgroup_id(), cached, 1);
	return 0;
}
