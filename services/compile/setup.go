package compile

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"sort"
	"strings"

	"clarityos/services/plan"
	"clarityos/services/unit"
)

// setup compiles tmpfiles.d and sysctl.d. Lines that make no sense are
// findings; the others hold.
func (c *compiler) setup() (plan.Setup, error) {
	var s plan.Setup
	err := c.configLines("tmpfiles.d", func(file string, line int, text string) {
		if text[0] == 'x' || text[0] == 'X' {
			return // they only keep things from being cleaned up, which nothing does here
		}
		rule, err := c.fileRule(text)
		if err != nil {
			c.finding(plan.Finding{File: file, Line: line, Kind: plan.Unenforced, Message: err.Error()})
			return
		}
		rule.Source = fmt.Sprintf("%s:%d", file, line)
		s.Files = append(s.Files, rule)
	})
	if err != nil {
		return s, err
	}
	// A folder is made before what lies in it, whatever file names it.
	sort.SliceStable(s.Files, func(i, j int) bool { return s.Files[i].Path < s.Files[j].Path })
	err = c.configLines("sysctl.d", func(file string, line int, text string) {
		key, value, ok := strings.Cut(text, "=")
		key, optional := strings.CutPrefix(strings.TrimSpace(key), "-")
		if !ok {
			c.finding(plan.Finding{File: file, Line: line, Kind: plan.Invalid, Message: fmt.Sprintf("%q is no KEY=value", text)})
			return
		}
		s.Sysctl = append(s.Sysctl, plan.Sysctl{Key: sysctlPath(key), Value: strings.TrimSpace(value), Optional: optional})
	})
	return s, err
}

// sysctlPath turns net.ipv4.ip_forward into a path; the separator is whichever
// of dot and slash comes first, as in sysctl.d(5).
func sysctlPath(key string) string {
	if i := strings.IndexAny(key, "./"); i >= 0 && key[i] == '.' {
		key = strings.NewReplacer(".", "/", "/", ".").Replace(key)
	}
	return key
}

// configLines hands over every line of DIR/*.conf that is not empty and no
// comment. Of two files of one name the one in /etc counts, then /run's.
func (c *compiler) configLines(dir string, line func(file string, n int, text string)) error {
	at := map[string]string{}
	for _, base := range []string{"etc/", "run/", "usr/local/lib/", "usr/lib/"} {
		entries, err := fs.ReadDir(c.root, base+dir)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		for _, e := range entries {
			if strings.HasSuffix(e.Name(), ".conf") && at[e.Name()] == "" {
				at[e.Name()] = base + dir + "/" + e.Name()
			}
		}
	}
	names := make([]string, 0, len(at))
	for n := range at {
		names = append(names, n)
	}
	sort.Strings(names)
	for _, n := range names {
		text, err := fs.ReadFile(c.root, at[n])
		if err != nil {
			return err
		}
		for i, l := range strings.Split(string(text), "\n") {
			if l = strings.TrimSpace(l); l != "" && l[0] != '#' && l[0] != ';' {
				line("/"+at[n], i+1, l)
			}
		}
	}
	return nil
}

// fileRule reads one line of tmpfiles.d(5).
func (c *compiler) fileRule(line string) (plan.FileRule, error) {
	var r plan.FileRule
	words, err := unit.Words(line)
	if err != nil {
		return r, err
	}
	if len(words) < 2 {
		return r, fmt.Errorf("%q has no path", line)
	}
	kind := strings.TrimRight(words[0], "+!-=~^$")
	force := strings.Contains(words[0], "+")
	switch kind {
	case "f", "w", "L", "p":
		r.Type = kind
		if force {
			r.Type += "+"
		}
	case "F":
		r.Type = "f+"
	case "d", "D", "e", "C", "z", "Z", "r", "R":
		r.Type = kind
	case "v", "q", "Q":
		r.Type = "d" // subvolumes of btrfs; a plain folder elsewhere
	default:
		return r, fmt.Errorf("tmpfiles.d line type %q is not applied", words[0])
	}
	at := unit.Context{Name: "systemd-tmpfiles-setup.service", Values: c.values}
	if r.Path, err = at.Expand(words[1], false); err != nil {
		return r, err
	}
	if !path.IsAbs(r.Path) {
		return r, fmt.Errorf("%q is not an absolute path", r.Path)
	}
	if rest, ok := strings.CutPrefix(r.Path, "/var/run/"); ok {
		r.Path = "/run/" + rest
	}
	column := func(i int) string {
		if i < len(words) && words[i] != "-" {
			return words[i]
		}
		return ""
	}
	if m := strings.TrimLeft(column(2), "~:"); m != "" {
		if r.Mode, err = unit.Mode(m); err != nil {
			return r, err
		}
		r.ModeSet = true
	}
	r.UID, r.GID = -1, -1
	if name := strings.TrimLeft(column(3), ":"); name != "" {
		a, err := c.users.user(name)
		if err != nil {
			return r, err
		}
		r.UID = a.uid
	}
	if name := strings.TrimLeft(column(4), ":"); name != "" {
		if r.GID, err = c.users.group(name); err != nil {
			return r, err
		}
	}
	if len(words) > 6 {
		r.Argument, err = at.Expand(strings.Join(words[6:], " "), false)
	}
	return r, err
}
