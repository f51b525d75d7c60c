//go:build full

package updatetest

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"clarityos/images"
	offers "clarityos/images/updatetest/publisher"
	"clarityos/qemu"
)

// commands are the program that publishers use, and what they give it.
type commands struct {
	program, dir string
	source       string // of ClarityOS, which the commands are run outside of
}

// run gives what a command line prints; it has to contain all of these, and to fail where the
// first of them is "!".
func (c commands) run(t *testing.T, line string, want ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), c.program, strings.Fields(line)...)
	cmd.Dir = c.dir
	cmd.Env = append(os.Environ(), "CLARITY_PASSPHRASE=a passphrase of a test", images.SourceVariable+"="+c.source)
	out, err := cmd.CombinedOutput()
	fails := len(want) > 0 && want[0] == "!"
	if fails {
		want = want[1:]
	}
	if (err != nil) != fails {
		t.Fatalf("clarity %s: %v: %s", line, err, out)
	}
	for _, w := range want {
		if !strings.Contains(string(out), w) {
			t.Fatalf("clarity %s: no %q in %s", line, w, out)
		}
	}
}

// What the README says of publishing: keys, a repository, releases in it, and a bundle, which a
// machine without a network takes. A bundle with one byte changed is refused whole.
func TestPublish(t *testing.T) {
	dir := t.TempDir()
	source, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	c := commands{filepath.Join(dir, "clarity"), dir, source}
	if out, err := exec.Command("go", "build", "-o", c.program, "clarityos/cmd/clarity").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	c.run(t, "keys new keys", "root-3", "timestamp-1")
	c.run(t, "repo init repository --keys keys", "published")
	c.run(t, "keys new others")
	c.run(t, "repo init other --keys others")
	p := &publisher{&offers.Publisher{Dir: filepath.Join(dir, "repository"), Definition: "clarity.toml"}}
	first, second := p.image(t, "1.0.0"), p.image(t, "1.1.0")
	c.run(t, fmt.Sprintf("repo add repository %s %s --keys keys", first.Dir, second.Dir), "stable/updatetest-amd64/1.1.0.json")
	c.run(t, "repo check repository", "stable/updatetest-amd64/1.0.0.json", "stable/updatetest-amd64/1.1.0.json")
	c.run(t, "repo refresh repository --keys others", "!")
	c.run(t, "bundle create repository stable/updatetest-amd64/9.0.0.json -o b", "!", "has no release stable/updatetest-amd64/9.0.0.json")
	c.run(t, "bundle create repository stable/updatetest-amd64/1.1.0.json -o b")
	c.run(t, "bundle create repository stable/updatetest-amd64/1.1.0.json -o again")
	whole, err := os.ReadFile(filepath.Join(dir, "b"))
	if err != nil {
		t.Fatal(err)
	}
	if again, err := os.ReadFile(filepath.Join(dir, "again")); err != nil || !bytes.Equal(whole, again) {
		t.Errorf("made again, the bundle has other bytes: %v", err)
	}
	c.run(t, "bundle inspect b", "updatetest 1.1.0 for amd64")
	c.run(t, "bundle verify b --root repository/metadata/1.root.json", "stable/updatetest-amd64/1.1.0.json: all of it is signed and whole")
	c.run(t, "bundle verify b --root other/metadata/1.root.json", "!")
	random := rand.New(rand.NewPCG(1, 2))
	for range flips {
		at := random.IntN(len(whole))
		changed := bytes.Clone(whole)
		changed[at] ^= byte(1 << random.IntN(8))
		if err := os.WriteFile(filepath.Join(dir, "changed"), changed, 0o600); err != nil {
			t.Fatal(err)
		}
		c.run(t, "bundle verify changed --root repository/metadata/1.root.json", "!")
	}
	for _, n := range []int{0, 511, 512, len(whole) / 2, len(whole) - 1} {
		if err := os.WriteFile(filepath.Join(dir, "changed"), whole[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		c.run(t, "bundle verify changed --root repository/metadata/1.root.json", "!")
	}

	c.run(t, "repo remove repository stable/updatetest-amd64/7.0.0.json --keys keys", "!", "is not offered")
	c.run(t, "repo remove repository stable/updatetest-amd64/1.0.0.json --keys keys", "0.0 MB are deleted")
	c.run(t, "repo remove repository --keep 0s --keys keys", "MB are deleted")
	if packs, err := filepath.Glob(filepath.Join(dir, "repository/data/*.pack")); len(packs) != 1 {
		t.Errorf("of one release, these packs are there: %v, %v", packs, err)
	}
	c.run(t, "repo check repository", "stable/updatetest-amd64/1.1.0.json")
	c.run(t, "bundle create repository stable/updatetest-amd64/1.1.0.json -o pruned")
	m := machine(t, first)
	m.MustShell(limit, "cd /var && wget -O b "+serve(t, http.FileServer(http.Dir(dir)))+"/b")
	m.Must(patience, m.Prints("clarityctl update install /var/b 2>&1", qemu.Has("1.1.0 is in slot b")))
	restart(t, m)
	m.Must(patience, m.Prints("clarityctl update history", qemu.Has("good      1.1.0 after 1.0.0", "from /var/b")))
}

// flips is how many bytes of a bundle are changed, one at a time.
const flips = 40
