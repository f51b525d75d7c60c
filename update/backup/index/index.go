// Package index is what a backup says of itself: when and why it was made, what lay below its
// paths, and of which chunks the files consist. It is a text of lines, each a JSON object, so
// that it is written and read without ever being in memory as a whole. What a line means and
// whether it may stand where it stands is decided here; nothing here touches a disk.
//
//	index.go   the lines
//	writer.go  writing them
//	reader.go  reading them
//	check.go   what may follow what
//	name.go    names that are no text
//
// A reader never gives a name that leads out of its path, an entry whose folder did not come
// before it, or a chunk outside of its file. That the text is whole is known at its end only:
// its last line has the SHA-256 of all before it. What was given until then may be wrong.
package index

import "time"

// Format is the number of this form of an index.
const Format = 1

// Bounds.
const (
	EntriesMost = 1 << 20  // entries of a backup
	PathsMost   = 64       // paths of a backup
	DepthMost   = 128      // folders in each other
	NameMost    = 4095     // bytes of an entry's name (PATH_MAX)
	AttrMost    = 64 << 10 // bytes of an extended attribute (XATTR_SIZE_MAX)
	lineMost    = 1 << 20
)

// Cause is why a backup was made.
type Cause string

// The causes.
const (
	Update  Cause = "update"  // before a version that writes another schema begins to run
	Restore Cause = "restore" // before another backup is put in the place of what there is
)

// Header is the first line.
type Header struct {
	Format  int       `json:"format"`
	ID      string    `json:"id"`      // see IDRule; later backups have larger ones
	Time    time.Time `json:"time"`    // by the machine's clock, which may be wrong
	Cause   Cause     `json:"cause"`   // why it was made
	Version string    `json:"version"` // of the release for which it was made
	Schema  uint32    `json:"schema"`  // of what it has
	Paths   []Path    `json:"paths"`   // absolute and clean, none below another one
}

// Path is a folder or a file that was backed up with all that is in it.
type Path = Name

// Type is what an entry is.
type Type string

// The types. Sockets are left out: they are of no use without who listens.
const (
	Absent  Type = "absent" // nothing lies at the path; it is the only entry of that
	Folder  Type = "folder"
	File    Type = "file"
	Symlink Type = "symlink"
	Link    Type = "link" // a further name of an earlier file, in the same path
	Char    Type = "char"
	Block   Type = "block"
	Fifo    Type = "fifo"
)

// Entry is a line for each thing that lies at a path or below it: the thing at the path itself
// first, and the content of a folder right behind it, by name.
type Entry struct {
	Path   int       `json:"path"` // index of Header.Paths
	Name   Name      `json:"name"` // within that, such as a/b; "" is the path itself
	Type   Type      `json:"type"`
	Mode   uint32    `json:"mode,omitempty"` // the bits 07777
	UID    uint32    `json:"uid,omitempty"`
	GID    uint32    `json:"gid,omitempty"`
	Mtime  *[2]int64 `json:"mtime,omitempty"`  // Unix seconds, and nanoseconds; nil of Absent and Link
	Size   int64     `json:"size,omitempty"`   // of a File, in bytes, holes with it
	Target Name      `json:"target,omitempty"` // of a Symlink; of a Link the Name of the file
	Device uint64    `json:"device,omitempty"` // of Char and Block, as in stat(2)
	Attrs  []Attr    `json:"attrs,omitempty"`  // by name
}

// Attr is an extended attribute; ACLs and capabilities of files are some (xattr(7)).
type Attr struct {
	Name  Name   `json:"name"`
	Value []byte `json:"value"`
}

// Chunk is a line for each part of the file whose entry came last. What no chunk covers is a
// hole.
type Chunk struct {
	At   int64 `json:"at"`     // in the file
	Size int64 `json:"size"`   // in bytes
	Hash Hash  `json:"sha256"` // of them
}

// end is the last line.
type end struct {
	Entries int   `json:"entries"`
	Chunks  int   `json:"chunks"`
	Bytes   int64 `json:"bytes"`  // of all chunks
	Hash    Hash  `json:"sha256"` // of all lines before this one
}

// Info is what is known of a backup without its entries.
type Info struct {
	Header
	Entries  int    `json:"entries"`
	Chunks   int    `json:"chunks"`
	Bytes    int64  `json:"bytes"`              // of its files, without holes
	Verified bool   `json:"verified,omitempty"` // all of it was read once, and was right
	Problem  string `json:"problem,omitempty"`  // why it cannot be restored; then only the ID is sure
}
