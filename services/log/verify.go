package log

import (
	"errors"
	"io"
	"os"
	"path/filepath"
)

// Checked is what the checksums of one segment tell.
type Checked struct {
	Path    string        `json:"path"`
	Boot    string        `json:"boot,omitempty"`
	Records int           `json:"records"` // intact ones
	Bytes   int64         `json:"bytes"`
	Damage  []DamageError `json:"damage,omitempty"`
	// Torn is the length of what stands behind the last intact record of
	// the newest segment: a write that is going on, or one that a crash cut.
	Torn int64 `json:"torn,omitempty"`
}

// Verify checks every record of every segment of the store in dir.
func Verify(dir string) ([]Checked, error) {
	dir = Locate(dir)
	names, err := listSegments(dir)
	if err != nil {
		return nil, err
	}
	var all []Checked
	for i, n := range names {
		c, err := verifySegment(n.path, i == len(names)-1)
		if errors.Is(err, os.ErrNotExist) {
			continue // dropped meanwhile
		}
		if err != nil {
			return all, err
		}
		all = append(all, c)
	}
	return all, nil
}

func verifySegment(path string, live bool) (Checked, error) {
	c := Checked{Path: filepath.Clean(path)}
	file, err := os.Open(path)
	if err != nil {
		return c, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return c, err
	}
	c.Bytes = info.Size()
	damage := func(at int64) { c.Damage = append(c.Damage, DamageError{path, at}) }
	h, in, damaged, err := openHead(file)
	if err != nil || damaged {
		damage(0)
	}
	if err != nil {
		return c, nil
	}
	c.Boot = h.Boot
	for {
		at := in.at
		body, err := in.next()
		switch {
		case err == io.EOF:
			return c, nil
		case errors.Is(err, errTorn) && in.resync():
			damage(at)
			continue
		case errors.Is(err, errTorn):
			if live {
				c.Torn = max(info.Size()-at, 0)
			} else {
				damage(at)
			}
			return c, nil
		case err != nil:
			return c, err
		}
		if r, err := parseRecord(h.Boot, body); err != nil {
			damage(at)
		} else if !r.Mark {
			c.Records++
		}
	}
}
