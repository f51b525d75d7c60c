package restart

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"clarityos/update/durable"
)

// HistoryFile has the restarts of this machine.
const HistoryFile = "/var/lib/clarity/restarts.json"

// entriesMost is how many restarts are kept.
const entriesMost = 200

// Full is the kind of a restart of the whole machine, with its firmware.
const Full = "full"

// Entry is one restart.
type Entry struct {
	Asked   time.Time     `json:"asked"`
	Who     string        `json:"who"`
	Why     string        `json:"why"`
	Kind    string        `json:"kind"`             // Full
	Policy  bool          `json:"policy,omitempty"` // no person asked for it
	Boot    string        `json:"boot"`             // the id of the boot that ends with it
	Took    time.Duration `json:"took,omitempty"`   // until the machine was up again, by its clock
	Outcome string        `json:"outcome,omitempty"`
}

// BootID is that of this boot.
func BootID() string {
	text, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "" // then every boot is another one
	}
	return strings.TrimSpace(string(text))
}

// Read gives the restarts in a file, the oldest first; none when there is none.
func Read(file string) (all []Entry, err error) {
	text, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &all)
	}
	if err != nil {
		return nil, fmt.Errorf("the restarts that there were: %w", err)
	}
	return all, nil
}

// Begin adds a restart that is about to be. A file that cannot be read gives way to a new one.
func Begin(file string, e Entry) error {
	all, _ := Read(file)
	all = append(all, e)
	return write(file, all[max(0, len(all)-entriesMost):])
}

// End says in a later boot how the latest restart has ended, unless that is known.
func End(file, boot string, now time.Time, outcome string) error {
	all, err := Read(file)
	if err != nil || len(all) == 0 || all[len(all)-1].Outcome != "" || all[len(all)-1].Boot == boot {
		return err
	}
	last := &all[len(all)-1]
	last.Outcome, last.Took = outcome, max(0, now.Sub(last.Asked))
	return write(file, all)
}

func write(file string, all []Entry) error {
	text, err := json.MarshalIndent(all, "", " ")
	if err != nil {
		return err
	}
	return durable.WriteFile(file, append(text, '\n'), 0o644)
}
