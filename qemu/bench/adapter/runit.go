package adapter

import "strings"

// runit as PID 1, one runsv for each service.
func runit() Init {
	return Init{
		Name: "runit", About: "runit: runit as PID 1, one runsv per service",
		Notes: "no dependencies of its own; declared = the customary 'sv start DEP' in run with a check script; runsv " +
			"waits 1 s after a life under 1 s",
		Packages: []string{"runit", "runit-init", "libc6"},
		Shell:    true,
		PowerOff: []string{"init", "0"},
		Build: func(r *Root, j Job) {
			r.Package("/usr/sbin/runit", "/usr/bin/runsvdir", "/usr/bin/runsv", "/usr/bin/sv", "/usr/sbin/runit-init")
			r.Symlink("/init", "usr/sbin/runit-init")
			r.Symlink("/usr/sbin/init", "runit-init")
			r.Applets("mount", "mkdir", "test")
			r.Script("/etc/runit/1", lines("#!/bin/sh", mounts, "mkdir -p /run/runit /run/bench"))
			r.Symlink("/etc/runit/stopit", "/run/runit/stopit")
			r.Symlink("/etc/runit/reboot", "/run/runit/reboot")
			r.Script("/etc/runit/2", "#!/bin/sh\nPATH=/usr/bin:/usr/sbin exec runsvdir -P /etc/service\n")
			r.Script("/etc/runit/3", "#!/bin/sh\nexec 2>/dev/null\nsv -w10 force-stop /etc/service/*\nsv exit /etc/service/*\n")
			// runsvdir starts in readdir's order, which here is the newest folder first.
			r.Script("/etc/service/zcollector/run", "#!/bin/sh\nexec "+strings.Join(j.Collector(), " ")+"\n")
			for _, s := range j.Services {
				wait := ""
				if j.Declared() {
					r.Script("/etc/service/"+s.Name+"/check", "#!/bin/sh\ntest -S /run/bench/"+s.Name+".sock\n")
					if len(s.Needs) > 0 {
						wait = "sv -w30 start " + strings.Join(s.Needs, " ") + " >/dev/null || exit 1"
					}
				}
				r.Script("/etc/service/"+s.Name+"/run", lines("#!/bin/sh", wait, "exec "+strings.Join(s.Command(), " ")))
			}
		},
	}
}
