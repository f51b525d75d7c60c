package install

import (
	"bytes"
	"crypto/sha256"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"clarityos/update/manifest"
)

// What is written to a disk in pieces of any size, some of which are there already, is read back
// whole, and a disk that has something else then is found out.
func TestDisk(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, size := range []int{0, 1, window - 1, window, window + 1, 3*window + 12345} {
		for _, spoiled := range []bool{false, true} {
			if spoiled && size == 0 {
				continue // there is nothing to spoil
			}
			data := make([]byte, size)
			for i := range data {
				data[i] = byte(random.Uint32())
			}
			path := filepath.Join(t.TempDir(), "part")
			if err := os.WriteFile(path, data, 0o600); err != nil {
				t.Fatal(err)
			}
			f, err := os.OpenFile(path, os.O_RDWR, 0)
			if err != nil {
				t.Fatal(err)
			}
			d := onDisk(f)
			want := manifest.Blob{Hash: sha256.Sum256(data), Size: int64(size)}
			at := 0
			for at < size {
				n := min(1+random.IntN(window/3), size-at)
				if random.IntN(3) > 0 {
					if _, err := d.WriteAt(data[at:at+n], int64(at)); err != nil {
						t.Fatal(err)
					}
				}
				at += n
			}
			if spoiled { // by somebody else
				other := bytes.Clone(data[size-1:])
				other[0]++
				if _, err := f.WriteAt(other, int64(size-1)); err != nil {
					t.Fatal(err)
				}
			}
			err = d.check(want)
			if !spoiled && err != nil || spoiled && (err == nil || !strings.Contains(err.Error(), "is not what was written")) {
				t.Errorf("%d bytes, spoiled: %v: %v", size, spoiled, err)
			}
			if d.read != int64(size) {
				t.Errorf("%d of %d bytes were read back", d.read, size)
			}
			if err := d.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

// One that is given up is closed without a word, however far it was.
func TestDiskGivenUp(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "part"))
	if err != nil {
		t.Fatal(err)
	}
	d := onDisk(f)
	for at := range int64(8) {
		if _, err := d.WriteAt(make([]byte, window), at*window); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
}

// One that cannot be read back is not written to its end: what is left would be fetched for
// nothing.
func TestDiskFails(t *testing.T) {
	f, err := os.OpenFile(filepath.Join(t.TempDir(), "part"), os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	d := onDisk(f)
	defer d.Close()
	for at := range int64(behind + 2) { // one is read back, and those wait
		if _, err = d.WriteAt(make([]byte, window), at*window); err != nil {
			break
		}
	}
	if err == nil || !strings.Contains(err.Error(), "read "+f.Name()+" back") {
		t.Error(err)
	}
	if err := d.check(manifest.Blob{}); err == nil {
		t.Error("it is as it has to be")
	}
}
