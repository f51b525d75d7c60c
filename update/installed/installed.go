// Package installed is what an image that takes updates says of itself, as a file of its own.
package installed

import (
	"encoding/json"
	"fmt"
	"os"
	"time"

	"clarityos/update/restart"
)

// Where an image says which release it is, and whose signatures it trusts.
const (
	Path     = "/usr/lib/clarity/update.json"
	RootPath = "/usr/lib/clarity/update.root.json" // TUF's root metadata
	// MigratesPath lists Image.Migrates, a line each; there is no such file without any.
	MigratesPath = "/usr/lib/clarity/migrates"
)

// Image is the one that runs.
type Image struct {
	Name         string            `json:"name"`
	Version      string            `json:"version"`
	Arch         string            `json:"arch"`
	Board        string            `json:"board,omitempty"`
	Security     uint32            `json:"security"`
	Schema       uint32            `json:"schema"`                 // of the state on /var that it writes
	Migrates     []string          `json:"migrates,omitempty"`     // paths below /var that its services bring to that schema
	From         string            `json:"from,omitempty"`         // its repository
	Channel      string            `json:"channel"`                // of that
	Policy       Mode              `json:"policy"`                 // what becomes of a newer version by itself
	Every        time.Duration     `json:"every,omitempty"`        // how often it is looked for; 0: never
	Built        int64             `json:"built"`                  // Unix seconds
	Proxy        string            `json:"proxy,omitempty"`        // see source.Options
	Certificates string            `json:"certificates,omitempty"` // likewise
	Bandwidth    int64             `json:"bandwidth,omitempty"`    // bytes a second; 0: any
	Media        bool              `json:"media,omitempty"`        // what is plugged in is looked at
	Restart      restart.Policy    `json:"restart"`
	Components   map[string]string `json:"components"` // their versions
}

// Read reads what the image that runs says of itself.
func Read() (i Image, err error) {
	text, err := os.ReadFile(Path)
	if err == nil {
		err = json.Unmarshal(text, &i)
	}
	if err != nil {
		return i, fmt.Errorf("this image takes no updates: %w; its definition has to have a table [update]", err)
	}
	return i, nil
}

// Mode is what a machine does with a newer version, without a person.
type Mode string

// The modes.
const (
	Manual   Mode = "manual"   // say that it is there
	Download Mode = "download" // write it to the other slot
	Install  Mode = "install"  // … and have the next boot try it
	Restart  Mode = "restart"  // … and restart, once the policy of restarts allows it
)

// Modes are all of them.
var Modes = []Mode{Manual, Download, Install, Restart}
