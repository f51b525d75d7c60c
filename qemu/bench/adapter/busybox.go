package adapter

import "strings"

// busybox is busybox's init: one inittab, every service a respawn line.
func busybox() Init {
	return Init{
		Name: "busybox", About: "busybox init: one inittab, every service a respawn line",
		Notes:    "no dependencies, no readiness; main loop sleeps 1 s between respawns",
		Busybox:  true,
		PowerOff: []string{"busybox", "poweroff"}, MostKills: 5, Variants: noGraph(),
		Build: func(r *Root, j Job) {
			r.Package("/usr/bin/busybox")
			r.Applets("sh", "mount")
			r.Symlink("/init", "usr/bin/busybox")
			var tab []string
			for mount := range strings.Lines(mounts) {
				tab = append(tab, "::sysinit:/bin/"+strings.TrimSpace(mount))
			}
			tab = append(tab, "::respawn:"+strings.Join(j.Collector(), " "))
			for _, s := range j.Services {
				tab = append(tab, "::respawn:"+strings.Join(s.Command(), " "))
			}
			r.Write("/etc/inittab", lines(tab...))
		},
	}
}
