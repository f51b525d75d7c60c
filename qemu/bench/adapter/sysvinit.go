package adapter

import "strings"

// sysvinit is Debian's sysvinit: one inittab, every service a respawn line. Its
// ids have four characters at most. It gives up a service that it restarted ten
// times in two minutes, so it is not killed more often than that.
func sysvinit() Init {
	return Init{
		Name: "sysvinit", About: "sysvinit: one inittab, every service a respawn line",
		Notes:    "no dependencies, no readiness; all in inittab as respawn",
		Packages: []string{"sysvinit-core", "libc6", "libselinux1", "libpcre2-8-0", "libcrypt1"},
		Shell:    true, // it runs inittab's commands through one
		PowerOff: []string{"poweroff"}, Variants: noGraph(),
		Build: func(r *Root, j Job) {
			r.Package("/usr/sbin/init", "/usr/sbin/telinit", "/usr/sbin/shutdown", "/usr/sbin/halt", "/usr/sbin/poweroff")
			r.Symlink("/init", "usr/sbin/init")
			r.Applets("mount")
			r.Folder("/var/log")
			r.Script("/etc/rcS", lines("#!/bin/sh", mounts))
			tab := []string{"id:2:initdefault:", "si::sysinit:/etc/rcS", "l0:0:wait:/sbin/halt -d -f -p",
				"col:2:respawn:" + strings.Join(j.Collector(), " ")}
			for _, s := range j.Services {
				tab = append(tab, s.Name+":2:respawn:"+strings.Join(s.Command(), " "))
			}
			r.Write("/etc/inittab", lines(tab...))
		},
	}
}
