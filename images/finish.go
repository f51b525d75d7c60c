package images

import (
	"errors"
	"fmt"
	"io/fs"
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
	for p, text := range files {
		if t.Get(p) == nil {
			if err := t.File("defaults", RankOwn, p, 0o644, []byte(text)); err != nil {
				return err
			}
		}
	}
	if t.Get("etc/os-release") == nil {
		if err := t.Symlink("defaults", RankOwn, "etc/os-release", "../usr/lib/os-release"); err != nil {
			return err
		}
	}
	if t.Get("etc/mtab") == nil {
		if err := t.Symlink("defaults", RankOwn, "etc/mtab", "../proc/self/mounts"); err != nil {
			return err
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

// varFactory prepares for /var being a data disk that starts empty: what the
// tree has there moves to /usr/share/factory/var, and a tmpfiles.d file makes
// or copies what is missing at boot. Packages' own tmpfiles.d lines come
// before it.
func (t *Tree) varFactory() error {
	const factory = "usr/share/factory/"
	var rules strings.Builder
	rules.WriteString("# What this image has below /var, for a data disk that lacks it.\n")
	for _, p := range t.Paths() {
		if !strings.HasPrefix(p, "var/") {
			continue
		}
		e := t.entries[p]
		if strings.ContainsAny(p, " \"\\%") {
			return fmt.Errorf("/%s: a name with blanks, quotes, percent signs or backslashes cannot lie on the data disk", p)
		}
		switch {
		case e.Mode.IsDir():
			fmt.Fprintf(&rules, "d /%s %04o %d %d -\n", p, unixMode(e.Mode)&0o7777, e.UID, e.GID)
		case e.Mode&fs.ModeSymlink != 0:
			fmt.Fprintf(&rules, "L /%s - - - - %s\n", p, e.Link)
		case e.Mode.IsRegular():
			fmt.Fprintf(&rules, "C /%s %04o %d %d - /%s%s\n", p, unixMode(e.Mode)&0o7777, e.UID, e.GID, factory, p)
			if err := t.Put(factory+p, *e); err != nil {
				return err
			}
		}
	}
	return t.File("defaults", RankOwn, "usr/lib/tmpfiles.d/zz-clarity-var.conf", 0o644, []byte(rules.String()))
}
