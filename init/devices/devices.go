package devices

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/u-root/u-root/pkg/kmodule"
	"golang.org/x/sys/unix"

	"clarityos/services/sdnotify"
)

// Run loads modules in order, says that it is ready after the first scan, and
// follows the kernel's events until ctx ends. Modules that cannot be loaded are
// told with report; the machine may do without them. Changed is called with each
// event about a device.
func Run(ctx context.Context, modules []string, report func(string), changed func(Event)) error {
	events, err := listen() // before the scan, so that nothing falls between
	if err != nil {
		return err
	}
	defer events.Close()
	for _, m := range modules {
		if err := loadFile(m); err != nil {
			report(fmt.Sprintf("module %s: %v", m, err))
		}
	}
	l := scanned(nil, report)
	l.changed = changed
	l.watchdog()
	if err := sdnotify.Send("READY=1"); err != nil {
		return err
	}
	return l.follow(ctx, events)
}

// Load loads modules by their names, each with its parameters behind it, and those for the
// devices that there are; again does the latter for those that have come since.
func Load(modules []string, report func(string)) (again func()) { return scanned(modules, report).scan }

func scanned(modules []string, report func(string)) *loader {
	l, err := newLoader(report)
	if err != nil {
		report(err.Error())
	}
	for _, m := range modules {
		if l.prober == nil {
			break // they are built in, or the kernel says what it lacks
		}
		name, parameters, _ := strings.Cut(m, " ")
		if err := l.prober.Probe(name, parameters); err != nil {
			report(fmt.Sprintf("module %s: %v", m, err))
		}
	}
	l.scan()
	return l
}

func loadFile(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := kmodule.FileInit(f, "", 0); err != nil && !errors.Is(err, unix.EEXIST) {
		return err
	}
	return nil
}

// loader loads modules by alias.
type loader struct {
	aliases aliases
	prober  *kmodule.Prober
	tried   map[string]bool // module names: loaded, or not loadable
	report  func(string)
	changed func(Event)
}

func newLoader(report func(string)) (*loader, error) {
	l := &loader{tried: map[string]bool{}, report: report}
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return l, fmt.Errorf("uname: %w", err)
	}
	dir := "/usr/lib/modules/" + unix.ByteSliceToString(u.Release[:])
	text, err := os.ReadFile(dir + "/modules.alias")
	if errors.Is(err, fs.ErrNotExist) {
		return l, nil // a kernel with everything built in
	}
	if err != nil {
		return l, err
	}
	l.aliases = parseAliases(string(text))
	l.prober, err = kmodule.NewProber(kmodule.ProbeOpts{})
	if err != nil {
		return l, fmt.Errorf("modules of %s: %w", dir, err)
	}
	return l, nil
}

// load loads the modules for one alias.
func (l *loader) load(alias string) {
	for _, name := range l.aliases.modules(alias) {
		if l.tried[name] || l.prober == nil {
			continue
		}
		l.tried[name] = true
		if err := l.prober.Probe(name, ""); err != nil {
			l.report(fmt.Sprintf("module %s for %s: %v", name, alias, err))
		}
	}
}

// scan goes over every device that there is, until no new module turns up: a
// module may bring devices of its own.
func (l *loader) scan() {
	for before := -1; before != len(l.tried); {
		before = len(l.tried)
		_ = filepath.WalkDir("/sys/devices", func(p string, d fs.DirEntry, err error) error {
			switch {
			case err != nil:
			case d.Name() == "modalias":
				if b, err := os.ReadFile(p); err == nil {
					l.load(strings.TrimSpace(string(b)))
				}
			case d.Name() == "uevent" && strings.Contains(p, "/mmc_host/"): // cards have no other file that tells
				if b, err := os.ReadFile(p); err == nil {
					_, alias, _ := strings.Cut("\n"+string(b), "\nMODALIAS=")
					alias, _, _ = strings.Cut(alias, "\n")
					l.load(alias)
				}
			}
			return nil // devices come and go while we look
		})
	}
	link()
}

// watchdog loads the kernel's own watchdog where the machine has none. It comes
// last, since PID 1 takes the first one.
func (l *loader) watchdog() {
	if _, err := os.Stat("/dev/watchdog"); err == nil || l.prober == nil {
		return
	}
	if err := l.prober.Probe("softdog", ""); err != nil {
		l.report(fmt.Sprintf("no watchdog of the machine, and none of the kernel's: %v", err))
		return
	}
	l.report("no watchdog of the machine: the kernel's own stands in")
}

// link gives virtio ports the names that their hosts gave them.
func link() {
	names, _ := filepath.Glob("/sys/class/virtio-ports/*/name")
	for _, n := range names {
		b, err := os.ReadFile(n)
		name := strings.TrimSpace(string(b))
		if err != nil || name == "" || strings.ContainsAny(name, "/") {
			continue
		}
		_ = os.MkdirAll("/dev/virtio-ports", 0o755)
		_ = os.Symlink("../"+filepath.Base(filepath.Dir(n)), "/dev/virtio-ports/"+name) // it may be there
	}
}
