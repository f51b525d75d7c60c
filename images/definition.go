package images

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// Definition is what a clarity.toml says. The zero value of every key but the
// name is a working choice. Paths of sources are relative to the definition's
// folder, paths in the image are absolute.
type Definition struct {
	Name     string `toml:"name"`
	Arch     string `toml:"arch"`     // amd64 (default) or arm64
	Hostname string `toml:"hostname"` // default: the name
	Version  string `toml:"version"`  // such as 1.2.3, by which updates are told apart

	Kernel   KernelDef `toml:"kernel"`
	Suite    string    `toml:"suite"`    // Debian suite of the packages, default trixie
	Packages []string  `toml:"packages"` // Debian packages, with what they depend on
	Omit     []string  `toml:"omit"`     // packages to leave out although something depends on them
	Keep     []string  `toml:"keep"`     // packages to take although they are left out by default
	Exclude  []string  `toml:"exclude"`  // globs of packages' files that are left out
	From     []FromDef `toml:"from"`     // single files of further packages

	Base     string       `toml:"base"` // a root tree: folder or tar
	Commands []CommandDef `toml:"command"`
	Files    []FileDef    `toml:"file"`
	Links    []LinkDef    `toml:"link"`
	Dirs     []DirDef     `toml:"directory"`

	Units    []string    `toml:"units"` // enabled
	UnitDefs []UnitDef   `toml:"unit"`
	DropIns  []DropInDef `toml:"dropin"`
	Users    []UserDef   `toml:"user"`
	Groups   []GroupDef  `toml:"group"`

	Network    NetworkDef `toml:"network"`
	Cmdline    string     `toml:"cmdline"`
	Rescue     bool       `toml:"rescue"`     // a shell on the console when boot cannot go on
	Console    string     `toml:"console"`    // shell or none (default)
	Data       *DataDef   `toml:"data"`       // a data disk for /var
	Disk       DiskDef    `toml:"disk"`       // when it is written as a disk
	Update     *UpdateDef `toml:"update"`     // the machine takes later versions
	Modules    []string   `toml:"modules"`    // further kernel modules, loaded at boot
	Tools      string     `toml:"tools"`      // all (default); none: no clarityctl, and no shell and tools but those of packages
	Unenforced string     `toml:"unenforced"` // warn (default) or error
	Learn      bool       `toml:"learn"`      // the learning component sees what services do
	Goal       []string   `toml:"goal"`       // enabled units that the machine is there for: once it is known what they need, they are started first

	Forwards []Forward `toml:"forward"`
	Memory   int       `toml:"memory"` // MiB that QEMU gives it, default 512
	CPUs     int       `toml:"cpus"`   // default 2

	// Path is the definition's own file; Dir is its folder.
	Path string `toml:"-"`
	Dir  string `toml:"-"`
	// Implied are packages that it does not name, with what wants them.
	Implied map[string]string `toml:"-"`
}

// KernelDef names a kernel: a Debian suite and flavour, or files.
type KernelDef struct {
	Debian  string `toml:"debian"`  // bookworm, trixie or forky
	Flavour string `toml:"flavour"` // cloud (default) or generic
	Image   string `toml:"image"`   // a kernel file; then Modules is a
	Modules string `toml:"modules"` // folder lib/modules/RELEASE, or empty
}

// FromDef takes single files or folders out of a package and leaves the rest and
// its dependencies.
type FromDef struct {
	Package string   `toml:"package"`
	Files   []string `toml:"files"`
}

// CommandDef is a Go command, built statically for the image.
type CommandDef struct {
	Go   string `toml:"go"`   // ./folder or import path
	Path string `toml:"path"` // default /usr/bin/NAME
}

// FileDef is a file or, when Source is a folder, everything in it.
type FileDef struct {
	Path    string  `toml:"path"`
	Source  string  `toml:"source"`
	Content *string `toml:"content"`
	Mode    string  `toml:"mode"`  // octal; default: the source's, or 0644
	Owner   string  `toml:"owner"` // USER or USER:GROUP, default root:root
}

// LinkDef is a symbolic link.
type LinkDef struct {
	Path   string `toml:"path"`
	Target string `toml:"target"`
}

// DirDef is a folder.
type DirDef struct {
	Path  string `toml:"path"`
	Mode  string `toml:"mode"` // octal, default 0755
	Owner string `toml:"owner"`
	Group string `toml:"group"`
}

// UnitDef is a unit file of the definition's own, in /etc/systemd/system.
type UnitDef struct {
	Name    string `toml:"name"`
	Content string `toml:"content"`
	Source  string `toml:"source"`
	Enable  bool   `toml:"enable"`
}

// DropInDef is a file /etc/systemd/system/UNIT.d/NAME.
type DropInDef struct {
	Unit    string `toml:"unit"`
	Name    string `toml:"name"` // default clarity.conf
	Content string `toml:"content"`
	Source  string `toml:"source"`
}

// UserDef is a user. Without a uid one is drawn (system users from 999 down,
// others from 1000 up) and pinned in the lock.
type UserDef struct {
	Name           string   `toml:"name"`
	UID            *int     `toml:"uid"`
	Group          string   `toml:"group"` // default: one of the user's name
	Groups         []string `toml:"groups"`
	Home           string   `toml:"home"`
	Shell          string   `toml:"shell"`
	System         bool     `toml:"system"`
	AuthorizedKeys []string `toml:"authorized_keys"`
}

// GroupDef is a group; without a gid one is drawn and pinned.
type GroupDef struct {
	Name string `toml:"name"`
	GID  *int   `toml:"gid"`
}

// NetworkDef is how the first interface gets its address.
type NetworkDef struct {
	DHCP    bool     `toml:"dhcp"`
	Address string   `toml:"address"` // a.b.c.d/len
	Gateway string   `toml:"gateway"`
	DNS     []string `toml:"dns"`
}

// DataDef asks for a data disk.
type DataDef struct {
	Size string `toml:"size"` // e.g. 512M, 4G; default 1G
}

// DiskDef is how the image lies on a disk, and when a boot of a system that is new there is
// good.
type DiskDef struct {
	Firmware string   `toml:"firmware"` // uefi (default), u-boot or raspberrypi
	ESP      string   `toml:"esp"`      // size of the partition for the loader, default 512M
	Slot     string   `toml:"slot"`     // … of each root, default a quarter more than it takes
	Compress bool     `toml:"compress"` // its root, by LZ4; the kernel has to have CONFIG_EROFS_FS_ZIP, as Debian's do
	Healthy  []string `toml:"healthy"`  // units that have to be up and healthy, default all that are enabled
	For      string   `toml:"for"`      // … so long without a break, default 30s
	Within   string   `toml:"within"`   // … and no later after the kernel's start, default 5m
	Corrupt  string   `toml:"corrupt"`  // what follows when a good root turns out to be corrupt: continue (default) till the next boot, or restart
}

// UpdateDef says from where a machine takes later versions of the image, and what this one is
// to machines that run another one.
type UpdateDef struct {
	From      string   `toml:"from"`      // http(s)://, or the path of a repository or bundle; none: it is always named
	Channel   string   `toml:"channel"`   // default stable
	Root      string   `toml:"root"`      // file with the repository's root metadata, which the machine trusts
	Board     string   `toml:"board"`     // it runs on no other one
	Security  uint32   `toml:"security"`  // no machine goes back to a lower one
	Schema    uint32   `toml:"schema"`    // of the state on /var that it writes
	Reads     uint32   `toml:"reads"`     // … the lowest that it reads
	Migrates  []string `toml:"migrates"`  // paths below /var that its services bring from a lower schema to that: they are backed up before
	Requires  []string `toml:"requires"`  // of what runs before it, such as "kernel >= 6.1"
	Conflicts []string `toml:"conflicts"` // likewise, none of which may be there
	Notes     string   `toml:"notes"`     // for people

	Media        bool   `toml:"media"`        // what is plugged in is looked at, by itself
	Proxy        string `toml:"proxy"`        // URL of one; default as the updater's environment says
	Certificates string `toml:"certificates"` // file of the image with those that a server's has to descend from, PEM; default the system's
	Bandwidth    string `toml:"bandwidth"`    // bytes a second at most, such as 1M

	Policy        string `toml:"policy"`         // what becomes of a newer version by itself: manual (default), download, install or restart
	Every         string `toml:"every"`          // how often it is looked for, default 24h where there is a from; 0: never
	MinimumUptime string `toml:"minimum_uptime"` // before the machine restarts by itself
	CoolDown      string `toml:"cool_down"`      // between two such restarts
	PerDay        int    `toml:"per_day"`        // most of them in 24 hours; 0: any
}

// Override replaces single choices of a definition, as the command line does.
// Empty fields change nothing.
type Override struct {
	Overlays []string // definitions that are laid over it, in this order
	Arch     string
	Suite    string
	Kernel   string // debian:SUITE-FLAVOUR
}

// ReadDefinition reads, completes and checks the definition in path.
func ReadDefinition(path string, o Override) (*Definition, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("no image definition: %w; name one with -f", err)
	}
	if err != nil {
		return nil, fmt.Errorf("read image definition: %w", err)
	}
	d, err := parseDefinition(path, text)
	if err != nil {
		return nil, err
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("read image definition: %w", err)
	}
	for _, over := range o.Overlays {
		if err := d.overlay(over); err != nil {
			return nil, err
		}
	}
	d.Path, d.Dir = abs, filepath.Dir(abs)
	if err := d.apply(o); err != nil {
		return nil, err
	}
	d.complete()
	if err := d.check(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return d, nil
}

func parseDefinition(path string, text []byte) (*Definition, error) {
	d := &Definition{}
	err := toml.NewDecoder(strings.NewReader(string(text))).DisallowUnknownFields().Decode(d)
	var unknown *toml.StrictMissingError
	var wrong *toml.DecodeError
	switch {
	case errors.As(err, &unknown):
		var all []error
		for _, e := range unknown.Errors {
			line, column := e.Position()
			all = append(all, fmt.Errorf("%s:%d:%d: unknown key %q; known here: %s",
				path, line, column, strings.Join(e.Key(), "."), strings.Join(keysAt(e.Key()), ", ")))
		}
		return nil, errors.Join(all...)
	case errors.As(err, &wrong):
		line, column := wrong.Position()
		place := fmt.Sprintf("%s:%d:%d", path, line, column)
		if key := wrong.Key(); len(key) > 0 {
			place += ": " + strings.Join(key, ".")
		}
		return nil, fmt.Errorf("%s: %w", place, err)
	case err != nil:
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return d, nil
}

// keysAt lists the keys of the table that the unknown key stands in.
func keysAt(key []string) []string {
	t := reflect.TypeFor[Definition]()
	for _, k := range key[:len(key)-1] {
		if f, ok := fieldOf(t, k); ok {
			t = f
		}
	}
	var keys []string
	for i := range t.NumField() {
		if name := t.Field(i).Tag.Get("toml"); name != "-" && name != "" {
			keys = append(keys, name)
		}
	}
	return keys
}

func fieldOf(t reflect.Type, key string) (reflect.Type, bool) {
	for i := range t.NumField() {
		if t.Field(i).Tag.Get("toml") != key {
			continue
		}
		f := t.Field(i).Type
		for f.Kind() == reflect.Slice || f.Kind() == reflect.Pointer {
			f = f.Elem()
		}
		return f, f.Kind() == reflect.Struct
	}
	return nil, false
}
