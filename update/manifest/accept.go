package manifest

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"
)

// Machine is what counts of a machine that is to take a release.
type Machine struct {
	Name       string
	Arch       string
	Board      string
	Version    string            // of the image that runs; "" where it has none
	Security   uint32            // the highest of what was good here
	Components map[string]string // versions of what runs, KernelName among it
	Schema     uint32            // of the state on /var
	Root       int64             // size of the slot's partition, in bytes
	Tree       int64             // likewise, of the hash tree's
	Refused    map[string]string // versions that were tried here and left, and why
}

// Reason is why a machine does not take a release.
type Reason string

// The reasons.
const (
	WrongName     Reason = "name"
	WrongArch     Reason = "architecture"
	WrongBoard    Reason = "board"
	WrongKernel   Reason = "kernel"
	RolledBack    Reason = "security"
	Missing       Reason = "requirement"
	Conflict      Reason = "conflict"
	WrongState    Reason = "state"
	SlotTooSmall  Reason = "slot"
	FailedBefore  Reason = "failed"
	OlderVersion  Reason = "version"
	SameAsRunning Reason = "same"
)

// Refusal is the error of Accept.
type Refusal struct {
	Reason Reason
	Text   string
}

func (r *Refusal) Error() string { return r.Text }

func refuse(r Reason, format string, args ...any) error {
	return &Refusal{r, fmt.Sprintf(format, args...)}
}

// Force says which refusals a person has overruled; none of them is about safety.
type Force struct {
	Older bool // an older version, or the same
	Again bool // one that was left before
}

// Accept says whether a machine can take a release: nil, or a *Refusal with the first reason
// why it cannot.
func (m *Manifest) Accept(on Machine, force Force) error {
	what := m.Name + " " + m.Version
	switch {
	case m.Name != on.Name:
		return refuse(WrongName, "%s is not for this machine, which runs %s", what, on.Name)
	case m.Arch != on.Arch:
		return refuse(WrongArch, "%s is for %s, and this machine is %s", what, m.Arch, on.Arch)
	case m.Board != "" && m.Board != on.Board:
		return refuse(WrongBoard, "%s is for the board %s, and this one is %s", what, m.Board, boardName(on.Board))
	case m.Security < on.Security:
		return refuse(RolledBack, "%s has security version %d, and this machine has had %d: what was mended since would be open again", what, m.Security, on.Security)
	case on.Schema < m.State.From || on.Schema > m.State.To:
		return refuse(WrongState, "%s reads state of schema %d to %d, and what is on /var has %d", what, m.State.From, m.State.To, on.Schema)
	case m.Root.Size > on.Root:
		return refuse(SlotTooSmall, "%s takes a root slot of %d KiB, and there are %d", what, (m.Root.Size+1023)>>10, on.Root>>10)
	case m.Tree.Size > on.Tree:
		return refuse(SlotTooSmall, "%s takes %d KiB for its hash tree, and there are %d", what, (m.Tree.Size+1023)>>10, on.Tree>>10)
	}
	if err := m.age(on, force); err != nil {
		return err
	}
	if why, failed := on.Refused[m.Version]; failed && !force.Again {
		return refuse(FailedBefore, "%s was tried on this machine and left: %s; --again tries it once more", what, why)
	}
	return m.needs(on)
}

func boardName(b string) string {
	if b == "" {
		return "not named"
	}
	return b
}

// age compares versions.
func (m *Manifest) age(on Machine, force Force) error {
	runs, err := semver.StrictNewVersion(on.Version)
	if err != nil || force.Older {
		return nil
	}
	switch semver.MustParse(m.Version).Compare(runs) {
	case 0:
		return refuse(SameAsRunning, "%s %s runs already; --older writes it once more", m.Name, m.Version)
	case -1:
		return refuse(OlderVersion, "%s %s is older than %s, which runs; --older takes it all the same", m.Name, m.Version, on.Version)
	}
	return nil
}

// needs checks what components require and conflict with.
func (m *Manifest) needs(on Machine) error {
	for _, c := range m.Components {
		for _, r := range c.Requires {
			has, there := on.Components[r.Name]
			ok, err := r.holds(has)
			if err != nil {
				return err
			}
			if !there || !ok {
				reason := Missing
				if r.Name == KernelName {
					reason = WrongKernel
				}
				if !there {
					has = "none"
				}
				return refuse(reason, "%s %s needs %s %s to run when it is installed, and there is %s", c.Name, c.Version, r.Name, r.Range, has)
			}
		}
		for _, r := range c.Conflicts {
			has, there := on.Components[r.Name]
			ok, err := r.holds(has)
			if err != nil {
				return err
			}
			if there && ok {
				return refuse(Conflict, "%s %s conflicts with %s %s, and %s runs", c.Name, c.Version, r.Name, r.Range, has)
			}
		}
	}
	return nil
}

// holds says whether a version is in the range; one that is no version is in none. What stands
// behind the numbers of a kernel's or a package's version does not count.
func (r Requirement) holds(version string) (bool, error) {
	c, err := r.constraint()
	if err != nil {
		return false, err
	}
	v, err := semver.NewVersion(numbers(version))
	return err == nil && c.Check(v), nil
}

// numbers gives what a version begins with: up to three numbers.
func numbers(version string) string {
	if _, err := semver.StrictNewVersion(version); err == nil {
		return version
	}
	if _, after, epoch := strings.Cut(version, ":"); epoch {
		version = after
	}
	end := strings.IndexFunc(version, func(r rune) bool { return r != '.' && (r < '0' || r > '9') })
	if end >= 0 {
		version = version[:end]
	}
	parts := strings.Split(strings.Trim(version, "."), ".")
	for i, p := range parts {
		parts[i] = strings.TrimLeft(p, "0")
		if parts[i] == "" {
			parts[i] = "0"
		}
	}
	return strings.Join(parts[:min(len(parts), 3)], ".")
}

// Versions gives the components of a release, as a Machine that runs it has them.
func (m *Manifest) Versions() map[string]string {
	out := map[string]string{m.Name: m.Version, KernelName: m.Kernel}
	for _, c := range m.Components {
		out[c.Name] = c.Version
	}
	return out
}

// Newer gives the versions in names that are newer than one, the newest first; what is no
// version is left out.
func Newer(names []string, than string) []string {
	base, err := semver.StrictNewVersion(than)
	all := map[*semver.Version]string{}
	for _, n := range names {
		if v, wrong := semver.StrictNewVersion(n); wrong == nil && (err != nil || v.GreaterThan(base)) {
			all[v] = n
		}
	}
	sorted := slices.SortedFunc(maps.Keys(all), func(a, b *semver.Version) int { return b.Compare(a) })
	out := make([]string, len(sorted))
	for i, v := range sorted {
		out[i] = all[v]
	}
	return out
}
