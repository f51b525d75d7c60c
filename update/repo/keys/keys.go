// Package keys is the keys that sign a repository: Ed25519, each in two files.
//
//	NAME.key   the private half: PKCS#8 in PEM, encrypted by age with a passphrase
//	NAME.pub   the public half: PKIX in PEM
//
// A name begins with the role that the key is drawn for: root-1, targets-1, snapshot-1,
// timestamp-1. A folder of them can lie on its own medium, and public halves can be
// copied to where a repository is changed. Only programs on a workstation import it.
//
// Never: a private key is written that is not encrypted, or over another one.
package keys

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"clarityos/update/durable"

	"filippo.io/age"
	"filippo.io/age/armor"
)

const (
	privateSuffix = ".key"
	publicSuffix  = ".pub"
	privateType   = "PRIVATE KEY" // RFC 5958
	publicType    = "PUBLIC KEY"  // RFC 5280

	// workFactor is scrypt's log2(N): about a second on a workstation of 2020.
	workFactor = 18
	// mostFile is more than either file has, in bytes.
	mostFile = 16 << 10
)

var keyName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,63}$`)

// New draws keys of some names and writes them to a folder. Where it has one of the names
// already, it writes none.
func New(dir string, names []string, passphrase string) error {
	return write(dir, names, passphrase, workFactor)
}

func write(dir string, names []string, passphrase string, workFactor int) error {
	if passphrase == "" {
		return errors.New("draw keys: the passphrase is empty")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("draw keys: %w", err)
	}
	for _, name := range names {
		if !keyName.MatchString(name) {
			return fmt.Errorf("draw key %q: a name has lower-case letters, digits and -", name)
		}
		for _, suffix := range []string{privateSuffix, publicSuffix} {
			path := filepath.Join(dir, name+suffix)
			if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("%s is there already; a key that machines trust is not written over", path)
			}
		}
	}
	for _, name := range names {
		public, private, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			return fmt.Errorf("draw key %s: %w", name, err)
		}
		sealed, err := seal(private, passphrase, workFactor)
		if err != nil {
			return fmt.Errorf("encrypt key %s: %w", name, err)
		}
		der, err := x509.MarshalPKIXPublicKey(public)
		if err != nil {
			return fmt.Errorf("encode key %s: %w", name, err)
		}
		open := pem.EncodeToMemory(&pem.Block{Type: publicType, Bytes: der})
		if err := create(filepath.Join(dir, name+privateSuffix), sealed, 0o600); err != nil {
			return err
		}
		if err := create(filepath.Join(dir, name+publicSuffix), open, 0o644); err != nil {
			return err
		}
	}
	return durable.SyncDir(dir)
}

func seal(key ed25519.PrivateKey, passphrase string, workFactor int) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	to, err := age.NewScryptRecipient(passphrase)
	if err != nil {
		return nil, err
	}
	to.SetWorkFactor(workFactor)
	var text bytes.Buffer
	armored := armor.NewWriter(&text)
	w, err := age.Encrypt(armored, to)
	if err == nil {
		err = pem.Encode(w, &pem.Block{Type: privateType, Bytes: der})
	}
	if err == nil {
		err = w.Close()
	}
	if err == nil {
		err = armored.Close()
	}
	return text.Bytes(), err
}

func unseal(text []byte, passphrase string) (ed25519.PrivateKey, error) {
	by, err := age.NewScryptIdentity(passphrase)
	if err != nil {
		return nil, err
	}
	r, err := age.Decrypt(armor.NewReader(bytes.NewReader(text)), by)
	if err != nil {
		return nil, err
	}
	plain, err := io.ReadAll(io.LimitReader(r, mostFile))
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(plain)
	if block == nil || block.Type != privateType {
		return nil, errors.New("no private key in PEM is in it")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	ed, ok := key.(ed25519.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("it is %T; repositories are signed by Ed25519", key)
	}
	return ed, nil
}

// Key is one key in a folder.
type Key struct {
	Name    string
	Public  ed25519.PublicKey
	Private string // the path of the private half; "" if it is not there
}

// Ring is the keys of some folders. It is for one goroutine.
type Ring struct {
	keys []Key
	ask  func() (string, error)
	open map[string]ed25519.PrivateKey // by the public half
}

// Open lists the keys in folders. Ask is called for the passphrase when a private key is
// needed, and may be called again for another one.
func Open(dirs []string, ask func() (string, error)) (*Ring, error) {
	r := &Ring{ask: ask, open: map[string]ed25519.PrivateKey{}}
	for _, dir := range dirs {
		entries, err := os.ReadDir(dir)
		if err != nil {
			return nil, fmt.Errorf("open keys: %w; `clarity keys new DIR` draws some", err)
		}
		for _, e := range entries {
			name, ok := strings.CutSuffix(e.Name(), publicSuffix)
			if !ok {
				continue
			}
			k := Key{Name: name, Private: filepath.Join(dir, name+privateSuffix)}
			if k.Public, err = readPublic(filepath.Join(dir, e.Name())); err != nil {
				return nil, err
			}
			if _, err := os.Stat(k.Private); errors.Is(err, fs.ErrNotExist) {
				k.Private = ""
			} else if err != nil {
				return nil, fmt.Errorf("open keys: %w", err)
			}
			r.keys = append(r.keys, k)
		}
	}
	return r, nil
}

func readPublic(path string) (ed25519.PublicKey, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("open keys: %w", err)
	}
	block, _ := pem.Decode(text)
	if block == nil || block.Type != publicType {
		return nil, fmt.Errorf("%s is no public key in PEM", path)
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("key %s: %w", path, err)
	}
	ed, ok := key.(ed25519.PublicKey)
	if !ok {
		return nil, fmt.Errorf("key %s is %T; repositories are signed by Ed25519", path, key)
	}
	return ed, nil
}

// Keys are the ring's keys, by folder and name.
func (r *Ring) Keys() []Key { return slices.Clone(r.keys) }

// Named returns the public half of the key of a name.
func (r *Ring) Named(name string) (ed25519.PublicKey, error) {
	var found ed25519.PublicKey
	for _, k := range r.keys {
		if k.Name == name && found != nil && !found.Equal(k.Public) {
			return nil, fmt.Errorf("two folders have keys named %s, and they are not the same", name)
		} else if k.Name == name {
			found = k.Public
		}
	}
	if found == nil {
		return nil, fmt.Errorf("no folder of keys has %s%s", name, publicSuffix)
	}
	return found, nil
}

// Has says whether the private half of a key is there.
func (r *Ring) Has(public ed25519.PublicKey) bool {
	return slices.ContainsFunc(r.keys, func(k Key) bool { return k.Private != "" && k.Public.Equal(public) })
}

// Sign signs a message, and decrypts the key for it when it is used first.
func (r *Ring) Sign(public ed25519.PublicKey, message []byte) ([]byte, error) {
	if key, ok := r.open[string(public)]; ok {
		return ed25519.Sign(key, message), nil
	}
	at := slices.IndexFunc(r.keys, func(k Key) bool { return k.Private != "" && k.Public.Equal(public) })
	if at < 0 {
		return nil, fmt.Errorf("the private half of key %x is in no folder of keys", []byte(public))
	}
	k := r.keys[at]
	text, err := os.ReadFile(k.Private)
	if err != nil {
		return nil, fmt.Errorf("open key: %w", err)
	}
	passphrase, err := r.ask()
	if err != nil {
		return nil, fmt.Errorf("open key %s: %w", k.Private, err)
	}
	key, err := unseal(text, passphrase)
	if err != nil {
		return nil, fmt.Errorf("open key %s: %w; it is opened by the passphrase it was drawn with", k.Private, err)
	}
	if !k.Public.Equal(key.Public()) {
		return nil, fmt.Errorf("open key %s: the %s beside it is another key's", k.Private, publicSuffix)
	}
	r.open[string(public)] = key
	return ed25519.Sign(key, message), nil
}

// create writes a file that must be new.
func create(path string, text []byte, mode fs.FileMode) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return fmt.Errorf("write key: %w", err)
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("write key %s: %w", path, err)
	}
	return nil
}
