package manifest

import (
	"encoding/json"
	"fmt"
	"os"
)

// Where an image says which release it is, and whose signatures it trusts.
const (
	InstalledPath = "/usr/lib/clarity/update.json"
	RootPath      = "/usr/lib/clarity/update.root.json" // TUF's root metadata
)

// Installed is what an image that takes updates says of itself.
type Installed struct {
	Name       string            `json:"name"`
	Version    string            `json:"version"`
	Arch       string            `json:"arch"`
	Board      string            `json:"board,omitempty"`
	Security   uint32            `json:"security"`
	Schema     uint32            `json:"schema"`         // of the state on /var that it writes
	From       string            `json:"from,omitempty"` // its repository
	Channel    string            `json:"channel"`        // of that
	Built      int64             `json:"built"`          // Unix seconds
	Components map[string]string `json:"components"`     // their versions
}

// ReadInstalled reads what the image that runs says of itself.
func ReadInstalled() (i Installed, err error) {
	text, err := os.ReadFile(InstalledPath)
	if err == nil {
		err = json.Unmarshal(text, &i)
	}
	if err != nil {
		return i, fmt.Errorf("this image takes no updates: %w; its definition has to have a table [update]", err)
	}
	return i, nil
}

// Target is the name of a release in TUF's targets: CHANNEL/NAME-ARCH/VERSION.json.
func Target(channel, name, arch, version string) string {
	return Folder(channel, name, arch) + version + targetSuffix
}

// Folder is what the names of all releases of an image begin with.
func Folder(channel, name, arch string) string { return channel + "/" + name + "-" + arch + "/" }

const targetSuffix = ".json"
