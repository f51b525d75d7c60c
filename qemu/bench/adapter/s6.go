package adapter

import "strings"

// s6 is s6-svscan as PID 1, one s6-supervise for each service.
func s6() Init {
	return Init{
		Name: "s6", About: "s6: s6-svscan as PID 1, one s6-supervise per service (no s6-rc in Debian)",
		Notes: "s6-rc is not in Debian; declared = s6-svwait -U on the dependencies in run; every service has a " +
			"notification fd, because s6-supervise waits 1 s before it restarts one that never announced readiness",
		Packages: []string{"s6", "libs6-2.13", "libskarnet2.14t64", "execline", "libexecline2.9", "libc6"},
		Shell:    true,
		PowerOff: []string{"s6-svscanctl", "-t", "/run/service"},
		Build: func(r *Root, j Job) {
			r.Package("/usr/bin/s6-svscan", "/usr/bin/s6-supervise", "/usr/bin/s6-svscanctl", "/usr/bin/s6-svwait",
				"/usr/bin/s6-ftrigrd", "/usr/lib/execline/bin/execlineb")
			r.Applets("mount", "cp", "mkdir", "poweroff")
			// Stage 1 is a shell script that turns into s6-svscan.
			r.Script("/init", lines("#!/bin/sh", mounts,
				"mkdir -p /run/bench",
				"cp -a /etc/s6 /run/service",
				"export PATH=/usr/bin:/usr/sbin:/usr/lib/execline/bin",
				"exec s6-svscan /run/service </dev/null"))
			r.Script("/etc/s6/.s6-svscan/finish", "#!/bin/sh\nexec poweroff -f\n")
			s6Service(r, "0collector", j.Collector("--notify-fd", "3"), nil)
			for _, s := range j.Services {
				s6Service(r, s.Name, s.Command("--notify-fd", "3"), j.Needs(s))
			}
		},
	}
}

func s6Service(r *Root, name string, command, needs []string) {
	run := "#!/usr/lib/execline/bin/execlineb -P\n" + strings.Join(command, " ") + "\n"
	if len(needs) > 0 {
		// s6-svwait fails while a dependency has no supervisor yet, which
		// s6-svscan is just starting: ask again.
		run = lines("#!/bin/sh",
			"until s6-svwait -U /run/service/"+strings.Join(needs, " /run/service/")+" 2>/dev/null",
			"do busybox usleep 20000; done",
			"exec "+strings.Join(command, " "))
	}
	r.Script("/etc/s6/"+name+"/run", run)
	r.Write("/etc/s6/"+name+"/notification-fd", "3\n")
}
