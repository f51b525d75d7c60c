package images

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// built is a small image in a folder.
func built(t *testing.T) *Image {
	t.Helper()
	tree := &Tree{entries: map[string]*Entry{}}
	if err := tree.File("own", RankOwn, "/usr/lib/own", 0o644, []byte("own")); err != nil {
		t.Fatal(err)
	}
	archive, err := compress(tree, 1, zstd.SpeedFastest)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "image")
	img := &Image{Name: "image", ID: "id", Epoch: 1}
	img.setDir(dir)
	if err := writeImage(dir, []byte("kernel"), archive, img); err != nil {
		t.Fatal(err)
	}
	return img
}

// What is baked is there beside what was, and replaced by what is baked later.
func TestBake(t *testing.T) {
	img := built(t)
	before, _ := os.ReadFile(img.Initramfs)
	for _, what := range []string{"first", "second"} {
		if err := img.Bake(what, map[string][]byte{"/usr/lib/" + what: []byte(what)}); err != nil {
			t.Fatal(err)
		}
		again, err := Open(img.Dir)
		if err != nil || again.Baked == nil || again.Baked.What != what || again.ID != "id" {
			t.Fatalf("%v: %+v", err, again)
		}
		var out bytes.Buffer
		if err := again.Cat(&out, []string{"/usr/lib/own", "/usr/lib/" + what}); err != nil || out.String() != "own"+what {
			t.Errorf("%q, %v", out.String(), err)
		}
		report, err := again.Inspect()
		if err != nil || report.Files != 6 { // /usr and /usr/lib are in both archives
			t.Errorf("%+v, %v", report, err)
		}
	}
	if err := img.Cat(&bytes.Buffer{}, []string{"/usr/lib/first"}); err == nil {
		t.Error("what was baked first is there still")
	}
	if err := img.Bake("nothing", nil); err != nil {
		t.Fatal(err)
	}
	after, _ := os.ReadFile(img.Initramfs)
	if !bytes.HasPrefix(after, before) {
		t.Error("the image's own archive is another one")
	}
	img.Baked.At = int64(len(after)) + 1
	if err := img.Bake("third", nil); err == nil || !strings.Contains(err.Error(), "build the image again") {
		t.Errorf("%v", err)
	}
}
