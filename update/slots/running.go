package slots

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"
)

// RunningFile is where stage 1 says, as JSON of a Running, what it has chosen.
const RunningFile = "/run/clarity/slot"

// ErrNoSlots is that the machine does not run from a root slot.
var ErrNoSlots = errors.New("this machine does not run from a root slot")

// Running is what a boot has chosen.
type Running struct {
	Slot   string `json:"slot"` // a or b
	Root   string `json:"root"` // the root hash of its version, in hexadecimal digits
	Reason string `json:"reason"`
	Worse  bool   `json:"worse,omitempty"` // it is not the slot that the record wants
	Record string `json:"record"`          // the partition with the record, below /dev
	ESP    string `json:"esp"`             // the loader's, likewise
	Loader string `json:"loader"`          // what has loaded the kernel, as far as it can be asked; else none
	Times  Times  `json:"times"`           // of stage 1
}

// Times are when stage 1 came how far, since the kernel's begin (CLOCK_BOOTTIME).
type Times struct {
	Begun  time.Duration `json:"begun"`
	Disk   time.Duration `json:"disk"`   // the disk was there, with its partitions
	Chosen time.Duration `json:"chosen"` // the record said which slot it is
	Root   time.Duration `json:"root"`   // the slot's root was mounted
}

// ReadRunning reads what stage 1 has chosen; the error is ErrNoSlots where it was not there.
func ReadRunning() (r Running, err error) {
	text, err := os.ReadFile(RunningFile)
	if errors.Is(err, os.ErrNotExist) {
		return r, ErrNoSlots
	}
	if err == nil {
		err = json.Unmarshal(text, &r)
	}
	if err != nil {
		return r, fmt.Errorf("which slot runs: %w", err)
	}
	return r, nil
}
