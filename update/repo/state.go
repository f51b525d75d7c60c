package repo

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"
)

// daysField is the field of a root, beside those of the specification, that has for how
// many days a role's metadata is valid, by role.
const daysField = "x-clarity-days"

// state is a repository's metadata. All but the root is nil in a new one.
type state struct {
	root      *rootMeta
	timestamp *timestampMeta
	snapshot  *snapshotMeta
	targets   *targetsMeta
}

// load reads the metadata from the last root and the timestamp on. What a change wrote
// that was broken off is not named, and so not seen.
func load(dir string) (state, error) {
	var s state
	for version := 1; ; version++ {
		root, err := read[metadata.RootType](dir, fmt.Sprintf("metadata/%d.root.json", version))
		if errors.Is(err, fs.ErrNotExist) {
			break
		}
		if err != nil {
			return s, err
		}
		s.root = root
	}
	var err error
	if s.timestamp, err = read[metadata.TimestampType](dir, "metadata/timestamp.json"); errors.Is(err, fs.ErrNotExist) {
		return s, nil
	} else if err != nil {
		return s, err
	}
	if s.snapshot, err = readNamed[metadata.SnapshotType](dir, "snapshot", s.timestamp.Signed.Meta); err != nil {
		return s, err
	}
	s.targets, err = readNamed[metadata.TargetsType](dir, "targets", s.snapshot.Signed.Meta)
	return s, err
}

func read[T metadata.Roles](dir, name string) (*metadata.Metadata[T], error) {
	path := filepath.Join(dir, name)
	m, err := new(metadata.Metadata[T]).FromFile(path)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return m, nil
}

func readNamed[T metadata.Roles](dir, role string, meta map[string]*metadata.MetaFiles) (*metadata.Metadata[T], error) {
	named := meta[role+".json"]
	if named == nil {
		return nil, fmt.Errorf("repository %s: nothing names its %s.json; restore metadata/ from a copy", dir, role)
	}
	return read[T](dir, fmt.Sprintf("metadata/%d.%s.json", named.Version, role))
}

// naming is how metadata names a file.
func naming(file string, version int64, text []byte) map[string]*metadata.MetaFiles {
	sum := sha256.Sum256(text)
	return map[string]*metadata.MetaFiles{file: {
		Version: version, Length: int64(len(text)), Hashes: metadata.Hashes{"sha256": sum[:]},
	}}
}

// days are for how many days a role's metadata is valid under a root. A root that does
// not say, since another tool has made it, leaves it at what is the default.
func days(root *rootMeta, role string) int {
	if all, ok := root.Signed.UnrecognizedFields[daysField].(map[string]any); ok {
		if n, ok := all[role].(float64); ok && n >= 1 {
			return int(n)
		}
	}
	return DefaultDays(role)
}

// expiry is when what is signed now expires. Metadata has whole seconds.
func expiry(root *rootMeta, role string, now time.Time) time.Time {
	return now.UTC().Truncate(time.Second).AddDate(0, 0, days(root, role))
}

// due says whether less than half of a role's time is left.
func due(root *rootMeta, role string, expires, now time.Time) bool {
	return expires.Sub(now) < time.Duration(days(root, role))*24*time.Hour/2
}

// exists says whether there is a file.
func exists(path string) (bool, error) {
	_, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

func number(n int64) string { return strconv.FormatInt(n, 10) }
