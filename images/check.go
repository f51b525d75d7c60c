package images

import (
	"errors"
	"fmt"
	"net/netip"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

var (
	nameRule    = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,62}$`)
	userRule    = regexp.MustCompile(`^[a-z_][a-z0-9_-]{0,31}$`)
	packageRule = regexp.MustCompile(`^[a-z0-9][a-z0-9+.-]+$`)
	unitRule    = regexp.MustCompile(`^[A-Za-z0-9:_.\\@-]+\.(service|target|socket|slice|timer|path|mount)$`)
)

// apply puts the command line's choices over the file's.
func (d *Definition) apply(o Override) error {
	if o.Arch != "" {
		d.Arch = o.Arch
	}
	if o.Suite != "" {
		d.Suite = o.Suite
	}
	if o.Kernel != "" {
		spec, err := ParseKernelSpec(o.Kernel)
		if err != nil {
			return err
		}
		d.Kernel = KernelDef{Debian: spec.Suite, Flavour: spec.Flavour}
	}
	return nil
}

// locale is the one that services run in, see init/spawn. Its package is
// essential in Debian, so that no other one depends on it.
var locale = FromDef{Package: "libc-bin", Files: []string{"/usr/lib/locale/C.utf8"}}

// diskTools has mke2fs, e2fsck and resize2fs, by which the data disk is prepared.
const diskTools = "e2fsprogs"

// complete fills in what the definition leaves open.
func (d *Definition) complete() {
	set := func(s *string, v string) {
		if *s == "" {
			*s = v
		}
	}
	set(&d.Arch, "amd64")
	set(&d.Suite, "trixie")
	set(&d.Hostname, d.Name)
	set(&d.Console, "none")
	set(&d.Tools, "all")
	set(&d.Unenforced, "warn")
	d.Implied = map[string]string{}
	if d.Data != nil && !slices.Contains(d.Packages, diskTools) && !slices.ContainsFunc(d.From, func(f FromDef) bool { return f.Package == diskTools }) {
		d.Packages = append(d.Packages, diskTools)
		d.Implied[diskTools] = "default, for [data]"
	}
	if len(d.Packages) > 0 && !slices.Contains(d.Packages, locale.Package) {
		d.From = append(d.From, locale)
		d.Implied[locale.Package] = "default, the locale of services"
	}
	if d.Kernel.Image == "" {
		set(&d.Kernel.Debian, d.Suite)
		set(&d.Kernel.Flavour, "cloud")
	}
	set(&d.Disk.For, "30s")
	set(&d.Disk.Within, "5m")
	set(&d.Disk.Corrupt, "continue")
	set(&d.Disk.Firmware, UEFI)
	if d.Memory == 0 {
		d.Memory = 512
	}
	if d.CPUs == 0 {
		d.CPUs = 2
	}
	if d.Data != nil {
		set(&d.Data.Size, "1G")
	}
	for i := range d.Commands {
		c := &d.Commands[i]
		set(&c.Path, "/usr/bin/"+path.Base(c.Go))
	}
	for i := range d.DropIns {
		set(&d.DropIns[i].Name, "clarity.conf")
	}
	for i := range d.Users {
		u := &d.Users[i]
		set(&u.Group, u.Name)
		if u.System {
			set(&u.Home, "/nonexistent")
			set(&u.Shell, "/usr/sbin/nologin")
		}
		set(&u.Home, "/home/"+u.Name)
		set(&u.Shell, "/bin/sh")
	}
	for _, u := range d.UnitDefs {
		if u.Enable {
			d.Units = append(d.Units, u.Name)
		}
	}
}

// check reports everything that is wrong with the definition at once. Each
// error names the key, the cause and what would be right.
func (d *Definition) check() error {
	var errs []error
	bad := func(place, format string, args ...any) {
		errs = append(errs, fmt.Errorf("%s: %s", place, fmt.Sprintf(format, args...)))
	}
	oneOf := func(place, value string, known ...string) {
		for _, k := range known {
			if value == k {
				return
			}
		}
		bad(place, "%q is not known; use one of %s", value, strings.Join(known, ", "))
	}
	rule := func(place, value string, r *regexp.Regexp) {
		if !r.MatchString(value) {
			bad(place, "%q does not match %s", value, r)
		}
	}
	absolute := func(place, p string) {
		if !path.IsAbs(p) || path.Clean(p) != strings.TrimSuffix(p, "/") {
			bad(place, "%q is not a clean absolute path of the image", p)
		}
	}
	mode := func(place, m string) {
		if _, err := parseMode(m, 0); err != nil {
			bad(place, "%v", err)
		}
	}
	oneSource := func(place, content, source string) {
		if (content == "") == (source == "") {
			bad(place, "give either content or source")
		}
	}

	rule("name", d.Name, nameRule)
	rule("hostname", d.Hostname, regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9-]{0,63}$`))
	oneOf("arch", d.Arch, "amd64", "arm64")
	oneOf("suite", d.Suite, suites...)
	oneOf("console", d.Console, "shell", "none")
	oneOf("tools", d.Tools, "all", "none")
	if d.Tools == "none" && (d.Rescue || d.Console == "shell") {
		bad("tools", "none leaves out the shell that rescue and console want; drop one of them")
	}
	if err := d.checkUpdate(); err != nil {
		errs = append(errs, err)
	}
	oneOf("unenforced", d.Unenforced, "warn", "error")
	switch {
	case d.Kernel.Image != "" && d.Kernel.Debian != "":
		bad("kernel", "debian and image exclude each other; keep one")
	case d.Kernel.Image == "":
		oneOf("kernel.debian", d.Kernel.Debian, suites...)
		oneOf("kernel.flavour", d.Kernel.Flavour, flavours...)
		if d.Kernel.Modules != "" {
			bad("kernel.modules", "goes with kernel.image; a Debian kernel brings its own")
		}
	}
	for _, p := range d.Packages {
		rule("packages", p, packageRule)
	}
	for i, f := range d.From {
		place := fmt.Sprintf("from %d", i+1)
		rule(place+": package", f.Package, packageRule)
		if len(f.Files) == 0 {
			bad(place, "name the files to take out of %s", f.Package)
		}
		for _, p := range f.Files {
			absolute(place+": files", p)
		}
	}
	for i, g := range d.Exclude {
		if _, err := path.Match(g, ""); err != nil || !path.IsAbs(g) {
			bad(fmt.Sprintf("exclude %d", i+1), "%q is not an absolute glob", g)
		}
	}
	for i, c := range d.Commands {
		place := fmt.Sprintf("command %d", i+1)
		if c.Go == "" {
			bad(place, "go is missing: a ./folder or an import path")
		}
		absolute(place+": path", c.Path)
	}
	for i, f := range d.Files {
		place := fmt.Sprintf("file %d (%s)", i+1, f.Path)
		absolute(place+": path", f.Path)
		mode(place+": mode", f.Mode)
		if (f.Content == nil) == (f.Source == "") {
			bad(place, "give either content or source")
		}
	}
	for i, l := range d.Links {
		place := fmt.Sprintf("link %d (%s)", i+1, l.Path)
		absolute(place+": path", l.Path)
		if l.Target == "" {
			bad(place, "target is missing")
		}
	}
	for i, f := range d.Dirs {
		place := fmt.Sprintf("directory %d (%s)", i+1, f.Path)
		absolute(place+": path", f.Path)
		mode(place+": mode", f.Mode)
	}
	for _, u := range d.Units {
		rule("units", u, unitRule)
	}
	for i, u := range d.UnitDefs {
		place := fmt.Sprintf("unit %d (%s)", i+1, u.Name)
		rule(place+": name", u.Name, unitRule)
		oneSource(place, u.Content, u.Source)
	}
	for i, u := range d.DropIns {
		place := fmt.Sprintf("dropin %d (%s)", i+1, u.Unit)
		rule(place+": unit", u.Unit, unitRule)
		if !strings.HasSuffix(u.Name, ".conf") || strings.Contains(u.Name, "/") {
			bad(place+": name", "%q has to be a file name ending in .conf", u.Name)
		}
		oneSource(place, u.Content, u.Source)
	}
	seen := map[string]bool{}
	for i, u := range d.Users {
		place := fmt.Sprintf("user %d (%s)", i+1, u.Name)
		rule(place+": name", u.Name, userRule)
		absolute(place+": home", u.Home)
		absolute(place+": shell", u.Shell)
		if u.UID != nil && (*u.UID < 0 || *u.UID > 65533) {
			bad(place+": uid", "%d is not between 0 and 65533", *u.UID)
		}
		if seen[u.Name] {
			bad(place, "is there twice")
		}
		seen[u.Name] = true
	}
	for i, g := range d.Groups {
		rule(fmt.Sprintf("group %d: name", i+1), g.Name, userRule)
	}
	d.checkNetwork(bad)
	if d.Data != nil {
		if _, err := parseSize(d.Data.Size); err != nil {
			bad("data.size", "%v", err)
		}
	}
	d.checkDisk(bad)
	if len(d.Forwards) > 0 && !d.Network.DHCP && d.Network.Address == "" {
		bad("forward", "nothing gives the guest an address to forward to; say dhcp = true or an address in [network]")
	}
	for i, f := range d.Forwards {
		if f.Guest < 1 || f.Guest > 65535 || f.Host < 0 || f.Host > 65535 {
			bad(fmt.Sprintf("forward %d", i+1), "ports are between 1 and 65535 (host 0 draws one)")
		}
	}
	if d.Memory < 64 {
		bad("memory", "%d MiB is too little; at least 64", d.Memory)
	}
	if d.CPUs < 1 {
		bad("cpus", "%d; at least 1", d.CPUs)
	}
	return errors.Join(errs...)
}

func (d *Definition) checkDisk(bad func(place, format string, args ...any)) {
	for place, size := range map[string]string{"disk.esp": d.Disk.ESP, "disk.slot": d.Disk.Slot} {
		if n, err := parseSize(size); size != "" && (err != nil || n%(1<<20) != 0) {
			bad(place, "%q is not a number of whole MiB, e.g. 512M", size)
		}
	}
	for place, text := range map[string]string{"disk.for": d.Disk.For, "disk.within": d.Disk.Within} {
		if t, err := time.ParseDuration(text); err != nil || t <= 0 || t > 24*time.Hour {
			bad(place, "%q is not a time of up to 24h, e.g. 30s or 5m", text)
		}
	}
	switch f := d.Disk.Firmware; {
	case f != UEFI && f != UBoot && f != RaspberryPi:
		bad("disk.firmware", "%q is none of %s, %s and %s", f, UEFI, UBoot, RaspberryPi)
	case f != UEFI && d.Arch != "arm64":
		bad("disk.firmware", "%s boots arm64 alone; say arch = \"arm64\"", f)
	case f == RaspberryPi && d.Kernel.Flavour == "cloud":
		bad("disk.firmware", "the cloud kernel has no drivers for a Raspberry Pi; say flavour = \"generic\" in [kernel]")
	}
	if c := d.Disk.Corrupt; c != "continue" && c != "restart" {
		bad("disk.corrupt", "%q is neither continue nor restart", c)
	}
	for _, u := range d.Disk.Healthy {
		if !unitRule.MatchString(u) {
			bad("disk.healthy", "%q is no unit; name it in full, such as web.service", u)
		}
	}
}

func (d *Definition) checkNetwork(bad func(place, format string, args ...any)) {
	n := d.Network
	if n.DHCP && (n.Address != "" || n.Gateway != "") {
		bad("network", "dhcp and a static address exclude each other; keep one")
	}
	if n.Address != "" {
		if _, err := netip.ParsePrefix(n.Address); err != nil {
			bad("network.address", "%q is not ADDRESS/LENGTH, e.g. 10.0.2.15/24", n.Address)
		}
	}
	for place, list := range map[string][]string{"network.gateway": {n.Gateway}, "network.dns": n.DNS} {
		for _, a := range list {
			if _, err := netip.ParseAddr(a); err != nil && a != "" {
				bad(place, "%q is not an address", a)
			}
		}
	}
}

// parseMode reads an octal mode of up to four digits; "" is def.
func parseMode(s string, def uint32) (uint32, error) {
	if s == "" {
		return def, nil
	}
	m, err := strconv.ParseUint(s, 8, 16)
	if err != nil || m > 0o7777 {
		return 0, fmt.Errorf("mode %q is not octal, e.g. 0644", s)
	}
	return uint32(m), nil
}

// parseSize reads bytes with an optional suffix K, M or G (powers of 1024).
func parseSize(s string) (uint64, error) {
	shift := map[byte]uint{'K': 10, 'M': 20, 'G': 30}
	digits, by := s, uint(0)
	if s != "" {
		if n, ok := shift[s[len(s)-1]]; ok {
			digits, by = s[:len(s)-1], n
		}
	}
	n, err := strconv.ParseUint(digits, 10, 63)
	if err != nil || n == 0 || n<<by>>by != n {
		return 0, fmt.Errorf("size %q is not a number with K, M or G, e.g. 512M", s)
	}
	return n << by, nil
}
