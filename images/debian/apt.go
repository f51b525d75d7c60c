package debian

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"time"
)

// Apt is apt with a state folder of its own, for one suite and architecture.
// Concurrent use of one folder has to be locked by the caller.
type Apt struct {
	dir, suite, arch string
	sources          string // its sources.list
	ready            bool
}

// NewApt returns an Apt whose state lives in dir. Nothing is touched or fetched
// until it has to be.
func NewApt(dir, suite, arch string) *Apt {
	return &Apt{dir: dir, suite: suite, arch: arch}
}

// ErrGone is wrapped by the error of Fetch when the mirror no longer has a
// version.
var ErrGone = errors.New("the mirror no longer has it")

// Update fetches the suite's package lists and has apt verify them.
func (a *Apt) Update(ctx context.Context) error {
	if err := a.prepare(ctx); err != nil {
		return err
	}
	if _, err := a.run(ctx, a.dir, "apt-get", "update", "-qq", "--error-on=any"); err != nil {
		return fmt.Errorf("fetch the package lists of %s: %w", a.suite, err)
	}
	return os.WriteFile(a.mark(), []byte(a.sources), 0o644)
}

// mark is a file that says for which sources there are lists.
func (a *Apt) mark() string { return filepath.Join(a.dir, "updated") }

// prepare writes the private configuration, and fetches the lists if there are
// none.
func (a *Apt) prepare(ctx context.Context) error {
	if a.ready {
		return nil
	}
	h, err := hostSources(ctx)
	if err != nil {
		return err
	}
	for _, d := range []string{"lists/partial", "cache/archives/partial", "parts"} {
		if err := os.MkdirAll(filepath.Join(a.dir, d), 0o755); err != nil {
			return fmt.Errorf("prepare apt's folder: %w", err)
		}
	}
	a.sources = h.sourceList(a.suite)
	conf := strings.Join(append(h.acquire,
		`Dir::Etc::main "/dev/null";`,
		`Dir::Etc::parts "`+a.dir+`/parts";`,
		`Dir::Etc::sourcelist "`+a.dir+`/sources.list";`,
		`Dir::Etc::sourceparts "`+a.dir+`/parts";`,
		`Dir::Etc::preferences "/dev/null";`,
		`Dir::Etc::preferencesparts "`+a.dir+`/parts";`,
		`Dir::State "`+a.dir+`";`,
		`Dir::State::lists "`+a.dir+`/lists";`,
		`Dir::State::status "`+a.dir+`/status";`,
		`Dir::State::extended_states "`+a.dir+`/extended_states";`,
		`Dir::Cache "`+a.dir+`/cache";`,
		`Dir::Log "`+a.dir+`";`,
		`APT::Architecture "`+a.arch+`";`,
		`APT::Architectures { "`+a.arch+`"; };`,
		`APT::Sandbox::User "";`,
		`APT::Install-Recommends "false";`,
		`Acquire::Languages "none";`, ""), "\n")
	for name, text := range map[string]string{"conf": conf, "sources.list": a.sources, "status": ""} {
		if err := os.WriteFile(filepath.Join(a.dir, name), []byte(text), 0o644); err != nil {
			return fmt.Errorf("prepare apt's folder: %w", err)
		}
	}
	a.ready = true
	if lists, err := os.ReadFile(a.mark()); err != nil || string(lists) != a.sources {
		return a.Update(ctx)
	}
	return nil
}

// Resolve returns the packages that names need, themselves included, sorted by
// name; no recommended ones. Packages in omit count as installed: neither they
// nor what only they need is in the result. Unknown ones in omit are ignored.
func (a *Apt) Resolve(ctx context.Context, names, omit []string) ([]Package, error) {
	if err := a.prepare(ctx); err != nil {
		return nil, err
	}
	omitted, err := a.show(ctx, omit)
	if err != nil {
		return nil, err
	}
	var status strings.Builder
	for _, s := range omitted {
		if !slices.Contains(names, s.get("Package")) {
			status.WriteString(s.installed())
		}
	}
	if err := os.WriteFile(filepath.Join(a.dir, "status"), []byte(status.String()), 0o644); err != nil {
		return nil, fmt.Errorf("prepare apt's folder: %w", err)
	}
	plan, err := a.run(ctx, a.dir, "apt-get", append([]string{"install", "-s", "-qq", "-y", "--"}, names...)...)
	if err != nil {
		return nil, fmt.Errorf("resolve the packages %s in %s for %s: %w", strings.Join(names, " "), a.suite, a.arch, err)
	}
	return a.describe(ctx, parseInstalls(plan))
}

// Single returns the candidate version of each of names, without what they
// depend on.
func (a *Apt) Single(ctx context.Context, names []string) ([]Package, error) {
	if err := a.prepare(ctx); err != nil {
		return nil, err
	}
	return a.describe(ctx, names)
}

func (a *Apt) describe(ctx context.Context, ids []string) ([]Package, error) {
	stanzas, err := a.show(ctx, ids)
	if err != nil {
		return nil, err
	}
	var all []Package
	for _, s := range stanzas {
		all = append(all, packageOf(s))
	}
	for _, id := range ids {
		name, _, _ := strings.Cut(id, "=")
		if !slices.ContainsFunc(all, func(p Package) bool { return p.Name == name }) {
			return nil, fmt.Errorf("%s has no package %s for %s", a.suite, id, a.arch)
		}
	}
	sort.Slice(all, func(i, j int) bool { return all[i].Name < all[j].Name })
	return slices.CompactFunc(all, func(x, y Package) bool { return x.Name == y.Name }), nil
}

// show returns the index's paragraphs of the packages (name or name=version),
// one for each; unknown ones are missing in the result.
func (a *Apt) show(ctx context.Context, ids []string) ([]stanza, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	out, err := a.run(ctx, a.dir, "apt-cache", append([]string{"show", "--no-all-versions", "--"}, ids...)...)
	var exit *exec.ExitError
	if err != nil && !(errors.As(err, &exit) && exit.ExitCode() == 100) {
		return nil, fmt.Errorf("look up packages of %s: %w", a.suite, err)
	}
	var real []stanza
	for _, s := range parseStanzas(out) {
		if s.get("Filename") != "" {
			real = append(real, s)
		}
	}
	return real, nil
}

// Fetch downloads the packages into dir and has apt verify them; it returns
// the path of each. When a version is not in the package lists, the lists are
// fetched anew once; if it is not there either, the error wraps ErrGone and
// names the versions.
func (a *Apt) Fetch(ctx context.Context, packages []Package, dir string) (map[string]string, error) {
	if err := a.prepare(ctx); err != nil {
		return nil, err
	}
	ids := make([]string, len(packages))
	for i, p := range packages {
		ids[i] = p.ID()
	}
	download := func() error {
		_, err := a.run(ctx, dir, "apt-get", append([]string{"download", "-qq", "--"}, ids...)...)
		return err
	}
	if err := download(); err != nil {
		if uerr := a.Update(ctx); uerr != nil {
			return nil, errors.Join(fmt.Errorf("fetch packages: %w", err), uerr)
		}
		if gone := a.gone(ctx, packages); len(gone) > 0 {
			return nil, fmt.Errorf("fetch %s from %s: %w", strings.Join(gone, ", "), a.suite, ErrGone)
		}
		if err := download(); err != nil {
			return nil, fmt.Errorf("fetch packages: %w", err)
		}
	}
	paths := map[string]string{}
	for _, p := range packages {
		file := filepath.Join(dir, p.Name+"_"+strings.ReplaceAll(p.Version, ":", "%3a")+"_"+p.Arch+".deb")
		if _, err := os.Stat(file); err != nil {
			return nil, fmt.Errorf("fetch %s: apt reported success but left no %s", p.ID(), filepath.Base(file))
		}
		paths[p.Name] = file
	}
	return paths, nil
}

func (a *Apt) gone(ctx context.Context, packages []Package) []string {
	var gone []string
	for _, p := range packages {
		if s, err := a.show(ctx, []string{p.ID()}); err == nil && len(s) == 0 {
			gone = append(gone, p.ID())
		}
	}
	return gone
}

// run runs one of apt's programs with the private configuration and returns
// its output. The error carries what it said on stderr.
func (a *Apt) run(ctx context.Context, dir, name string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "APT_CONFIG="+filepath.Join(a.dir, "conf"), "LC_ALL=C")
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("%s %s: %w: %s", name, args[0], err, strings.TrimSpace(complaint.String()))
	}
	return out.String(), nil
}
