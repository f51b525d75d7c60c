package tuf

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"
	"github.com/theupdateframework/go-tuf/v2/metadata/trustedmetadata"

	"clarityos/update/trust"
)

// Get returns a repository's file, as trust.Source does.
type Get func(name string, most int64) ([]byte, error)

// Refresh follows the workflow of a client from the request's root to the targets that
// are trusted, or to a refusal.
func Refresh(req trust.Request, get Get) trust.Result {
	c := client{req: req, get: get, stored: maps.Clone(req.Stored)}
	c.res.Roles, c.res.Metadata = map[string]trust.Role{}, map[string][]byte{}
	for _, step := range []struct {
		file string
		do   func() error
	}{
		{"the root that the image brings", c.baseRoot},
		{"metadata/root.json", c.roots},
		{"metadata/timestamp.json", c.timestamp},
		{"metadata/snapshot.json", c.snapshot},
		{"metadata/targets.json", c.targets},
	} {
		if err := guard(step.do); err != nil {
			c.res.Refusal = refuse(step.file, err)
			c.res.Targets = nil
			break
		}
	}
	return c.res
}

type client struct {
	req    trust.Request
	get    Get
	stored map[string][]byte // without those that prove nothing
	t      *trustedmetadata.TrustedMetadata
	floor  floors
	res    trust.Result
}

// baseRoot is 5.2: the image's root is trusted as it is.
func (c *client) baseRoot() error {
	var err error
	if c.t, err = trustedmetadata.New(c.req.Root); err != nil {
		return err
	}
	c.t.RefTime = c.req.Now
	return checkRoot(c.t.Root)
}

// roots is 5.3: each root, stored or new, is signed by the one before it and by itself.
func (c *client) roots() error {
	for {
		name := fmt.Sprintf("%d.root.json", c.t.Root.Signed.Version+1)
		text, ok := c.stored[name]
		if !ok {
			break
		}
		if err := c.updateRoot(name, text); err != nil {
			c.notice(name, err)
			break
		}
	}
	for taken := 0; ; taken++ {
		name := fmt.Sprintf("%d.root.json", c.t.Root.Signed.Version+1)
		text, err := c.get("metadata/"+name, trust.MostRoot)
		if errors.Is(err, fs.ErrNotExist) {
			break
		}
		if err == nil && taken == trust.MostRoots {
			return &trust.Refusal{Kind: trust.TooLarge, File: "metadata/" + name,
				Detail: fmt.Sprintf("more than %d new roots at once; those before it are kept, so refresh again", taken)}
		}
		if err == nil {
			err = c.updateRoot("metadata/"+name, text)
		}
		if err != nil {
			return refuse("metadata/"+name, err)
		}
		c.res.Metadata[name] = text
	}
	return c.standOnStored()
}

func (c *client) updateRoot(file string, text []byte) error {
	return guard(func() error {
		next, err := new(metadata.Metadata[metadata.RootType]).FromBytes(text)
		if err == nil {
			err = checkRoot(next)
		}
		if err == nil {
			_, err = c.t.UpdateRoot(text)
		}
		if err != nil {
			return refuse(file, err)
		}
		return nil
	})
}

// standOnStored takes the floors, and the reference time's, and is 5.3.10: the last root
// has not expired.
func (c *client) standOnStored() error {
	c.floor = proven(c.t.Root, c.stored)
	for _, name := range slices.Sorted(maps.Keys(c.floor.unfit)) {
		c.notice(name, c.floor.unfit[name])
		delete(c.stored, name)
	}
	c.t.RefTime = trust.Time(c.req.Now, c.floor.signed)
	root := c.t.Root.Signed
	c.res.Roles[metadata.ROOT] = trust.Role{Version: root.Version, Expires: root.Expires}
	return c.expired(fmt.Sprintf("metadata/%d.root.json", root.Version), root.Expires)
}

// timestamp is 5.4: the only file that is got by a name that says no version.
func (c *client) timestamp() error {
	const file = "metadata/timestamp.json"
	if old, ok := c.stored["timestamp.json"]; ok {
		if _, err := c.t.UpdateTimestamp(old); err != nil && !errors.Is(err, &metadata.ErrExpiredMetadata{}) {
			return refuse("stored timestamp.json", err)
		}
	}
	text, err := c.get(file, trust.MostTimestamp)
	if err != nil {
		return refuse(file, err)
	}
	next, err := read[metadata.TimestampType](c.t.Root, metadata.TIMESTAMP, text)
	if err != nil {
		return refuse(file, err)
	}
	snap, err := named(next.Signed.Meta, "snapshot.json")
	if err != nil {
		return refuse(file, err)
	}
	for role, version := range map[string]int64{metadata.TIMESTAMP: next.Signed.Version, metadata.SNAPSHOT: snap.Version} {
		if err := c.floor.check(file, role, version); err != nil {
			return err
		}
	}
	_, err = c.t.UpdateTimestamp(text)
	switch {
	case errors.Is(err, &metadata.ErrEqualVersionNumber{}): // the stored one stays
		text = c.stored["timestamp.json"]
	case err != nil && !errors.Is(err, &metadata.ErrExpiredMetadata{}):
		return refuse(file, err)
	}
	now := c.t.Timestamp.Signed
	if err := c.expired(file, now.Expires); err != nil {
		return err
	}
	c.trusted(metadata.TIMESTAMP, now.Version, now.Expires, text)
	return nil
}

// snapshot is 5.5.
func (c *client) snapshot() error {
	meta, err := named(c.t.Timestamp.Signed.Meta, "snapshot.json")
	if err != nil {
		return err
	}
	if old, ok := c.stored["snapshot.json"]; ok {
		// As the one to compare with. Its error is that it is not the last one, or expired.
		_, _ = c.t.UpdateSnapshot(old, true)
	}
	file, text, err := c.fetch(metadata.SNAPSHOT, meta, trust.MostSnapshot)
	if err != nil {
		return refuse(file, err)
	}
	next, err := read[metadata.SnapshotType](c.t.Root, metadata.SNAPSHOT, text)
	if err != nil {
		return refuse(file, err)
	}
	targets, err := named(next.Signed.Meta, "targets.json")
	if err != nil {
		return refuse(file, err)
	}
	if err := c.floor.check(file, metadata.TARGETS, targets.Version); err != nil {
		return err
	}
	if _, err := c.t.UpdateSnapshot(text, false); err != nil && !errors.Is(err, &metadata.ErrExpiredMetadata{}) {
		return refuse(file, mismatch(err))
	}
	now := c.t.Snapshot.Signed
	if err := c.expired(file, now.Expires); err != nil {
		return err
	}
	c.trusted(metadata.SNAPSHOT, now.Version, now.Expires, text)
	return nil
}

// targets is 5.6, for the role targets alone.
func (c *client) targets() error {
	meta, err := named(c.t.Snapshot.Signed.Meta, "targets.json")
	if err != nil {
		return err
	}
	file, text, err := c.fetch(metadata.TARGETS, meta, trust.MostTargets)
	if err != nil {
		return refuse(file, err)
	}
	m, err := read[metadata.TargetsType](c.t.Root, metadata.TARGETS, text)
	if err == nil {
		err = c.expired(file, m.Signed.Expires)
	}
	if err == nil {
		_, err = c.t.UpdateTargets(text)
	}
	if err != nil {
		return refuse(file, mismatch(err))
	}
	all, err := list(m.Signed.Targets)
	if err != nil {
		return refuse(file, err)
	}
	slices.SortFunc(all, func(a, b trust.Target) int { return strings.Compare(a.Name, b.Name) })
	c.trusted(metadata.TARGETS, m.Signed.Version, m.Signed.Expires, text)
	c.res.Targets = all
	return nil
}

// fetch returns a role's file that meta names, whose length and hash hold: the stored one
// or else the source's.
func (c *client) fetch(role string, meta *metadata.MetaFiles, most int64) (file string, text []byte, err error) {
	if text, ok := c.stored[role+".json"]; ok && meta.VerifyLengthHashes(text) == nil {
		return "stored " + role + ".json", text, nil
	}
	file = fmt.Sprintf("metadata/%d.%s.json", meta.Version, role)
	if meta.Length > most {
		return file, nil, fmt.Errorf("%d bytes, and at most %d are read: %w", meta.Length, most, trust.ErrTooLarge)
	}
	if text, err = c.get(file, meta.Length); err == nil {
		err = meta.VerifyLengthHashes(text)
	}
	return file, text, err
}

// mismatch is err, where a file whose hash holds is not of the version that names it:
// that is no roll-back, but files that do not belong together.
func mismatch(err error) error {
	if errors.Is(err, &metadata.ErrBadVersionNumber{}) {
		return &metadata.ErrLengthOrHashMismatch{Msg: err.Error()}
	}
	return err
}

// trusted records what is now trusted of a role, and to be stored.
func (c *client) trusted(role string, version int64, expires time.Time, text []byte) {
	c.res.Roles[role] = trust.Role{Version: version, Expires: expires}
	c.res.Metadata[role+".json"] = text
}

// expired refuses what has to be renewed: from its expiry on, a file is expired.
func (c *client) expired(file string, expires time.Time) error {
	if c.t.RefTime.Before(expires) {
		return nil
	}
	return &trust.Refusal{Kind: trust.Expired, File: file,
		Detail: fmt.Sprintf("at %s, and it is %s", expires.Format(time.RFC3339), c.t.RefTime.Format(time.RFC3339))}
}

func (c *client) notice(name string, err error) {
	c.res.Notices = append(c.res.Notices, fmt.Sprintf("stored %s does not protect: it is corrupt, or the key that signed it was replaced: %v", name, err))
}
