// Package state sees to it that what lies on /var is of a form that the release which runs can
// read. A release whose services write another form than the one before it has that backed up
// before they begin; when it is left for the old one, that finds what it had written.
//
//	marker.go   which form there is, and a person's word
//	decide.go   what is to be done before services begin
//	run.go      doing it, step by step
//	machine.go  on this machine
//
// The form has a number, the schema, which a release's definition gives. Services never begin
// before the marker says which schema they write, and the marker never names a backup that was
// not read back. What a slot on trial cannot back up it does not migrate: it is left for the
// good one. No step is half-done for the next boot: whatever was cut is decided anew and done again.
package state

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"clarityos/update/durable"
)

// Where these are kept, on /var. The unit clarity-state.service knows these names.
const (
	Dir       = "/var/lib/clarity"
	OrderFile = Dir + "/" + orderName // id of the backup that a person wants restored

	// MarkerFile is the marker's.
	MarkerFile = Dir + "/" + markerName

	markerName = "schema"
	orderName  = "restore"
)

// Marker is which form there is on /var, at least in part.
type Marker struct {
	Schema  uint32 `json:"schema"`
	Version string `json:"version"`          // of the release that began to write it
	Backup  string `json:"backup,omitempty"` // id of what there was before; "": there is none
}

// ReadMarker reads the marker; nil: no release has left one.
func ReadMarker(path string) (*Marker, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	m := &Marker{}
	if err == nil {
		err = json.Unmarshal(text, m)
	}
	if err != nil {
		return nil, fmt.Errorf("which schema /var has: %s: %w; write {\"schema\": N} into it, with the schema that there is", path, err)
	}
	return m, nil
}

// Write makes it the marker. It is on the disk then.
func (m Marker) Write(path string) error {
	text, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return durable.WriteFile(path, append(text, '\n'), 0o600)
}

// ReadOrder gives the id of the backup that a person wants restored; "": none.
func ReadOrder(path string) (string, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return "", nil
	}
	return strings.TrimSpace(string(text)), err
}

// Order has the next boot restore a backup.
func Order(path, id string) error { return durable.WriteFile(path, []byte(id+"\n"), 0o600) }
