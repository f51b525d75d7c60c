package restart

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// InhibitDir has a file for each Inhibitor, which is locked while that is held.
const InhibitDir = "/run/clarity/inhibit"

// Inhibitor is work during which a machine is not to restart.
type Inhibitor struct {
	Who   string    `json:"who"`
	Why   string    `json:"why"`
	PID   int       `json:"pid"`
	Since time.Time `json:"since"`
}

func (i Inhibitor) String() string {
	return fmt.Sprintf("%s (%s, process %d, since %s)", i.Why, i.Who, i.PID, i.Since.Format(time.TimeOnly))
}

// Inhibit holds an inhibitor until release is called, or this process ends, however it does.
func Inhibit(dir string, i Inhibitor) (release func(), err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("hold restarts off: %w", err)
	}
	text, err := json.Marshal(i)
	if err != nil {
		return nil, fmt.Errorf("hold restarts off: %w", err)
	}
	f, err := os.CreateTemp(dir, ".new-") // names with a dot are not looked at
	if err != nil {
		return nil, fmt.Errorf("hold restarts off: %w", err)
	}
	path := filepath.Join(dir, strings.TrimPrefix(filepath.Base(f.Name()), ".new-"))
	_, err = f.Write(text)
	if err = errors.Join(err, unix.Flock(int(f.Fd()), unix.LOCK_EX)); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("hold restarts off: %w", err), os.Remove(f.Name()), f.Close())
	}
	return func() { os.Remove(path); f.Close() }, nil
}

// Inhibitors gives those that are held in dir. What processes have left that are gone is
// removed.
func Inhibitors(dir string) ([]Inhibitor, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("who holds restarts off: %w", err)
	}
	var out []Inhibitor
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") {
			continue
		}
		path := filepath.Join(dir, e.Name())
		i, held, err := readInhibitor(path)
		switch {
		case errors.Is(err, os.ErrNotExist): // released meanwhile
		case err != nil:
			out = append(out, Inhibitor{Who: path, Why: "it cannot be read: " + err.Error()})
		case held:
			out = append(out, i)
		default:
			os.Remove(path)
		}
	}
	return out, nil
}

func readInhibitor(path string) (i Inhibitor, held bool, err error) {
	f, err := os.Open(path)
	if err != nil {
		return i, false, err
	}
	defer f.Close()
	if err := unix.Flock(int(f.Fd()), unix.LOCK_SH|unix.LOCK_NB); err == nil {
		return i, false, nil
	}
	return i, true, json.NewDecoder(f).Decode(&i)
}
