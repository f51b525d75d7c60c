package images

import (
	"errors"
	"fmt"
	"os"
	"path"
	"slices"

	"clarityos/images/modules"
)

// addModules adds the kernel modules of the common set and the definition's,
// with the indexes that depmod would make. It returns the paths in the image of
// those to load at boot, in load order.
func addModules(t *Tree, k Kernel, extra []string) (early []string, err error) {
	if k.ModulesDir == "" {
		if len(extra) > 0 {
			return nil, fmt.Errorf("modules: the definition asks for %s, but its kernel comes without modules; give kernel.modules", extra[0])
		}
		return nil, nil
	}
	tree, err := modules.OpenTree(os.DirFS(k.ModulesDir))
	if err != nil {
		return nil, err
	}
	boot, err := tree.Choose(modules.Early(), extra)
	var unknown *modules.UnknownError
	if errors.As(err, &unknown) {
		return nil, fmt.Errorf("modules: %w (release %s)", err, k.Release)
	}
	if err != nil {
		return nil, err
	}
	all, err := tree.Choose(append(modules.Early(), modules.Common()...), extra)
	if err != nil {
		return nil, err
	}
	dir := "/usr/lib/modules/" + k.Release
	for _, m := range all {
		t.note("module "+m.Name, whyModule(m, extra))
		if err := t.File("modules", RankOwn, path.Join(dir, m.Path), 0o644, m.ELF); err != nil {
			return nil, err
		}
	}
	for name, text := range map[string]string{"modules.dep": modules.Dep(all),
		"modules.alias": modules.Alias(all), "modules.softdep": modules.Softdep(all)} {
		if err := t.File("modules", RankOwn, path.Join(dir, name), 0o644, []byte(text)); err != nil {
			return nil, err
		}
	}
	for _, name := range []string{"modules.builtin", "modules.order"} {
		text, err := os.ReadFile(path.Join(k.ModulesDir, name))
		if err != nil {
			continue // not every kernel has them, and nothing depends on it
		}
		if err := t.File("modules", RankOwn, path.Join(dir, name), 0o644, text); err != nil {
			return nil, err
		}
	}
	for _, m := range boot {
		early = append(early, path.Join(dir, m.Path))
	}
	return early, nil
}

// whyModule says which list has a module, or which module depends on it.
func whyModule(m modules.Module, extra []string) string {
	has := func(list []string) bool {
		return slices.ContainsFunc(list, func(n string) bool { return modules.Canonical(n) == modules.Canonical(m.Name) })
	}
	switch {
	case has(extra):
		return "definition modules"
	case has(modules.Early()):
		return "default, loaded at boot"
	case m.For != "" && !has(modules.Common()):
		return "module " + m.For
	}
	return "default, loaded when it is asked for"
}
