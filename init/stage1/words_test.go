package main

import (
	"crypto/ed25519"
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"clarityos/update/slots"
)

func TestReadWords(t *testing.T) {
	root := strings.Repeat("ab", 32)
	w := readWords(strings.Fields("quiet clarity.slot=b clarity.force=a clarity.state=AA-BB clarity.root=" + root))
	if w.slot != slots.B || w.forced != slots.A || w.state != "AA-BB" || w.root[0] != 0xab || w.root[31] != 0xab {
		t.Errorf("%+v", w)
	}
	if w := readWords(strings.Fields("clarity.slot=c clarity.force= clarity.root=abab clarity.root clarity.state")); w != (words{}) {
		t.Errorf("of nonsense: %+v", w)
	}
}

func TestReadKeys(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys")
	if keys, err := readKeys(path); keys != nil || err != nil {
		t.Errorf("without a file: %v, %v", keys, err)
	}
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	// A file with nothing in it trusts nobody, which is not the same as no file.
	write("\n")
	if keys, err := readKeys(path); keys == nil || len(keys) != 0 || err != nil {
		t.Errorf("of an empty file: %v, %v", keys, err)
	}
	key := ed25519.PublicKey(make([]byte, ed25519.PublicKeySize))
	write(base64.StdEncoding.EncodeToString(key) + "\n")
	if keys, err := readKeys(path); len(keys) != 1 || !keys[0].Equal(key) || err != nil {
		t.Errorf("%v, %v", keys, err)
	}
	write("bm90IGEga2V5\n")
	if _, err := readKeys(path); err == nil || !strings.Contains(err.Error(), `"bm90IGEga2V5" is no key`) {
		t.Error(err)
	}
}
