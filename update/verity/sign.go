package verity

import (
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"slices"
)

// A signature, by Ed25519 (RFC 8032), lies in the block of the superblock behind what
// veritysetup reads: signed (8), signature (64).
const (
	signedAt = 512
	signed   = "CLRYSIG1"
)

// ErrUnsigned is that nobody who is trusted has signed a root.
var ErrUnsigned = errors.New("the root is not signed by a key that this machine trusts")

// Sign signs the tree's root, and what the kernel is told of the tree besides.
func (t *Tree) Sign(key ed25519.PrivateKey) {
	t.Signature = nil
	t.Signature = ed25519.Sign(key, t.message(t.Root))
}

// Verify says whether one of the keys has signed that the tree has this root: nil, or
// ErrUnsigned.
func (t *Tree) Verify(root Hash, keys []ed25519.PublicKey) error {
	if len(t.Signature) == ed25519.SignatureSize && slices.ContainsFunc(keys, func(k ed25519.PublicKey) bool {
		return ed25519.Verify(k, t.message(root), t.Signature)
	}) {
		return nil
	}
	return ErrUnsigned
}

// message is what is signed.
func (t *Tree) message(root Hash) []byte {
	sum := sha256.Sum256(t.superblock()[:signedAt])
	return slices.Concat([]byte("ClarityOS root\x00"), sum[:], root[:])
}
