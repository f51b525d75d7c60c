package images

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
)

// addDefaults adds the files that every root has, where nothing else brought
// them.
func (d *Definition) addDefaults(t *Tree) error {
	files := map[string]string{
		"etc/hostname": d.Hostname + "\n",
		"etc/hosts": "127.0.0.1\tlocalhost\n127.0.1.1\t" + d.Hostname +
			"\n::1\tlocalhost ip6-localhost ip6-loopback\n",
		"etc/nsswitch.conf": "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\nnetworks: files\n" +
			"protocols: files\nservices: files\n",
		"usr/lib/os-release": "ID=clarityos\nNAME=\"ClarityOS\"\nPRETTY_NAME=\"ClarityOS\"\nID_LIKE=debian\n" +
			"VARIANT_ID=" + d.Name + "\n",
		"etc/shells":  "/bin/sh\n/usr/bin/sh\n/bin/bash\n/usr/bin/bash\n/bin/dash\n/usr/bin/dash\n",
		"etc/profile": "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/usr/lib/clarity/bbin\nexport PATH\n",
	}
	if d.Rescue {
		files[rescueFile] = "" // for PID 1 when it cannot read the plan, which says the same
	}
	for p, text := range files {
		if t.Get(p) == nil {
			if err := t.File("defaults", RankOwn, p, 0o644, []byte(text)); err != nil {
				return err
			}
		}
	}
	links := map[string]string{
		"etc/os-release":    "../usr/lib/os-release",
		"etc/mtab":          "../proc/self/mounts",
		"usr/sbin/modprobe": "../lib/clarity/clarityd", // what the kernel calls for a module that it lacks
	}
	for p, target := range links {
		if t.Get(p) == nil {
			if err := t.Symlink("defaults", RankOwn, p, target); err != nil {
				return err
			}
		}
	}
	return t.addCertificates()
}

// addCertificates makes the bundle that ca-certificates' script would make, of
// all certificates that the package brings.
func (t *Tree) addCertificates() error {
	const bundle = "etc/ssl/certs/ca-certificates.crt"
	if t.Get(bundle) != nil {
		return nil
	}
	var all strings.Builder
	for _, p := range t.Paths() {
		if !strings.HasPrefix(p, "usr/share/ca-certificates/") || !strings.HasSuffix(p, ".crt") {
			continue
		}
		text, err := t.entries[p].Bytes()
		if err != nil {
			return fmt.Errorf("/%s: %w", p, err)
		}
		all.Write(text)
	}
	if all.Len() == 0 {
		return nil
	}
	t.note("certificates", "package ca-certificates")
	return t.File("certificates", RankOwn, bundle, 0o644, []byte(all.String()))
}

// secrets are files that have to differ from machine to machine.
var secrets = []string{"etc/ssh/ssh_host_*_key", "etc/machine-id", "var/lib/dbus/machine-id",
	"var/lib/systemd/random-seed", "etc/ssl/private/*.key"}

// refuseSecrets fails if the tree has a secret baked in. An empty machine-id
// says only that one is to be made.
func (t *Tree) refuseSecrets() error {
	var errs []error
	for _, p := range t.Paths() {
		e := t.entries[p]
		secret := slices.ContainsFunc(secrets, func(g string) bool { ok, _ := path.Match(g, p); return ok })
		if !secret || !e.Mode.IsRegular() || (e.Source == "" && len(e.Data) == 0) {
			continue
		}
		errs = append(errs, fmt.Errorf("/%s (from %s) is a secret and would be the same on every machine; leave it out and have a unit make it at first boot",
			p, e.Part))
	}
	return errors.Join(errs...)
}
