package adapter

import (
	"strings"

	"clarityos/qemu/bench/workload"
)

// openrc is OpenRC's openrc-init as PID 1, the services under supervise-daemon.
func openrc() Init {
	graph := []string{workload.Declared, "declared-parallel", workload.Undeclared}
	return Init{
		Name: "openrc", About: "OpenRC: openrc-init as PID 1, services under supervise-daemon",
		Notes: "starts services one after another unless rc_parallel; declared = need, with ewaitfile on the socket in " +
			"start_post; no saved deptree",
		Packages: []string{"openrc", "librc1t64", "libeinfo1", "libc6", "libcap2", "libpam0g", "libaudit1", "libcap-ng0",
			"libselinux1", "libpcre2-8-0"},
		Shell:    true,
		PowerOff: []string{"openrc-shutdown", "-p", "now"}, CommandLine: "EINFO_QUIET=yes", // lands in its environment
		Variants: map[string][]string{"flat": {workload.Undeclared, "undeclared-parallel"}, "dag": graph, "chain": graph},
		Build: func(r *Root, j Job) {
			r.Package("/usr/sbin/openrc", "/usr/sbin/openrc-run", "/usr/sbin/openrc-init", "/usr/sbin/openrc-shutdown",
				"/usr/sbin/supervise-daemon", "/usr/sbin/rc-service", "/usr/lib/rc")
			r.Symlink("/init", "usr/sbin/openrc-init")
			r.Applets(strings.Fields(openrcApplets)...)
			r.Folder("/etc/runlevels/sysinit", "/etc/runlevels/boot", "/etc/runlevels/default",
				"/etc/runlevels/shutdown", "/etc/runlevels/nonetwork", "/etc/conf.d", "/var/log", "/etc/insserv.conf.d")
			r.Write("/etc/fstab", "# none\n")
			r.Write("/etc/group", "root:x:0:\nuucp:x:10:\n")
			r.Write("/etc/insserv.conf", "# none\n")
			parallel := "NO"
			if strings.HasSuffix(j.Variant, "-parallel") {
				parallel = "YES"
			}
			r.Write("/etc/rc.conf", `rc_parallel="`+parallel+`"`+"\nrc_logger=\"NO\"\n")
			r.Script("/etc/init.d/devfs", "#!/usr/sbin/openrc-run\ndepend() { keyword -prefix; }\nstart() { mount -t devtmpfs dev /dev; }\n")
			r.Symlink("/etc/runlevels/sysinit/devfs", "/etc/init.d/devfs")
			openrcService(r, "collector", j.Collector(), "keyword -prefix", false)
			for _, s := range j.Services {
				needs := append([]string{"need collector"}, j.Needs(s)...)
				openrcService(r, s.Name, s.Command(), strings.Join(needs, " "), j.Declared())
			}
		},
	}
}

// openrcApplets are what OpenRC's scripts call.
const openrcApplets = `mount umount md5sum grep mkdir sed test [ cat ls rm chmod chown touch readlink awk sleep cp mv dirname
	basename env id find uname tr sort true false printf echo halt poweroff reboot`

func openrcService(r *Root, name string, command []string, depend string, wait bool) {
	start := ""
	if wait {
		start = "start_post() { ewaitfile 30 /run/bench/" + name + ".sock; }"
	}
	r.Script("/etc/init.d/"+name, lines(
		"#!/usr/sbin/openrc-run",
		"supervisor=supervise-daemon",
		"command="+command[0],
		`command_args="`+strings.Join(command[1:], " ")+`"`,
		"pidfile=/run/"+name+".pid",
		"respawn_max=0",
		"depend() { "+depend+"; }",
		start))
	r.Symlink("/etc/runlevels/default/"+name, "/etc/init.d/"+name)
}
