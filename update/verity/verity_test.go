package verity

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// veritysetup(8) makes of the same data the same tree, and verifies it.
func TestMake(t *testing.T) {
	for _, blocks := range []int{1, 2, perBlock, perBlock + 1, perBlock*perBlock + 1} {
		for _, salt := range [][]byte{nil, []byte("salt"), bytes.Repeat([]byte{7}, MaxSalt)} {
			data := make([]byte, blocks*Block)
			random := rand.NewChaCha8([32]byte{byte(blocks)})
			_, _ = random.Read(data)
			tree, err := Make(bytes.NewReader(data), salt, [16]byte{1, 2, 3})
			if err != nil {
				t.Fatal(err)
			}
			var file bytes.Buffer
			if n, err := tree.WriteTo(&file); err != nil || n != tree.Size() || n != int64(file.Len()) {
				t.Fatalf("%d bytes of %d, %v", n, tree.Size(), err)
			}
			dir := t.TempDir()
			write(t, dir+"/data", data)
			write(t, dir+"/ours", file.Bytes())
			option := "--salt=" + hex.EncodeToString(salt)
			if salt == nil {
				option = "--salt=-"
			}
			out := setup(t, "format", dir+"/data", dir+"/theirs", option, "--uuid=01020300-0000-0000-0000-000000000000")
			if want := hex.EncodeToString(tree.Root[:]); !strings.Contains(out, want) {
				t.Errorf("the root is %s, not as in\n%s", want, out)
			}
			theirs, err := os.ReadFile(dir + "/theirs")
			if err != nil || !bytes.Equal(theirs, file.Bytes()) {
				t.Errorf("%d blocks, %q: the trees of %d and %d bytes differ: %v", blocks, salt, file.Len(), len(theirs), err)
			}
			setup(t, "verify", dir+"/data", dir+"/ours", hex.EncodeToString(tree.Root[:]))
			back, err := Superblock(file.Bytes())
			if want := (&Tree{Blocks: tree.Blocks, Salt: append([]byte{}, salt...), UUID: tree.UUID}); err != nil || !reflect.DeepEqual(back, want) {
				t.Errorf("%+v, %v", back, err)
			}
		}
	}
}

func TestRefused(t *testing.T) {
	for _, n := range []int{0, 1, Block + 1} {
		if _, err := Make(bytes.NewReader(make([]byte, n)), nil, [16]byte{}); err == nil {
			t.Errorf("%d bytes are taken", n)
		}
	}
	if _, err := Make(bytes.NewReader(make([]byte, Block)), make([]byte, MaxSalt+1), [16]byte{}); err == nil {
		t.Error("a long salt is taken")
	}
	tree, err := Make(bytes.NewReader(make([]byte, Block)), nil, [16]byte{})
	if err != nil {
		t.Fatal(err)
	}
	good := tree.superblock()
	for _, at := range []int{0, 8, 12, 32, 64, 68, 81, 82, Block - 1} {
		b := bytes.Clone(good)
		b[at] ^= 0x80
		if got, err := Superblock(b); err == nil {
			t.Errorf("byte %d: %+v", at, got)
		}
	}
	if _, err := Superblock(good[:Block-1]); err == nil {
		t.Error("a short one is taken")
	}
	if _, err := tree.WriteTo(broken{}); err == nil {
		t.Error("a failed write is none")
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, io.ErrShortWrite }

func write(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func setup(t *testing.T, args ...string) string {
	t.Helper()
	program := "/sbin/veritysetup"
	if found, err := exec.LookPath("veritysetup"); err == nil {
		program = found
	}
	out, err := exec.Command(program, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", filepath.Base(program), args, err, out)
	}
	return string(out)
}

func TestSign(t *testing.T) {
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	other, _, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	tree, err := Make(bytes.NewReader(make([]byte, 3*Block)), []byte("salt"), [16]byte{1})
	if err != nil {
		t.Fatal(err)
	}
	if err := tree.Verify(tree.Root, []ed25519.PublicKey{public}); !errors.Is(err, ErrUnsigned) {
		t.Errorf("nobody has signed it: %v", err)
	}
	tree.Sign(private)
	var b bytes.Buffer
	if _, err := tree.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	read := func(change func([]byte)) error {
		block := bytes.Clone(b.Bytes()[:Block])
		change(block)
		back, err := Superblock(block)
		if err != nil {
			return err
		}
		return back.Verify(tree.Root, []ed25519.PublicKey{other, public})
	}
	if err := read(func([]byte) {}); err != nil {
		t.Error(err)
	}
	for at := range Block { // of what is signed, and of the signature, every byte counts
		if err := read(func(b []byte) { b[at] ^= 1 }); err == nil {
			t.Fatalf("byte %d was changed, and it is believed all the same", at)
		}
	}
	if err := tree.Verify(Hash{1}, []ed25519.PublicKey{public}); !errors.Is(err, ErrUnsigned) {
		t.Errorf("another root: %v", err)
	}
	if err := tree.Verify(tree.Root, []ed25519.PublicKey{other}); !errors.Is(err, ErrUnsigned) {
		t.Errorf("another key: %v", err)
	}
}
