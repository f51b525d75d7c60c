package images

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"clarityos/update/durable"
)

// keyType is the type of the PEM block of a private key (RFC 5958).
const keyType = "PRIVATE KEY"

// NewKey draws a key by which roots are signed, and writes it to a new file that only its
// owner can read, as openssl genpkey does.
func NewKey(path string) error {
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s is there already; a key that machines trust is not written over", path)
	}
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		return fmt.Errorf("draw a key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return fmt.Errorf("encode a key: %w", err)
	}
	return durable.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: keyType, Bytes: der}), 0o600)
}

// ReadKey reads a key by which roots are signed.
func ReadKey(path string) (ed25519.PrivateKey, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("the key that signs roots: %w; `clarity key FILE` makes one", err)
	}
	block, _ := pem.Decode(text)
	if block == nil || block.Type != keyType {
		return nil, fmt.Errorf("%s is no private key in PEM; `clarity key FILE` makes one", path)
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("key %s: %w", path, err)
	}
	ed, ok := key.(ed25519.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("key %s is %T; roots are signed by Ed25519", path, key)
	}
	return ed, nil
}

// trusted is the file by which stage 1 knows a key.
func trusted(key ed25519.PrivateKey) []byte {
	return []byte(base64.StdEncoding.EncodeToString(key.Public().(ed25519.PublicKey)) + "\n")
}
