// Package manifest says what a release is: a version of an image, as it is written to a root
// slot, with what it takes to run it. A manifest is JSON that has one form only; who signed
// it, and how old it is, is known before it is read.
//
//	manifest.go  the manifest and its bytes
//	check.go     what has to hold of one by itself
//	accept.go    whether a machine can take one
//
// Nothing here touches a disk or the network.
package manifest

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"

	"clarityos/update/slots"
)

// Format is the version of the manifest's form.
const Format = 1

// SizeMost is the size of the largest manifest, in bytes.
const SizeMost = 1 << 20

// Manifest is one release.
type Manifest struct {
	Format   int    `json:"format"`          // Format
	Name     string `json:"name"`            // of the image
	Version  string `json:"version"`         // semantic (semver.org 2.0.0)
	Security uint32 `json:"security"`        // no machine goes back to a lower one
	Arch     string `json:"arch"`            // as Go has it
	Board    string `json:"board,omitempty"` // "" runs on each board of that architecture
	Kernel   string `json:"kernel"`          // the release of the kernel that comes with it

	Components []Component `json:"components,omitempty"` // sorted by their names
	State      State       `json:"state"`
	Restart    Kind        `json:"restart"`
	Health     Health      `json:"health"`
	Notes      string      `json:"notes,omitempty"` // for people

	Root   Part   `json:"root"`   // the root file system, whole blocks of verity
	Tree   Part   `json:"tree"`   // its hash tree, with the superblock
	Hash   Hash   `json:"hash"`   // the root of the tree
	Boot   []File `json:"boot"`   // for the loader's partition
	Table  Blob   `json:"table"`  // of chunks, in the order of Root, Tree and Boot
	Packed Blob   `json:"packed"` // the chunks
}

// Component is a part of the image that has a version of its own.
type Component struct {
	Name      string        `json:"name"`
	Version   string        `json:"version"`
	Requires  []Requirement `json:"requires,omitempty"`  // of what runs now, for the update to be taken
	Conflicts []Requirement `json:"conflicts,omitempty"` // likewise; none of it may be there
}

// Requirement is a range of versions of a component that runs now; KernelName is one, and so
// is the image by its own name.
type Requirement struct {
	Name  string `json:"name"`
	Range string `json:"range"` // such as ">= 1.2, < 2"
}

// KernelName is the kernel that runs, as a component.
const KernelName = "kernel"

// State is the schema of what lies on /var.
type State struct {
	From uint32 `json:"from"` // the lowest that the release reads
	To   uint32 `json:"to"`   // the highest, which it writes
}

// Kind is how an update gets to run.
type Kind string

// Restart is the one kind so far: the machine restarts into the other slot.
const Restart Kind = "full"

// Health is when a boot of the release is good.
type Health struct {
	Units  []string `json:"units,omitempty"` // have to be up and healthy
	For    uint32   `json:"for"`             // … for so many seconds
	Within uint32   `json:"within"`          // … so many seconds after the boot's begin
}

// Hash is a SHA-256 sum; hex in JSON.
type Hash [32]byte

// MarshalText gives 64 digits.
func (h Hash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText takes 64 digits.
func (h *Hash) UnmarshalText(text []byte) error {
	if len(text) != 2*len(h) {
		return fmt.Errorf("%q is no SHA-256 sum of 64 digits", text)
	}
	_, err := hex.Decode(h[:], text)
	return err
}

func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// Blob is a file of the repository.
type Blob struct {
	Hash Hash  `json:"sha256"`
	Size int64 `json:"size"` // bytes
}

// Name is that of a file in the repository, with a suffix such as ".pack".
func (b Blob) Name(suffix string) string { return "data/" + b.Hash.String() + suffix }

// Suffixes of blobs' names.
const (
	TableSuffix = ".table"
	PackSuffix  = ".pack"
)

// Part is data that the chunks make up.
type Part struct {
	Blob
	Places int `json:"places"` // in the table's sequence
}

// File is one on the loader's partition.
type File struct {
	Path string `json:"path"`           // with SlotWord, where a slot's name stands
	Slot string `json:"slot,omitempty"` // a or b: it is for that slot only
	Text bool   `json:"text,omitempty"` // SlotWord and StateWord stand in it too
	Part
}

// Words that are replaced when a release is written to a slot.
const (
	SlotWord  = "{slot}"  // a or b
	StateWord = "{state}" // the GUID of the machine's partition with the record of slots
)

// For gives a file's path and data as they are in a slot.
func (f File) For(s slots.Slot, state string, data []byte) (string, []byte) {
	path := strings.ReplaceAll(f.Path, SlotWord, s.String())
	if f.Text {
		data = []byte(strings.NewReplacer(SlotWord, s.String(), StateWord, state).Replace(string(data)))
	}
	return path, data
}

// Parts gives all data of the release, in the order of the table's sequence.
func (m *Manifest) Parts() []Part {
	parts := []Part{m.Root, m.Tree}
	for _, f := range m.Boot {
		parts = append(parts, f.Part)
	}
	return parts
}

// Encode gives the manifest's bytes: JSON, indented by one blank, with a newline at its end.
func (m *Manifest) Encode() ([]byte, error) {
	if err := m.Check(); err != nil {
		return nil, err
	}
	return m.encode()
}

func (m *Manifest) encode() ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	if err := e.Encode(m); err != nil {
		return nil, fmt.Errorf("write a manifest: %w", err)
	}
	if b.Len() > SizeMost {
		return nil, fmt.Errorf("a manifest of %d bytes; at most %d can be", b.Len(), SizeMost)
	}
	return b.Bytes(), nil
}

// Decode reads a manifest, which has the form that Encode gives it and no other, and checks it.
func Decode(b []byte) (*Manifest, error) {
	if len(b) > SizeMost {
		return nil, fmt.Errorf("a manifest of %d bytes; at most %d can be", len(b), SizeMost)
	}
	var form struct {
		Format int `json:"format"`
	}
	if err := json.Unmarshal(b, &form); err != nil {
		return nil, fmt.Errorf("it is no manifest: %w", err)
	}
	if form.Format != Format {
		return nil, fmt.Errorf("a manifest of format %d, and this machine reads format %d; another update has to come first", form.Format, Format)
	}
	m := &Manifest{}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(m); err != nil {
		return nil, fmt.Errorf("it is no manifest: %w", err)
	}
	again, err := m.encode()
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(again, b) {
		return nil, fmt.Errorf("the manifest is not in the one form that it may have")
	}
	return m, m.Check()
}

// Target is the name of a release in TUF's targets: CHANNEL/NAME-ARCH/VERSION.json.
func Target(channel, name, arch, version string) string {
	return Folder(channel, name, arch) + version + targetSuffix
}

// Folder is what the names of all releases of an image begin with.
func Folder(channel, name, arch string) string { return channel + "/" + name + "-" + arch + "/" }

const targetSuffix = ".json"
