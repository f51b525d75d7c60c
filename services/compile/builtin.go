package compile

import (
	"embed"
	"io/fs"
	"path"
	"slices"
	"strings"

	"clarityos/services/plan"
	"clarityos/services/unit"
)

// The targets every unit may refer to and the components, as unit files. A
// file of the same name in the root is used instead.
//
//go:embed units
var builtinUnits embed.FS

// builtinDir is what the paths of built-in units start with.
const builtinDir = "built-in/"

// builtin gives the units that ClarityOS brings: all targets that the root does
// not have, and the components that the system asks for, with the root's drop-ins.
func builtin(root fs.FS, have unit.Set, system plan.System) ([]unit.File, error) {
	var out []unit.File
	entries, err := builtinUnits.ReadDir("units")
	if err != nil {
		panic(err) // the folder is part of the program
	}
	for _, e := range entries {
		name := e.Name()
		_, linked := have.Aliases[name]
		named := func(f unit.File) bool { return f.Name == name }
		if linked || slices.ContainsFunc(have.Files, named) || !wanted(name, system) {
			continue
		}
		text, err := builtinUnits.ReadFile("units/" + name)
		if err != nil {
			panic(err)
		}
		f := unit.File{Name: name, Paths: []string{builtinDir + name}}
		f.Directives, f.Problems = unit.Parse(f.Paths[0], text)
		if err := f.AddDropIns(root); err != nil {
			return nil, err
		}
		out = append(out, f)
	}
	return out, nil
}

// wanted says whether a built-in unit belongs to the system. clarity-ROLE.service
// is the component ROLE; the console shell is there when the system has one.
func wanted(name string, system plan.System) bool {
	role, component := strings.CutPrefix(strings.TrimSuffix(name, path.Ext(name)), "clarity-")
	switch {
	case !component:
		return true
	case role == "console":
		return system.Console == "shell"
	}
	return slices.Contains(system.Components, role)
}

// Source gives the text of a file that a unit's Sources name, whether it lies
// in the root or is built in.
func Source(root fs.FS, name string) ([]byte, error) {
	if file, ok := strings.CutPrefix(name, builtinDir); ok {
		return builtinUnits.ReadFile("units/" + file)
	}
	return fs.ReadFile(root, strings.TrimPrefix(name, "/"))
}
