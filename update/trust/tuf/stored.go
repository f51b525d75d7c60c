package tuf

import (
	"fmt"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"

	"clarityos/update/trust"
)

// floors are what stored files prove, each by itself. A file that does not verify under
// the newest root proves nothing: it is corrupt, or its key was taken from the role, by
// which a repository recovers from versions that a thief of the key has signed
// (specification 5.3.11).
type floors struct {
	versions map[string]int64 // by role, the least that is trusted
	signed   time.Time        // when the timestamp was signed; zero if there is none
	unfit    map[string]error // by file, why it proves nothing
}

// proven reads the stored files other than roots under a root.
func proven(root *metadata.Metadata[metadata.RootType], stored map[string][]byte) floors {
	f := floors{versions: map[string]int64{}, unfit: map[string]error{}}
	raise := func(role string, to int64) { f.versions[role] = max(f.versions[role], to) }
	prove(f, root, stored, metadata.TIMESTAMP, func(ts *metadata.Metadata[metadata.TimestampType]) error {
		snap, err := named(ts.Signed.Meta, "snapshot.json")
		if err == nil {
			f.signed = signedAt(ts)
			raise(metadata.TIMESTAMP, ts.Signed.Version)
			raise(metadata.SNAPSHOT, snap.Version)
		}
		return err
	})
	prove(f, root, stored, metadata.SNAPSHOT, func(snap *metadata.Metadata[metadata.SnapshotType]) error {
		targets, err := named(snap.Signed.Meta, "targets.json")
		if err == nil {
			raise(metadata.SNAPSHOT, snap.Signed.Version)
			raise(metadata.TARGETS, targets.Version)
		}
		return err
	})
	prove(f, root, stored, metadata.TARGETS, func(t *metadata.Metadata[metadata.TargetsType]) error {
		raise(metadata.TARGETS, t.Signed.Version)
		return nil
	})
	return f
}

func prove[T metadata.Roles](f floors, root *metadata.Metadata[metadata.RootType], stored map[string][]byte, role string, use func(*metadata.Metadata[T]) error) {
	text, ok := stored[role+".json"]
	if !ok {
		return
	}
	m, err := read[T](root, role, text)
	if err == nil {
		err = use(m)
	}
	if err != nil {
		f.unfit[role+".json"] = err
	}
}

// check refuses a version below the floor of its role.
func (f floors) check(file, role string, version int64) error {
	if least := f.versions[role]; version < least {
		return &trust.Refusal{Kind: trust.RolledBack, File: file,
			Detail: fmt.Sprintf("%s version %d, but this machine has trusted version %d", role, version, least)}
	}
	return nil
}
