package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"
	"filippo.io/age/armor"
)

// quickKeys draws keys as `clarity keys new` does, but with scrypt's least work factor.
func quickKeys(t *testing.T, passphrase string, names ...string) string {
	t.Helper()
	dir := t.TempDir()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range names {
		public, private, err := ed25519.GenerateKey(nil)
		check(err)
		der, err := x509.MarshalPKCS8PrivateKey(private)
		check(err)
		to, err := age.NewScryptRecipient(passphrase)
		check(err)
		to.SetWorkFactor(1)
		var text bytes.Buffer
		armored := armor.NewWriter(&text)
		w, err := age.Encrypt(armored, to)
		check(err)
		check(pem.Encode(w, &pem.Block{Type: "PRIVATE KEY", Bytes: der}))
		check(w.Close())
		check(armored.Close())
		check(os.WriteFile(filepath.Join(dir, name+".key"), text.Bytes(), 0o600))
		der, err = x509.MarshalPKIXPublicKey(public)
		check(err)
		check(os.WriteFile(filepath.Join(dir, name+".pub"), pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), 0o644))
	}
	return dir
}

// clarity runs a command line and returns what it prints.
func clarity(t *testing.T, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	c := newRoot()
	c.SetOut(&out)
	c.SetArgs(args)
	err := c.ExecuteContext(t.Context())
	return out.String(), err
}

// TestRepo is a publisher's year: keys of two people and of a server.
func TestRepo(t *testing.T) {
	t.Setenv(passphraseVariable, "secret")
	anna := quickKeys(t, "secret", "root-1")
	ben := quickKeys(t, "secret", "root-2", "root-3")
	server := quickKeys(t, "secret", "targets-1", "snapshot-1", "timestamp-1")
	spare := quickKeys(t, "secret", "targets-2")
	dir := filepath.Join(t.TempDir(), "repo")
	for _, tt := range []struct {
		args []string
		says string // in the output, or in the error
		ok   bool
	}{
		{[]string{"keys", "list", server}, "timestamp-1  private and public  ", true},
		{[]string{"repo", "check", dir}, "file does not exist; check the path", false},
		{[]string{"repo", "init", dir, "--keys", server}, "role root: a threshold of 2 with 0 keys", false},
		{[]string{"repo", "init", dir, "--keys", server, "--keys", anna, "--keys", ben}, "published", true},
		{[]string{"repo", "init", dir, "--keys", server, "--keys", anna, "--keys", ben}, "not empty", false},
		{[]string{"repo", "refresh", dir, "--keys", server}, "", true},
		{[]string{"repo", "refresh", dir, "--keys", anna}, "not enough signatures", false},
		{[]string{"repo", "rotate", dir, "targets", "--keys", server, "--keys", anna, "--keys", spare, "--add", "targets-2", "--remove", "targets-1"}, "lacks 1 of 2 signatures by the keys of root 1", true},
		{[]string{"repo", "rotate", dir, "targets", "--keys", server, "--add", "targets-3"}, "no folder of keys has targets-3.pub", false},
		{[]string{"repo", "sign", dir, "--keys", ben, "--keys", server, "--keys", spare}, "is no longer trusted", true},
		{[]string{"repo", "sign", dir, "--keys", ben}, "no root that waits", false},
		{[]string{"repo", "check", dir, "--root", filepath.Join(dir, "metadata/1.root.json")}, "targets    version 2  expires in 89 days", true},
	} {
		out, err := clarity(t, tt.args...)
		if err != nil {
			out += err.Error()
		}
		if (err == nil) != tt.ok || !strings.Contains(out, tt.says) {
			t.Fatalf("clarity %s: %q, error %v, want %q", strings.Join(tt.args, " "), out, err, tt.says)
		}
	}
}

func TestPassphrase(t *testing.T) {
	file := filepath.Join(t.TempDir(), "word")
	if err := os.WriteFile(file, []byte("from a file\r\nnot this\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv(passphraseVariable, "from the environment")
	if word, err := (&passphrase{file: file}).ask(true); word != "from a file" || err != nil {
		t.Errorf("%q, %v", word, err)
	}
	if word, err := new(passphrase).ask(true); word != "from the environment" || err != nil {
		t.Errorf("%q, %v", word, err)
	}
	if out, err := clarity(t, "keys", "new", t.TempDir(), "--passphrase-file", filepath.Join(t.TempDir(), "none")); err == nil {
		t.Errorf("drew keys without a passphrase: %s", out)
	}
}

func TestKeysNew(t *testing.T) {
	t.Setenv(passphraseVariable, "secret")
	for _, tt := range []struct {
		args  []string
		names string
	}{
		{[]string{"dir"}, "root-1 root-2 root-3 targets-1 snapshot-1 timestamp-1"},
		{[]string{"dir", "--roots", "1"}, "root-1 targets-1 snapshot-1 timestamp-1"},
		{[]string{"dir", "--roots", "0"}, ""},
	} {
		var drawn string
		c := newKeysNew(func(dir string, names []string, passphrase string) error {
			if dir != "dir" || passphrase != "secret" {
				t.Errorf("folder %q, passphrase %q", dir, passphrase)
			}
			drawn = strings.Join(names, " ")
			return nil
		})
		c.SetArgs(tt.args)
		c.SetOut(new(bytes.Buffer))
		c.SetErr(new(bytes.Buffer))
		if err := c.Execute(); drawn != tt.names || (err == nil) != (tt.names != "") {
			t.Errorf("%q drew %q, %v; want %q", tt.args, drawn, err, tt.names)
		}
	}
}
