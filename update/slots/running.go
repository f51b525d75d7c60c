package slots

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
)

// RunningFile is where stage 1 says, as JSON of a Running, what it has chosen.
const RunningFile = "/run/clarity/slot"

// ErrNoSlots is that the machine does not run from a root slot.
var ErrNoSlots = errors.New("this machine does not run from a root slot")

// Running is what a boot has chosen.
type Running struct {
	Slot   string `json:"slot"` // a or b
	Reason string `json:"reason"`
	Worse  bool   `json:"worse,omitempty"` // it is not the slot that the record wants
	Record string `json:"record"`          // the partition with the record, below /dev
	Loader string `json:"loader"`          // what has loaded the kernel, as far as it can be asked: systemd-boot, or none
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
