package spawn

import (
	"fmt"

	"golang.org/x/sys/unix"

	"clarityos/services/plan"
)

func changeUser(p *plan.Process) error {
	if p.UID >= 0 || p.GID >= 0 {
		groups := make([]uint32, len(p.Groups))
		for i, g := range p.Groups {
			groups[i] = uint32(g)
		}
		if err := rawSetgroups(groups); err != nil {
			return fmt.Errorf("setgroups %v: %w", groups, err)
		}
		gid := max(p.GID, 0)
		if _, _, e := unix.RawSyscall(unix.SYS_SETRESGID, uintptr(gid), uintptr(gid), uintptr(gid)); e != 0 {
			return fmt.Errorf("setresgid %d: %w", gid, e)
		}
	}
	if p.UID > 0 {
		if len(p.Ambient) > 0 {
			if err := unix.Prctl(unix.PR_SET_KEEPCAPS, 1, 0, 0, 0); err != nil {
				return fmt.Errorf("keep capabilities: %w", err)
			}
		}
		if _, _, e := unix.RawSyscall(unix.SYS_SETRESUID, uintptr(p.UID), uintptr(p.UID), uintptr(p.UID)); e != 0 {
			return fmt.Errorf("setresuid %d: %w", p.UID, e)
		}
	}
	return confine(p)
}

// confine is what applies to a command whatever its user.
func confine(p *plan.Process) error {
	if err := raiseAmbient(p.Ambient); err != nil {
		return err
	}
	if p.NoNewPrivs {
		if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
			return fmt.Errorf("no_new_privs: %w", err)
		}
	}
	return nil
}

func raiseAmbient(caps []int) error {
	if len(caps) == 0 {
		return nil
	}
	hdr := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&hdr, &data[0]); err != nil {
		return fmt.Errorf("capget: %w", err)
	}
	for _, c := range caps {
		bit := uint32(1) << (c % 32)
		data[c/32].Inheritable |= bit
		data[c/32].Effective |= bit
	}
	if err := unix.Capset(&hdr, &data[0]); err != nil {
		return fmt.Errorf("capset: %w", err)
	}
	for _, c := range caps {
		if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_RAISE, uintptr(c), 0, 0); err != nil {
			return fmt.Errorf("raise ambient capability %d: %w", c, err)
		}
	}
	return nil
}
