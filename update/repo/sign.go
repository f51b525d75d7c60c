package repo

import (
	"crypto/ed25519"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/secure-systems-lab/go-securesystemslib/cjson"
	"github.com/theupdateframework/go-tuf/v2/metadata"
)

// Keys are the private keys at hand.
type Keys interface {
	// Has says whether the private half of a key is at hand.
	Has(ed25519.PublicKey) bool
	// Sign signs a message by Ed25519 (RFC 8032).
	Sign(key ed25519.PublicKey, message []byte) ([]byte, error)
}

type (
	rootMeta      = metadata.Metadata[metadata.RootType]
	timestampMeta = metadata.Metadata[metadata.TimestampType]
	snapshotMeta  = metadata.Metadata[metadata.SnapshotType]
	targetsMeta   = metadata.Metadata[metadata.TargetsType]
)

// signers are the identifiers of a role's keys under any of some roots.
func signers(role string, roots ...*rootMeta) []string {
	var ids []string
	for _, r := range roots {
		if r != nil && r.Signed.Roles[role] != nil {
			ids = append(ids, r.Signed.Roles[role].KeyIDs...)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// sign adds signatures by the keys at hand that are a role's under some roots. They are
// sorted, so that it does not matter who signs first.
func sign[T metadata.Roles](keys Keys, m *metadata.Metadata[T], role string, roots ...*rootMeta) error {
	message, err := cjson.EncodeCanonical(m.Signed)
	if err != nil {
		return fmt.Errorf("sign %s: %w", role, err)
	}
	for _, id := range signers(role, roots...) {
		key := publicKey(id, roots...)
		if key == nil || !keys.Has(key) {
			continue
		}
		sig, err := keys.Sign(key, message)
		if err != nil {
			return fmt.Errorf("sign %s: %w", role, err)
		}
		m.Signatures = slices.DeleteFunc(m.Signatures, func(s metadata.Signature) bool { return s.KeyID == id })
		m.Signatures = append(m.Signatures, metadata.Signature{KeyID: id, Signature: sig})
	}
	slices.SortFunc(m.Signatures, func(a, b metadata.Signature) int { return strings.Compare(a.KeyID, b.KeyID) })
	return nil
}

// publicKey is the key of an identifier; nil if no root has it, or not as Ed25519.
func publicKey(id string, roots ...*rootMeta) ed25519.PublicKey {
	for _, r := range roots {
		if r == nil || r.Signed.Keys[id] == nil {
			continue
		}
		if key, err := r.Signed.Keys[id].ToPublicKey(); err == nil {
			ed, _ := key.(ed25519.PublicKey)
			return ed
		}
	}
	return nil
}

// valid counts the good signatures of a root's keys under a root that says who signs.
func valid(by, m *rootMeta) (good, threshold int) {
	role := by.Signed.Roles[metadata.ROOT]
	message, err := cjson.EncodeCanonical(m.Signed)
	if err != nil {
		return 0, role.Threshold
	}
	for _, s := range m.Signatures {
		key := publicKey(s.KeyID, by)
		if slices.Contains(role.KeyIDs, s.KeyID) && len(key) == ed25519.PublicKeySize && ed25519.Verify(key, message, s.Signature) {
			good++
		}
	}
	return good, role.Threshold
}

// KeyID is by what metadata names a key: the SHA-256 of its canonical form (specification
// 4.2), 64 digits.
func KeyID(key ed25519.PublicKey) (string, error) {
	k, err := metadata.KeyFromPublicKey(key)
	if err != nil {
		return "", fmt.Errorf("key %s: %w", hex.EncodeToString(key), err)
	}
	return k.ID()
}
