package tuf

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"

	"clarityos/update/trust"
)

// SignedAt is the field of a timestamp, beside those of the specification, that has the
// time at which the publisher signed it, as RFC 3339.
const SignedAt = "x-clarity-signed-at"

// guard calls f on metadata and makes a panic an error: go-tuf follows pointers that are
// nil where metadata says null, before a signature is checked (as in CVE-2026-23991).
func guard(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("its reader gave up: %v", p)
		}
	}()
	return f()
}

// read decodes a metadata file, and verifies by the root that its role signed it.
func read[T metadata.Roles](root *metadata.Metadata[metadata.RootType], role string, text []byte) (m *metadata.Metadata[T], err error) {
	err = guard(func() error {
		if m, err = new(metadata.Metadata[T]).FromBytes(text); err != nil {
			return err
		}
		return root.VerifyDelegate(role, m)
	})
	return m, err
}

// checkRoot refuses a root, though its own signatures hold, under which others could be
// missing (CVE-2026-23992), or one that this client cannot follow.
func checkRoot(root *metadata.Metadata[metadata.RootType]) error {
	if !strings.HasPrefix(root.Signed.SpecVersion, "1.") {
		return fmt.Errorf("it is by version %.20q of the specification, not 1", root.Signed.SpecVersion)
	}
	if !root.Signed.ConsistentSnapshot {
		return errors.New("its repository has no consistent snapshots")
	}
	for _, name := range metadata.TOP_LEVEL_ROLE_NAMES {
		role := root.Signed.Roles[name]
		if role == nil || role.Threshold < 1 || len(role.KeyIDs) < role.Threshold {
			return fmt.Errorf("role %s has no threshold of at least one that its keys can reach", name)
		}
	}
	return nil
}

// named is what a timestamp or a snapshot says of the file that it names.
func named(meta map[string]*metadata.MetaFiles, file string) (*metadata.MetaFiles, error) {
	m := meta[file]
	if m == nil || m.Version < 1 || m.Length < 1 || len(m.Hashes["sha256"]) != 32 {
		return nil, fmt.Errorf("it does not give version, length and SHA-256 of %s", file)
	}
	return m, nil
}

// signedAt is when a timestamp was signed; zero if it does not say.
func signedAt(ts *metadata.Metadata[metadata.TimestampType]) time.Time {
	text, _ := ts.Signed.UnrecognizedFields[SignedAt].(string)
	t, _ := time.Parse(time.RFC3339, text)
	return t
}

// list is the targets that a targets file offers, not yet sorted.
func list(files map[string]*metadata.TargetFiles) ([]trust.Target, error) {
	var all []trust.Target
	for name, f := range files {
		if err := trust.CheckTargetName(name); err != nil {
			return nil, err
		}
		if f == nil || f.Length < 0 || len(f.Hashes["sha256"]) != 32 {
			return nil, fmt.Errorf("it does not give length and SHA-256 of target %s", name)
		}
		all = append(all, trust.Target{Name: name, Length: f.Length, SHA256: hex.EncodeToString(f.Hashes["sha256"])})
	}
	return all, nil
}

// refuse is a refusal of a file, by what go-tuf or its bytes' source said. An error that
// is a refusal already stays as it is.
func refuse(file string, err error) *trust.Refusal {
	var already *trust.Refusal
	if errors.As(err, &already) {
		return already
	}
	kind := trust.Malformed
	for _, c := range []struct {
		is   error
		kind trust.Kind
	}{
		{fs.ErrNotExist, trust.Missing},
		{trust.ErrTooLarge, trust.TooLarge},
		{&metadata.ErrExpiredMetadata{}, trust.Expired},
		{&metadata.ErrUnsignedMetadata{}, trust.WrongSignature},
		{&metadata.ErrLengthOrHashMismatch{}, trust.Mixed},
		{&metadata.ErrBadVersionNumber{}, trust.RolledBack},
	} {
		if errors.Is(err, c.is) {
			kind = c.kind
			break
		}
	}
	return &trust.Refusal{Kind: kind, File: file, Detail: err.Error()}
}
