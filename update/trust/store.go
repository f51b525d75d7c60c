package trust

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"clarityos/update/durable"
)

// Store is the folder in which a machine keeps the metadata that it trusts, and below
// whose versions no source may fall. It is made by the first Save. One process has it.
//
//	2.root.json, 3.root.json, …                 the roots since the image's
//	timestamp.json, snapshot.json, targets.json
//
// Each file protects by itself: the child takes a floor from each whose signatures hold
// under the newest root. A file is replaced as a whole, so that after a power cut each
// has its old or its new floor, and no order could lose one. The order is for the rest:
//
//   - Roots come first, the oldest first. Files that new keys have signed protect only
//     under the root that names those keys; were they there before it, a source that
//     withholds the root would get rid of them.
//   - The timestamp comes last. It names the snapshot, and that the targets; so what a
//     timestamp names is there, and a refresh with nothing new takes one small file.
//
// Nothing is ever removed: a root from before the image's is passed over.
type Store struct{ Dir string }

// Load returns what is stored, by name. An error names each file that cannot be read;
// the others are returned with it, and still protect.
func (s Store) Load() (map[string][]byte, error) {
	entries, err := os.ReadDir(s.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("stored metadata: %w", err)
	}
	found := map[string][]byte{}
	var broken []error
	for _, e := range entries {
		most, ok := limit(storedName, e.Name())
		if !ok {
			continue
		}
		text, err := readAtMost(filepath.Join(s.Dir, e.Name()), most)
		if err != nil {
			broken = append(broken, fmt.Errorf("stored metadata %s does not protect: %w", e.Name(), err))
			continue
		}
		found[e.Name()] = text
	}
	return found, errors.Join(broken...)
}

func readAtMost(path string, most int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(text)) > most {
		err = fmt.Errorf("more than %d bytes: %w", most, ErrTooLarge)
	}
	return text, err
}

// Save stores Result.Metadata. When it returns nil, all of it outlasts a power cut.
func (s Store) Save(metadata map[string][]byte) error {
	if err := os.MkdirAll(s.Dir, 0o755); err != nil {
		return fmt.Errorf("store metadata: %w", err)
	}
	for _, name := range saveOrder(metadata) {
		most, ok := limit(storedName, name)
		if !ok || int64(len(metadata[name])) > most {
			return fmt.Errorf("store metadata: %.80q of %d bytes is none that is stored", name, len(metadata[name]))
		}
		path := filepath.Join(s.Dir, name)
		if old, err := readAtMost(path, most); err == nil && bytes.Equal(old, metadata[name]) {
			continue
		}
		if err := durable.WriteFile(path, metadata[name], 0o644); err != nil { // each before the next, or the order is none
			return fmt.Errorf("store metadata %s: %w; make room on its disk, the old one is kept", name, err)
		}
	}
	return durable.SyncDir(filepath.Dir(filepath.Clean(s.Dir)))
}

// saveOrder is the order in which files are stored, see Store.
func saveOrder(metadata map[string][]byte) []string {
	names := make([]string, 0, len(metadata))
	for name := range metadata {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int { return rank(a) - rank(b) })
	return names
}

// rank is a file's place: that of a root is its version.
func rank(name string) int {
	if at := slices.Index([]string{"targets.json", "snapshot.json", "timestamp.json"}, name); at >= 0 {
		return 1e9 + at
	}
	version, _, _ := strings.Cut(name, ".")
	n, _ := strconv.Atoi(version) // no number: refused when it is its turn
	return n
}
