package index

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

var update = flag.Bool("update", false, "write the corpus of FuzzRead anew")

// The corpus of FuzzRead begins with what whole indexes look like.
func TestCorpus(t *testing.T) {
	for name, lines := range map[string][]any{
		"all":    all(),
		"absent": {Entry{Type: Absent}, Entry{Path: 1, Type: Absent}},
		"file":   {Entry{Type: File, Mtime: mtime, Size: 3}, Chunk{Size: 3, Hash: Hash{9}}, Entry{Path: 1, Type: Fifo, Mtime: mtime}},
	} {
		b, _, err := write(head(), lines...)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join("testdata/fuzz/FuzzRead", name)
		text := fmt.Sprintf("go test fuzz v1\n[]byte(%q)\n", b)
		if *update {
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != text {
			t.Errorf("%s is not what is written; write it anew with -update: %v\n%s", path, err, got)
		}
	}
}
