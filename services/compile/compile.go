package compile

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"sort"
	"strings"

	"clarityos/services/plan"
	"clarityos/services/unit"
)

// Options say what the root alone does not.
type Options struct {
	ImageID   string          // the plan is bound to it; "" binds to nothing
	Default   string          // unit that boot starts; "": default.target, which is multi-user.target unless the root says otherwise
	Enable    []string        // units that the default target wants, besides those that .wants folders name
	Instances []string        // of templates, that are to be in the plan although no unit names them
	Machine   map[byte]string // what the specifiers of unit.Machine stand for; nil where no machine runs
	System    plan.System

	lenient bool // leave out what is to be enabled and does not exist
}

// Root compiles the units of a root. The error is about the root as a whole
// (it cannot be read, an enabled unit does not exist); what is wrong with one
// unit makes that unit Broken and is a finding.
func Root(root fs.FS, opts Options) (*plan.Plan, error) {
	c := &compiler{root: root, opts: opts, units: map[string]*plan.Unit{}}
	var err error
	if c.users, err = readUsers(root); err != nil {
		return nil, err
	}
	set, err := unit.Load(root)
	if err != nil {
		return nil, fmt.Errorf("read units: %w", err)
	}
	c.set = set
	c.values = specifiers(root, opts)
	c.alias = set.Aliases
	brought, err := builtin(root, set, opts.System)
	if err != nil {
		return nil, fmt.Errorf("read drop-ins of built-in units: %w", err)
	}
	files := slices.Concat(set.Files, brought)
	sort.Slice(files, func(i, j int) bool { return files[i].Name < files[j].Name })
	for _, f := range files {
		c.add(f)
	}
	for _, a := range c.also {
		if c.find(a.other) == nil {
			c.alias[a.other] = a.unit
		}
	}
	for _, l := range []map[string][]string{set.Wants, set.Requires} {
		for _, names := range l {
			c.named(names...)
		}
	}
	c.named(opts.Enable...)
	c.named(opts.Instances...)
	if err := c.instantiate(); err != nil {
		return nil, err
	}
	for _, m := range []struct {
		links map[string][]string
		into  func(*plan.Unit) *[]string
	}{{set.Wants, func(u *plan.Unit) *[]string { return &u.Wants }}, {set.Requires, func(u *plan.Unit) *[]string { return &u.Requires }}} {
		for owner, names := range m.links {
			if u := c.find(owner); u != nil {
				list := m.into(u)
				*list = append(*list, names...)
			}
		}
	}
	start := opts.Default
	if start == "" {
		start = "default.target"
	}
	target := c.find(start)
	if target == nil {
		return nil, fmt.Errorf("the unit that boot starts, %s, does not exist", start)
	}
	for _, name := range opts.Enable {
		if u := c.find(name); u == nil {
			if opts.lenient {
				continue
			}
			return nil, fmt.Errorf("unit %s is to be enabled, but no package or file brings it%s", name, c.nearest(name))
		}
		target.Wants = append(target.Wants, name)
	}
	opts.Instances = slices.DeleteFunc(slices.Clone(opts.Instances), func(name string) bool { return opts.lenient && c.find(name) == nil })
	for _, name := range opts.Instances {
		if c.find(name) == nil {
			return nil, fmt.Errorf("unit %s does not exist, and %s is no template of this system", name, unit.TemplateOf(name))
		}
	}
	c.link()
	c.markEnabled(target)
	c.breakCycles()

	p := &plan.Plan{Schema: plan.Schema, Image: opts.ImageID, Default: target.Name, Instances: opts.Instances, System: opts.System}
	for _, name := range c.names() {
		p.Units = append(p.Units, *c.units[name])
	}
	if p.Setup, err = c.setup(); err != nil {
		return nil, err
	}
	p.Findings = c.findings
	p.Sources = digest(files, set)
	return p, nil
}

type compiler struct {
	root     fs.FS
	opts     Options
	users    users
	units    map[string]*plan.Unit
	alias    map[string]string
	set      unit.Set
	values   map[byte]string // of specifiers
	wanted   []string        // names that may be those of instances
	inverse  []inverseEdge
	implied  []edge // a unit, and another that it needs if that exists
	also     []edge // Alias= lines: unit is also called other
	findings []plan.Finding
}

type edge struct{ unit, other string }

// inverseEdge is a line of unit that adds it to a relation of other, such as
// Before=.
type inverseEdge struct {
	unit, other string
	field       func(*plan.Relations) *[]string
}

func after(r *plan.Relations) *[]string { return &r.After }

func (c *compiler) names() []string {
	names := make([]string, 0, len(c.units))
	for n := range c.units {
		names = append(names, n)
	}
	sort.Strings(names)
	return names
}

func (c *compiler) find(name string) *plan.Unit {
	if to, ok := c.alias[name]; ok {
		name = to
	}
	return c.units[name]
}

func (c *compiler) finding(f plan.Finding) { c.findings = append(c.findings, f) }

// add compiles one file. Units of kinds that are not run yet are left out; a
// reference to one is a finding where it stands.
func (c *compiler) add(f unit.File) {
	if !runs(f.Name) || unit.IsTemplate(f.Name) {
		return
	}
	u := &plan.Unit{Name: f.Name, Sources: f.Paths}
	c.units[f.Name] = u
	if f.Masked {
		u.Broken = masked
		return
	}
	b := newBuilder(c, u, f)
	for _, p := range f.Problems {
		b.invalid(p.File, p.Line, p.Message)
	}
	for _, d := range f.Directives {
		b.directive(d)
	}
	b.finish()
	r := u.Relations
	c.named(slices.Concat(r.Wants, r.Requires, r.Requisite, r.BindsTo, r.Upholds, r.OnFailure, r.OnSuccess)...)
	if u.Socket != nil {
		c.named(u.Socket.Service)
	}
}

// runs says whether units of the name's kind are run at all yet.
func runs(name string) bool {
	return slices.Contains([]string{".service", ".socket", ".slice", ".target"}, path.Ext(name))
}

// named remembers names that may ask for an instance of a template.
func (c *compiler) named(names ...string) { c.wanted = append(c.wanted, names...) }

// instantiate makes the instances that units name, and those that these name.
func (c *compiler) instantiate() error {
	for len(c.wanted) > 0 {
		name := c.wanted[0]
		c.wanted = c.wanted[1:]
		if unit.TemplateOf(name) == "" || c.find(name) != nil {
			continue
		}
		f, ok, err := c.set.Instance(c.root, name)
		if err != nil {
			return err
		}
		if ok {
			c.add(f)
		}
	}
	return nil
}

// specifiers gives what the root's os-release and the definition say.
func specifiers(root fs.FS, opts Options) map[byte]string {
	values := maps.Clone(opts.Machine)
	if values == nil {
		values = map[byte]string{}
	}
	if name := opts.System.Hostname; name != "" && values['H'] == "" {
		values['H'] = name
		values['l'], _, _ = strings.Cut(name, ".")
	}
	text, err := fs.ReadFile(root, "usr/lib/os-release")
	if err != nil {
		text, _ = fs.ReadFile(root, "etc/os-release") // without one, the specifiers are empty
	}
	for letter, key := range map[byte]string{'o': "ID", 'w': "VERSION_ID", 'W': "VARIANT_ID", 'B': "BUILD_ID", 'A': "IMAGE_VERSION", 'M': "IMAGE_ID"} {
		values[letter] = ""
		for line := range strings.Lines(string(text)) {
			if v, ok := strings.CutPrefix(strings.TrimSpace(line), key+"="); ok {
				values[letter] = strings.Trim(v, `"'`)
			}
		}
	}
	return values
}

// masked is why a masked unit cannot be started.
const masked = "the unit is masked"

// nearest offers a unit whose name is close to one that does not exist.
func (c *compiler) nearest(name string) string {
	base := strings.TrimSuffix(name, path.Ext(name))
	for _, n := range c.names() {
		if strings.Contains(n, base) || strings.Contains(base, strings.TrimSuffix(n, path.Ext(n))) {
			return fmt.Sprintf("; did you mean %s?", n)
		}
	}
	return ""
}

// markEnabled marks what target pulls in, directly or not, by Wants= or Requires=.
func (c *compiler) markEnabled(u *plan.Unit) {
	if u.Enabled {
		return
	}
	u.Enabled = true
	for _, n := range slices.Concat(u.Wants, u.Requires, u.BindsTo, u.Upholds) {
		c.markEnabled(c.units[n])
	}
}

func digest(files []unit.File, set unit.Set) string {
	h := sha256.New()
	fmt.Fprintln(h, set.Aliases, set.Wants, set.Requires) // fmt sorts the keys of maps
	for _, f := range files {
		fmt.Fprintf(h, "%s %v\n", f.Name, f.Masked)
		for _, d := range f.Directives {
			fmt.Fprintf(h, "%s:%d [%s] %s=%s\n", d.File, d.Line, d.Section, d.Key, d.Value)
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}
