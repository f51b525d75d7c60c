package debian

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseInstalls(t *testing.T) {
	got := parseInstalls("NOTE: This is only a simulation!\n" +
		"Inst libc6 (2.41-12+deb13u4 Debian:13.7/stable [amd64])\n" +
		"Inst held [1.0] (2.0 Debian:13.7/stable [amd64]) []\n" +
		"Inst other:arm64 (1:3-4 Debian:13.7/stable [arm64])\n" +
		"Conf libc6 (2.41-12+deb13u4 Debian:13.7/stable [amd64])\n")
	if diff := cmp.Diff([]string{"libc6=2.41-12+deb13u4", "held=2.0", "other=1:3-4"}, got); diff != "" {
		t.Errorf("packages (-want +got):\n%s", diff)
	}
}

func TestStanzas(t *testing.T) {
	all := parseStanzas("Package: debconf\nVersion: 1.5\nArchitecture: all\nDepends: perl-base\nProvides: debconf-2.0\n" +
		"Description: x\n more\n .\n end\nSHA256: abc\nFilename: pool/d.deb\n\n\nPackage: two\n")
	if len(all) != 2 {
		t.Fatalf("%d paragraphs, want 2: %q", len(all), all)
	}
	want := Package{Name: "debconf", Version: "1.5", Arch: "all", SHA256: "abc", Filename: "pool/d.deb"}
	if diff := cmp.Diff(want, packageOf(all[0])); diff != "" {
		t.Errorf("package (-want +got):\n%s", diff)
	}
	status := "Package: debconf\nVersion: 1.5\nArchitecture: all\nProvides: debconf-2.0\n" +
		"Status: hold ok installed\nMaintainer: none\nDescription: left out\n\n"
	if diff := cmp.Diff(status, all[0].installed()); diff != "" {
		t.Errorf("status of a package that is left out (-want +got):\n%s", diff)
	}
}

func TestDebianMirrors(t *testing.T) {
	for _, test := range []struct{ name, targets, main, security string }{
		{"both", "http://m.example/debian/ bookworm\nhttp://m.example/debian/ bookworm-updates\n" +
			"http://s.example/debian-security/ bookworm-security\n", "http://m.example/debian/", "http://s.example/debian-security/"},
		{"others do not count", "https://deb.example/node_20.x nodistro\n", "", ""},
		{"none", "", "", ""},
	} {
		main, security := debianMirrors(test.targets)
		if main != test.main || security != test.security {
			t.Errorf("%s: got %q, %q; want %q, %q", test.name, main, security, test.main, test.security)
		}
	}
}

func TestAcquireSettings(t *testing.T) {
	got := acquireSettings("APT::Update::Post-Invoke:: \"rm -rf x\";\nAcquire::http::Proxy \"http://p.example:3142\";\n" +
		"Acquire::IndexTargets::deb::DEP-11 \"\";\nAcquire::Languages \"de\";\nAcquire::Check-Date \"false\";\n")
	want := []string{`Acquire::http::Proxy "http://p.example:3142";`, `Acquire::Check-Date "false";`}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}
}

func TestSourceList(t *testing.T) {
	h := host{mirror: "http://m.example/debian", security: "http://s.example/debian-security"}
	line := "deb [signed-by=" + keyring + "] "
	for suite, want := range map[string]string{
		"trixie": line + "http://m.example/debian trixie main non-free-firmware\n" + line + "http://s.example/debian-security trixie-security main non-free-firmware\n",
		"forky":  line + "http://m.example/debian forky main non-free-firmware\n",
	} {
		if diff := cmp.Diff(want, h.sourceList(suite)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", suite, diff)
		}
	}
}
