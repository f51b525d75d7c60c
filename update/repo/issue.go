package repo

import (
	"fmt"
	"path/filepath"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"

	"clarityos/update/trust/tuf"
)

// edition is a set of metadata that is signed and not yet written.
type edition struct {
	files     []file // the targets and the snapshot
	timestamp file
	overlaps  bool // clients that have the old root trust the timestamp as well
}

type file struct {
	name string
	text []byte
}

// issue makes the next edition under a root. Old is the root before it, or the same: what
// keys of both have signed is trusted by clients that have either. Change is called with
// the targets, and says whether it changed them; it may be nil.
func (r *Repo) issue(s state, old, root *rootMeta, now time.Time, change func(*targetsMeta) (bool, error)) (edition, error) {
	var e edition
	targets, fresh := s.targets, false
	if targets == nil {
		targets, fresh = metadata.Targets(), true
		targets.Signed.Version = 0
	}
	if change != nil {
		changed, err := change(targets)
		if err != nil {
			return e, err
		}
		fresh = fresh || changed
	}
	if fresh || due(root, metadata.TARGETS, targets.Signed.Expires, now) || root.VerifyDelegate(metadata.TARGETS, targets) != nil {
		targets.Signed.Version++
		targets.Signed.Expires = expiry(root, metadata.TARGETS, now)
		if err := r.sign(old, root, metadata.TARGETS, targets); err != nil {
			return e, err
		}
	}
	text, err := targets.ToBytes(false)
	if err != nil {
		return e, err
	}
	e.files = append(e.files, file{"metadata/" + number(targets.Signed.Version) + ".targets.json", text})

	snapshot := metadata.Snapshot(expiry(root, metadata.SNAPSHOT, now))
	if s.snapshot != nil {
		snapshot.Signed.Version = s.snapshot.Signed.Version + 1
	}
	snapshot.Signed.Meta = naming("targets.json", targets.Signed.Version, text)
	if err := r.sign(old, root, metadata.SNAPSHOT, snapshot); err != nil {
		return e, err
	}
	if text, err = snapshot.ToBytes(false); err != nil {
		return e, err
	}
	e.files = append(e.files, file{"metadata/" + number(snapshot.Signed.Version) + ".snapshot.json", text})

	timestamp := metadata.Timestamp(expiry(root, metadata.TIMESTAMP, now))
	if s.timestamp != nil {
		timestamp.Signed.Version = s.timestamp.Signed.Version + 1
	}
	timestamp.Signed.Meta = naming("snapshot.json", snapshot.Signed.Version, text)
	timestamp.Signed.UnrecognizedFields = map[string]any{tuf.SignedAt: now.UTC().Format(time.RFC3339)}
	if err := r.sign(old, root, metadata.TIMESTAMP, timestamp); err != nil {
		return e, err
	}
	text, err = timestamp.ToBytes(false)
	e.timestamp = file{"metadata/timestamp.json", text}
	e.overlaps = old != nil && old.VerifyDelegate(metadata.TARGETS, targets) == nil &&
		old.VerifyDelegate(metadata.SNAPSHOT, snapshot) == nil && old.VerifyDelegate(metadata.TIMESTAMP, timestamp) == nil
	return e, err
}

// sign has a role's keys at hand sign metadata, and refuses too few signatures.
func (r *Repo) sign(old, root *rootMeta, role string, m any) error {
	var err error
	switch m := m.(type) {
	case *targetsMeta:
		m.ClearSignatures()
		err = sign(r.keys, m, role, old, root)
	case *snapshotMeta:
		err = sign(r.keys, m, role, old, root)
	case *timestampMeta:
		err = sign(r.keys, m, role, old, root)
	}
	if err != nil {
		return err
	}
	if err := root.VerifyDelegate(role, m); err != nil {
		return fmt.Errorf("sign %s: %w; name the folders of its keys by --keys: %s", role, err, r.wanted(root, role))
	}
	return nil
}

// wanted are a role's keys under a root, as a person finds them.
func (r *Repo) wanted(root *rootMeta, role string) string {
	text := ""
	for i, id := range signers(role, root) {
		if i > 0 {
			text += ", "
		}
		text += id[:min(16, len(id))]
		if r.keys.Has(publicKey(id, root)) {
			text += " (at hand)"
		}
	}
	return text
}

// publish writes an edition: what the timestamp leads to, and last the timestamp. A
// client that reads meanwhile goes by the old timestamp to the old files, which stay.
func (r *Repo) publish(e edition) error { return r.writeAll(append(e.files, e.timestamp)...) }

func (r *Repo) writeAll(files ...file) error {
	for _, f := range files {
		if err := r.write(filepath.Join(r.dir, f.name), f.text); err != nil {
			return err
		}
	}
	return nil
}
