package log

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// Query says which records are wanted. The zero value wants all.
type Query struct {
	Unit        string         // its full name
	Since       time.Time      // not before
	Until       time.Time      // not after
	MaxPriority *int           // at most this; nil for all
	Boot        string         // a boot's id; see CurrentBoot
	Grep        *regexp.Regexp // matches the message
	Fields      []Field        // by journald's names: one of those with the same name has to be there
	After       Place          // only what comes behind this record
	Lines       int            // only the last so many; 0 for all
	Reverse     bool           // the newest first; not with Follow
	Follow      bool           // then wait for new ones, until the context ends
}

// matches reports whether a record is wanted.
func (q Query) matches(r Record) bool {
	switch {
	case q.Unit != "" && r.Unit != q.Unit:
	case q.MaxPriority != nil && r.Priority > *q.MaxPriority:
	case !q.Since.IsZero() && r.RealtimeUS < uint64(q.Since.UnixMicro()):
	case !q.Until.IsZero() && r.RealtimeUS > uint64(q.Until.UnixMicro()):
	case !q.hasFields(r):
	case q.Grep != nil && !q.Grep.MatchString(r.Message):
	default:
		return true
	}
	return false
}

// hasFields reports whether the record has, for each name in Fields, one of its
// values.
func (q Query) hasFields(r Record) bool {
	if len(q.Fields) == 0 {
		return true
	}
	has := map[string]bool{}
	for _, f := range q.Fields {
		has[f.Name] = false
	}
	for name, value := range r.entry() {
		for _, f := range q.Fields {
			if f.Name == name && f.Value == value {
				has[name] = true
			}
		}
	}
	for _, found := range has {
		if !found {
			return false
		}
	}
	return true
}

// CurrentBoot returns the id of this boot, in the form that records have.
func CurrentBoot() (string, error) {
	text, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "", fmt.Errorf("which boot is this: %w", err)
	}
	return newBootID(string(text))
}

// movedFile holds the name of the folder where a store went to.
const movedFile = "moved"

// Locate returns the folder where a store is that began in dir.
func Locate(dir string) string {
	text, err := os.ReadFile(filepath.Join(dir, movedFile))
	if to := strings.TrimSpace(string(text)); err == nil && filepath.IsAbs(to) {
		return to
	}
	return dir
}

// DamageError says that a part of the store could not be read. What stands
// behind it is read all the same.
type DamageError struct {
	Path string `json:"path"`
	At   int64  `json:"at"` // offset of the damage
}

func (e *DamageError) Error() string {
	return fmt.Sprintf("%s is damaged at byte %d; what stood there is lost", e.Path, e.At)
}
