package adapter

import "strings"

// systemd as PID 1 with few units; without journald, udevd and D-Bus.
func systemd() Init {
	const units = "/usr/lib/systemd/system/"
	return Init{
		Name: "systemd", About: "systemd: a minimal set of units; no journald, udevd or dbus",
		Notes: "RestartSec=0 set here (stock default: a fixed 100 ms); Type=notify + Wants/After when declared, " +
			"Type=simple otherwise",
		Packages: []string{"systemd", "libsystemd-shared", "libsystemd0", "libc6", "libacl1", "libapparmor1", "libaudit1",
			"libblkid1", "libcap2", "libcap-ng0", "libcrypt1", "libgcc-s1", "libkmod2", "libmount1", "libpam0g",
			"libpcre2-8-0", "libseccomp2", "libselinux1", "libssl3t64", "zlib1g", "libzstd1", "liblzma5", "liblz4-1"},
		PowerOff: []string{"systemctl", "poweroff"}, CommandLine: "systemd.show_status=0 systemd.log_target=null",
		Build: func(r *Root, j Job) {
			r.Package("/usr/lib/systemd/systemd", "/usr/lib/systemd/systemd-executor", "/usr/lib/systemd/systemd-shutdown",
				"/usr/bin/systemctl")
			r.Symlink("/init", "usr/lib/systemd/systemd")
			r.Package(units+"basic.target", units+"sysinit.target", units+"shutdown.target", units+"umount.target",
				units+"final.target", units+"poweroff.target", units+"systemd-poweroff.service")
			r.Write("/etc/os-release", "ID=bench\nNAME=bench\n")
			r.Write("/etc/machine-id", "0123456789abcdef0123456789abcdef\n")
			r.Write("/etc/systemd/system.conf", "[Manager]\nDefaultStandardOutput=null\nDefaultTasksMax=infinity\nDefaultRestartSec=0\n")
			systemdUnits(r, j, unitLines{target: "AllowIsolate=yes"})
		},
	}
}

// unitLines are lines that the units of one init have and those of another do
// not, by their section; target is for the default target.
type unitLines struct{ unit, service, target string }

// systemdUnits writes the units of a job.
func systemdUnits(r *Root, j Job, more unitLines) {
	kind := "simple"
	if j.Declared() {
		kind = "notify"
	}
	var names []string
	unit := func(name string, command, after, wants []string) {
		r.Write("/etc/systemd/system/"+name+".service", lines(
			"[Unit]",
			list("After=", after),
			list("Wants=", wants),
			more.unit,
			"[Service]",
			"Type="+kind,
			"ExecStart="+strings.Join(command, " "),
			"Restart=always",
			more.service))
		names = append(names, name+".service")
	}
	unit("collector", j.Collector(), nil, nil)
	for _, s := range j.Services {
		var needs []string
		for _, n := range j.Needs(s) {
			needs = append(needs, n+".service")
		}
		unit(s.Name, s.Command(), append([]string{"collector.service"}, needs...), needs)
	}
	r.Write("/etc/systemd/system/default.target", lines("[Unit]", "Requires=basic.target", "After=basic.target", list("Wants=", names), more.target))
}

// list is a line of a unit file, none for no values.
func list(key string, values []string) string {
	if len(values) == 0 {
		return ""
	}
	return key + strings.Join(values, " ")
}
