package repo

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"
)

// Role is who signs a role's metadata, and for how long that is valid.
type Role struct {
	Keys      []ed25519.PublicKey
	Threshold int // how many of the keys have to sign, at least one
	Days      int // 0 is DefaultDays
}

// DefaultDays is for how many days a role's metadata is valid unless a publisher says
// otherwise: an attacker who withholds updates is noticed after a timestamp's, and a
// publisher who forgets one role loses no machine while there is time to notice.
func DefaultDays(role string) int {
	switch role {
	case metadata.ROOT:
		return 365
	case metadata.TARGETS:
		return 90
	case metadata.SNAPSHOT:
		return 14
	}
	return 7
}

// Pending is a root that waits for signatures; the zero value is that there is none.
type Pending struct {
	Version int64
	Lacks   []string // what it lacks, "1 of 2 signatures by the keys of root 1"
}

// Init makes a repository with nothing in it, in a folder that is new or empty. Roles are
// by "root", "targets", "snapshot" and "timestamp".
func Init(dir string, roles map[string]Role, keys Keys, now time.Time) (Pending, error) {
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
		return Pending{}, fmt.Errorf("%s is not empty; a repository begins in a new folder", dir)
	}
	root := metadata.Root()
	all := map[string]any{}
	for _, name := range metadata.TOP_LEVEL_ROLE_NAMES {
		role := roles[name]
		if role.Days == 0 {
			role.Days = DefaultDays(name)
		}
		all[name] = float64(role.Days) // as JSON has it
		root.Signed.Roles[name].Threshold = role.Threshold
		if err := enlist(root, name, role.Keys); err != nil {
			return Pending{}, err
		}
	}
	root.Signed.UnrecognizedFields = map[string]any{daysField: all}
	root.Signed.Expires = expiry(root, metadata.ROOT, now)
	if err := checkRoles(root); err != nil {
		return Pending{}, err
	}
	for _, sub := range []string{"metadata", "targets", "data", "pending"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			return Pending{}, fmt.Errorf("make repository %s: %w", dir, err)
		}
	}
	r := &Repo{dir, keys, write}
	var p Pending
	err := r.locked(func(s state) (err error) {
		p, err = r.propose(s, root, now)
		return err
	})
	return p, err
}

// Change is how a new root differs in one role from the one before it. The zero value
// renews the root, which then expires later.
type Change struct {
	Role        string
	Add, Remove []ed25519.PublicKey
	Threshold   int // 0 keeps it
}

// Rotate makes the next root, and publishes it with metadata by the new keys, if the keys
// at hand reach the thresholds of the old root and of the new one. Else the root is
// pending: Sign, on other machines, adds what it lacks. To revoke a key is to remove it.
//
// Clients that read meanwhile see no metadata that they do not trust, if the keys at hand
// are also those that a role had before; without them, clients fail between the writing
// of the root and that of the timestamp, and succeed when they try again.
func (r *Repo) Rotate(c Change, now time.Time) (Pending, error) {
	var p Pending
	err := r.change(func(s state) (err error) {
		path := r.pendingPath(s)
		if there, err := exists(path); err != nil {
			return fmt.Errorf("rotate %s: %w", c.Role, err)
		} else if there {
			return fmt.Errorf("%s waits for signatures; add them by `clarity repo sign`, or remove it", path)
		}
		next, err := clone(s.root)
		if err != nil {
			return err
		}
		role := next.Signed.Roles[c.Role]
		if role == nil {
			return fmt.Errorf("role %q: there are %v", c.Role, metadata.TOP_LEVEL_ROLE_NAMES)
		}
		if err := enlist(next, c.Role, c.Add); err != nil {
			return err
		}
		for _, key := range c.Remove {
			id, err := KeyID(key)
			if err != nil {
				return err
			}
			if err := next.Signed.RevokeKey(id, c.Role); err != nil {
				return fmt.Errorf("take a key from %s: %w", c.Role, err)
			}
		}
		if c.Threshold != 0 {
			role.Threshold = c.Threshold
		}
		next.Signed.Version++
		next.Signed.Expires = expiry(next, metadata.ROOT, now)
		if err := checkRoles(next); err != nil {
			return err
		}
		next.ClearSignatures()
		p, err = r.propose(s, next, now)
		return err
	})
	return p, err
}

// Sign adds signatures by the keys at hand to the pending root, and publishes it if it
// lacks none then.
func (r *Repo) Sign(now time.Time) (Pending, error) {
	var p Pending
	err := r.locked(func(s state) error {
		root, err := r.pending(s)
		if err != nil {
			return err
		}
		p, err = r.propose(s, root, now)
		return err
	})
	return p, err
}

// propose has the keys at hand sign a root that follows s.root, keeps it as pending, and
// publishes it if it lacks no signature.
func (r *Repo) propose(s state, root *rootMeta, now time.Time) (Pending, error) {
	if err := sign(r.keys, root, metadata.ROOT, s.root, root); err != nil {
		return Pending{}, err
	}
	text, err := root.ToBytes(false)
	if err != nil {
		return Pending{}, err
	}
	pending := r.pendingPath(s)
	if err := r.write(pending, text); err != nil {
		return Pending{}, err
	}
	var lacks []string
	for _, by := range []*rootMeta{s.root, root} {
		if by == nil {
			continue
		}
		if good, threshold := valid(by, root); good < threshold {
			lacks = append(lacks, fmt.Sprintf("%d of %d signatures by the keys of root %d", threshold-good, threshold, by.Signed.Version))
		}
	}
	if len(lacks) > 0 {
		return Pending{root.Signed.Version, lacks}, nil
	}
	if err := r.publishRoot(s, root, text, now); err != nil {
		return Pending{}, fmt.Errorf("root %d has its signatures but is not published: %w; then use `clarity repo sign`", root.Signed.Version, err)
	}
	if err := os.Remove(pending); err != nil {
		return Pending{}, fmt.Errorf("remove what is no longer pending: %w", err)
	}
	return Pending{}, nil
}

// publishRoot writes a root, and an edition under it unless that before is good under it
// as well. A timestamp that both roots' keys have signed comes first: whichever root a
// client has then, it trusts the timestamp.
func (r *Repo) publishRoot(s state, root *rootMeta, text []byte, now time.Time) error {
	next := file{"metadata/" + number(root.Signed.Version) + ".root.json", text}
	if s.timestamp != nil && root.VerifyDelegate(metadata.TIMESTAMP, s.timestamp) == nil &&
		root.VerifyDelegate(metadata.SNAPSHOT, s.snapshot) == nil && root.VerifyDelegate(metadata.TARGETS, s.targets) == nil {
		return r.writeAll(next)
	}
	e, err := r.issue(s, s.root, root, now, nil)
	if err != nil {
		return err
	}
	if e.overlaps {
		return r.writeAll(append(e.files, e.timestamp, next)...)
	}
	return r.writeAll(append(e.files, next, e.timestamp)...)
}

// pending reads the root that waits for signatures.
func (r *Repo) pending(s state) (*rootMeta, error) {
	path := r.pendingPath(s)
	root, err := new(rootMeta).FromFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("repository %s has no root that waits for signatures", r.dir)
	}
	if err == nil && number(root.Signed.Version)+".root.json" != filepath.Base(path) {
		err = fmt.Errorf("it says that it is root %d", root.Signed.Version)
	}
	if err == nil {
		err = checkRoles(root)
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w; remove it and rotate again", path, err)
	}
	return root, nil
}

func (r *Repo) pendingPath(s state) string {
	version := int64(1)
	if s.root != nil {
		version = s.root.Signed.Version + 1
	}
	return filepath.Join(r.dir, "pending", number(version)+".root.json")
}

// enlist gives keys to a role.
func enlist(root *rootMeta, role string, keys []ed25519.PublicKey) error {
	for _, key := range keys {
		k, err := metadata.KeyFromPublicKey(key)
		if err == nil {
			err = root.Signed.AddKey(k, role)
		}
		if err != nil {
			return fmt.Errorf("give a key to %s: %w", role, err)
		}
	}
	slices.Sort(root.Signed.Roles[role].KeyIDs)
	return nil
}

// checkRoles refuses thresholds that nobody or everybody reaches.
func checkRoles(root *rootMeta) error {
	for _, name := range metadata.TOP_LEVEL_ROLE_NAMES {
		role := root.Signed.Roles[name]
		if role == nil {
			return fmt.Errorf("role %s is missing", name)
		}
		if role.Threshold < 1 || role.Threshold > len(role.KeyIDs) {
			return fmt.Errorf("role %s: a threshold of %d with %d keys; it is at least 1, and at most as many as there are keys", name, role.Threshold, len(role.KeyIDs))
		}
	}
	return nil
}

func clone(root *rootMeta) (*rootMeta, error) {
	text, err := root.ToBytes(false)
	if err != nil {
		return nil, err
	}
	return new(rootMeta).FromBytes(text)
}
