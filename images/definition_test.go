package images

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// Each wrong definition and what is said about it, the folder of the
// definition written as DIR.
func TestDefinitionErrors(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{
		{"unknown key", "name = \"x\"\npakages = []\n",
			`DIR/clarity.toml:2:1: unknown key "pakages"; known here: name, arch, hostname, version, kernel, suite, packages, omit, keep, exclude, from, base, command, file, link, directory, units, unit, dropin, user, group, network, cmdline, rescue, console, data, disk, update, modules, tools, unenforced, learn, goal, forward, memory, cpus`},
		{"unknown key in a table", "name = \"x\"\n[network]\n  dchp = true\n",
			`DIR/clarity.toml:3:3: unknown key "network.dchp"; known here: dhcp, address, gateway, dns`},
		{"syntax", "name = \n", `DIR/clarity.toml:1:8: toml: unexpected character U+000A at start of value`},
		{"wrong type", "name = \"x\"\nmemory = \"much\"\n",
			`DIR/clarity.toml:2:10: memory: toml: cannot decode TOML string into struct field images.Definition.Memory of type int`},
		{"no name", "", `DIR/clarity.toml: name: "" does not match ^[a-z0-9][a-z0-9._-]{0,62}$
hostname: "" does not match ^[A-Za-z0-9][A-Za-z0-9-]{0,63}$`},
		{"arch and suite", "name = \"x\"\narch = \"riscv64\"\nsuite = \"sid\"\n[kernel]\ndebian = \"trixie\"\n",
			`DIR/clarity.toml: arch: "riscv64" is not known; use one of amd64, arm64
suite: "sid" is not known; use one of bookworm, trixie, forky`},
		{"two kernels", "name = \"x\"\n[kernel]\ndebian = \"trixie\"\nimage = \"bzImage\"\n",
			`DIR/clarity.toml: kernel: debian and image exclude each other; keep one`},
		{"file", "name = \"x\"\n[[file]]\npath = \"etc/x\"\nmode = \"9\"\n",
			`DIR/clarity.toml: file 1 (etc/x): path: "etc/x" is not a clean absolute path of the image
file 1 (etc/x): mode: mode "9" is not octal, e.g. 0644
file 1 (etc/x): give either content or source`},
		{"network", "name = \"x\"\n[network]\ndhcp = true\naddress = \"10.0.2.15\"\n",
			`DIR/clarity.toml: network: dhcp and a static address exclude each other; keep one
network.address: "10.0.2.15" is not ADDRESS/LENGTH, e.g. 10.0.2.15/24`},
		{"user twice", "name = \"x\"\n[[user]]\nname = \"a\"\n[[user]]\nname = \"a\"\nuid = 65534\n",
			`DIR/clarity.toml: user 2 (a): uid: 65534 is not between 0 and 65533
user 2 (a): is there twice`},
		{"unit", "name = \"x\"\nunits = [\"nginx\"]\n",
			`DIR/clarity.toml: units: "nginx" does not match ^[A-Za-z0-9:_.\\@-]+\.(service|target|socket|slice|timer|path|mount)$`},
		{"data", "name = \"x\"\n[data]\nsize = \"lots\"\n",
			`DIR/clarity.toml: data.size: size "lots" is not a number with K, M or G, e.g. 512M`},
		{"version", "name = \"x\"\nversion = \"1.2\"\n",
			`DIR/clarity.toml: version: "1.2" is no version such as 1.2.3 or 1.2.3-rc.1: invalid semantic version`},
		{"update", "name = \"x\"\n[update]\nchannel = \"A\"\nreads = 2\npolicy = \"always\"\nevery = \"1s\"\ncool_down = \"soon\"\nper_day = -1\nrequires = [\"kernel\"]\nconflicts = [\"x > y z\"]\n",
			`DIR/clarity.toml: version: a machine that takes updates has to know its own, such as version = "1.0.0"
update.channel: "A" does not match ^[a-z0-9][a-z0-9-]{0,30}$
update.root: it is missing; it names the repository's newest root metadata, metadata/N.root.json, which the machine trusts
update.reads: the lowest schema that it reads is 2, and it writes 0
update.from: the machine keeps nothing: updates need /var on a disk, so add a table [data]
update.policy: "always" is none of [manual download install restart]
update.cool_down: "soon" is no time such as 24h
update.every: "1s" is less than 1m0s
update.per_day: -1 is less than none
update.requires: "kernel" is not like "kernel >= 6.1": improper constraint: ""
update.conflicts: "x > y z" is not like "kernel >= 6.1": improper constraint: "> y z"`},
		{"from", "name = \"x\"\n[[from]]\npackage = \"dpkg\"\n",
			`DIR/clarity.toml: from 1: name the files to take out of dpkg`},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			_, err := ReadDefinition(write(t, dir, "clarity.toml", test.text), Override{})
			if err == nil {
				t.Fatal("no error")
			}
			if diff := cmp.Diff(test.want, strings.ReplaceAll(err.Error(), dir, "DIR")); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDefinitionDefaults(t *testing.T) {
	path := write(t, t.TempDir(), "clarity.toml", "name = \"x\"\n[data]\n[[command]]\ngo = \"./cmd/tool\"\n"+
		"[[user]]\nname = \"d\"\nsystem = true\n[[unit]]\nname = \"d.service\"\ncontent = \"[Service]\"\nenable = true\n")
	d, err := ReadDefinition(path, Override{Arch: "arm64", Kernel: "debian:bookworm-generic"})
	if err != nil {
		t.Fatal(err)
	}
	if d.Arch != "arm64" || d.Suite != "trixie" || d.Kernel != (KernelDef{Debian: "bookworm", Flavour: "generic"}) {
		t.Errorf("overrides: got %s, %s, %+v", d.Arch, d.Suite, d.Kernel)
	}
	if d.Hostname != "x" || d.Data.Size != "1G" || d.Commands[0].Path != "/usr/bin/tool" ||
		d.Users[0].Shell != "/usr/sbin/nologin" || d.Memory != 512 || len(d.Units) != 1 {
		t.Errorf("defaults: got %+v", d)
	}
}

func TestParseSize(t *testing.T) {
	for s, want := range map[string]uint64{"1": 1, "4K": 4096, "512M": 512 << 20, "2G": 2 << 30,
		"": 0, "0": 0, "G": 0, "-1": 0, "1T": 0, "99999999999999G": 0} {
		got, err := parseSize(s)
		if got != want || (err == nil) != (want != 0) {
			t.Errorf("parseSize(%q) = %d, %v; want %d", s, got, err, want)
		}
	}
}

func TestParseKernelSpec(t *testing.T) {
	for s, want := range map[string]KernelSpec{"debian:trixie-cloud": {"trixie", "cloud"}, "debian:forky": {"forky", "cloud"},
		"debian:bookworm-generic": {"bookworm", "generic"}, "trixie": {}, "debian:sid": {}, "debian:trixie-rt": {}} {
		got, err := ParseKernelSpec(s)
		if got != want || (err == nil) != (want != KernelSpec{}) {
			t.Errorf("ParseKernelSpec(%q) = %+v, %v; want %+v", s, got, err, want)
		}
	}
}

// An overlay adds to lists and replaces everything else that it has.
func TestOverlay(t *testing.T) {
	dir := t.TempDir()
	base := write(t, dir, "clarity.toml", "name = \"x\"\nmemory = 256\nunits = [\"a.service\"]\n[network]\ndhcp = true\n")
	over := write(t, dir, "over.toml", "memory = 300\nunits = [\"b.service\"]\n[network]\naddress = \"10.0.2.15/24\"\n"+
		"[[unit]]\nname = \"b.service\"\ncontent = \"#\"\n")
	d, err := ReadDefinition(base, Override{Overlays: []string{over}})
	if err != nil {
		t.Fatal(err)
	}
	if d.Name != "x" || d.Memory != 300 || !slices.Equal(d.Units, []string{"a.service", "b.service"}) || len(d.UnitDefs) != 1 ||
		d.Network.DHCP || d.Network.Address != "10.0.2.15/24" {
		t.Errorf("got %+v", d)
	}
	wrong := write(t, dir, "wrong.toml", "nmae = \"y\"\n")
	if _, err := ReadDefinition(base, Override{Overlays: []string{wrong}}); err == nil || !strings.Contains(err.Error(), `wrong.toml:1:1: unknown key "nmae"`) {
		t.Errorf("an unknown key: %v", err)
	}
}
