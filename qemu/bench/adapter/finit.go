package adapter

import (
	"strings"

	"clarityos/qemu/bench/workload"
)

// finit as PID 1 with one finit.conf; without udev, keventd and watchdogd.
func finit() Init {
	return Init{
		Name: "finit", About: "finit: one finit.conf; no udev, keventd or watchdogd",
		Notes: "'respawn' set here (stock: restart only after 2 s); a fixed 1 s timer runs before the services of " +
			"runlevel 2 start, '-early' puts them in runlevel S as well; declared = notify:s6 and <service/DEP/ready>, where " +
			"a dependency that dies also stops its dependents; notify:systemd is of no use: it puts a descriptor number, " +
			"not a path, in NOTIFY_SOCKET",
		Packages: []string{"finit", "libite5t64", "libuev3t64", "libc6", "libcrypt1"},
		Shell:    true,
		PowerOff: []string{"initctl", "poweroff"}, CommandLine: "finit.status=off",
		Variants: map[string][]string{"flat": {workload.Undeclared, "undeclared-early"}},
		Build: func(r *Root, j Job) {
			r.Package("/usr/sbin/finit", "/usr/sbin/initctl")
			r.Symlink("/init", "usr/sbin/finit")
			r.Applets("mount", "umount", "swapon", "swapoff")
			r.Folder("/var/log", "/var/lib", "/var/cache", "/dev/pts", "/dev/shm", "/etc/finit.d")
			r.Write("/etc/fstab", "# none\n")
			r.Write("/etc/hostname", "bench\n")
			r.Write("/etc/finit.conf", finitConf(j))
		},
	}
}

func finitConf(j Job) string {
	levels, kind := "[2345]", "none"
	if strings.HasSuffix(j.Variant, "-early") {
		levels = "[S2345]"
	}
	var options []string
	if j.Declared() {
		kind, options = "s6", []string{"--notify-fd", "%n"} // %n becomes the descriptor's number
	}
	conf := []string{"runlevel 2", "readiness none"}
	service := func(name string, command, needs []string) {
		condition := ""
		if len(needs) > 0 {
			condition = "<!service/" + strings.Join(needs, "/ready,service/") + "/ready> "
		}
		conf = append(conf, "service "+levels+" name:"+name+" notify:"+kind+" respawn "+condition+strings.Join(command, " ")+" -- "+name)
	}
	service("collector", j.Collector(options...), nil)
	for _, s := range j.Services {
		service(s.Name, s.Command(options...), j.Needs(s))
	}
	return lines(conf...)
}
