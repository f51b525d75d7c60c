package modules

import (
	"fmt"
	"slices"
	"strings"
)

// Dep is the text of modules.dep for the chosen modules: "path: dependency…",
// all of them, the one to load last first, as depmod writes it.
func Dep(chosen []Module) string {
	byName := map[string]Module{}
	for _, m := range chosen {
		byName[Canonical(m.Name)] = m
	}
	var b strings.Builder
	for _, m := range chosen {
		b.WriteString(m.Path + ":")
		for _, d := range allDepends(m, byName) {
			b.WriteString(" " + d)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// allDepends lists the paths of what m needs, nearest first.
func allDepends(m Module, byName map[string]Module) []string {
	var load []string // in load order
	var visit func(Module)
	visit = func(m Module) {
		for _, name := range m.Depends {
			d, ok := byName[name]
			if ok && !slices.Contains(load, d.Path) {
				visit(d)
				load = append(load, d.Path)
			}
		}
	}
	visit(m)
	slices.Reverse(load)
	return load
}

// Alias is the text of modules.alias for the chosen modules.
func Alias(chosen []Module) string {
	var b strings.Builder
	for _, m := range chosen {
		for _, a := range m.Aliases {
			fmt.Fprintf(&b, "alias %s %s\n", a, m.Name)
		}
	}
	return b.String()
}

// Softdep is the text of modules.softdep for the chosen modules.
func Softdep(chosen []Module) string {
	var b strings.Builder
	for _, m := range chosen {
		if len(m.SoftPre) > 0 {
			fmt.Fprintf(&b, "softdep %s pre: %s\n", m.Name, strings.Join(m.SoftPre, " "))
		}
	}
	return b.String()
}
