package order

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/google/renameio/v2"

	"clarityos/update/journal"
)

// Status is how far an order is, or how it has ended.
type Status struct {
	Order   Order        `json:"order"`
	Step    journal.Step `json:"step"`
	Time    time.Time    `json:"time"`
	Text    string       `json:"text"` // for people
	Done    bool         `json:"done"` // nothing more comes of it in this boot
	Error   string       `json:"error,omitempty"`
	Version string       `json:"version,omitempty"`
	Notes   string       `json:"notes,omitempty"`
	Slot    string       `json:"slot,omitempty"`
	Runs    string       `json:"runs,omitempty"`      // the version that runs
	Others  []string     `json:"available,omitempty"` // newer ones, the newest first

	Bytes   int64 `json:"bytes,omitempty"`   // of the release, as it lies on the disk
	Written int64 `json:"written,omitempty"` // … so far
	Lacking int64 `json:"lacking,omitempty"` // what has to be fetched of the packed chunks
	Fetched int64 `json:"fetched,omitempty"` // … so far
	Whole   int64 `json:"whole,omitempty"`   // all of them
}

// Tell puts a status where others read it.
func Tell(file string, s Status) error {
	text, err := json.Marshal(s)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(file), 0o755)
	}
	if err == nil {
		err = renameio.WriteFile(file, text, 0o644)
	}
	if err != nil {
		return fmt.Errorf("say how far the update is: %w", err)
	}
	return nil
}

// ReadStatus gives the latest status of this boot; nil: there is none.
func ReadStatus(file string) (*Status, error) {
	return read[Status](file, "how far the update is")
}
