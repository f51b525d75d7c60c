package plan

import (
	"strconv"
	"time"
)

// Schema is the version of the plan's meaning. A plan of another schema is
// refused: it was made by a compiler that does not belong to this PID 1.
const Schema = 1

// Path is where the plan of an image lies in its root, and Spare where a copy
// does: it is used when the first does not hold.
const (
	Path  = "/usr/lib/clarity/plan"
	Spare = "/usr/lib/clarity/plan.spare"
)

// Plan is what the compiler hands to PID 1.
type Plan struct {
	Schema    int
	Image     string    // id of the root that the plan was made for; "" when unbound
	Sources   string    // SHA-256, in hex, over all unit sources in order of their paths
	Default   string    // the unit that boot starts
	Instances []string  `json:",omitempty"` // instances of templates that no unit names
	System    System    // what PID 1 itself sets up
	Setup     Setup     // what the setup component does before sysinit.target
	Units     []Unit    // sorted by name
	Findings  []Finding `json:",omitempty"` // what is unknown, not enforced or left out
}

// System is what PID 1 and the components need to know about the machine.
type System struct {
	Hostname   string    `json:",omitempty"`
	Built      int64     `json:",omitempty"` // Unix seconds; the clock never starts before it
	Rescue     bool      `json:",omitempty"` // open a shell on the console when boot cannot go on
	Console    string    `json:",omitempty"` // "shell": a root shell on the console; "" or "none": nothing
	Components []string  `json:",omitempty"` // roles of clarityd that run: log, devices, setup, network, agent
	Modules    []string  `json:",omitempty"` // kernel module files to load at boot, in order, absolute paths
	Network    []Network `json:",omitempty"`
	Data       *Data     `json:",omitempty"` // nil: /var stays in memory
	Goal       []string  `json:",omitempty"` // what the machine is there for: a boot that is ordered by what was learned starts it first
	Trial      Trial     // when a boot of a root slot is good
}

// Trial says when a boot of a root slot is good: once units are up and healthy for a time,
// all of them.
type Trial struct {
	Units  []string      `json:",omitempty"` // none: all that are enabled
	For    time.Duration `json:",omitempty"` // … so long without a break
	Within time.Duration `json:",omitempty"` // of the begin of the boot, or it is bad
	// Restart has the machine restart when a block of its root is corrupt, though the slot
	// was good; else it goes on, and the next boot is of the other slot.
	Restart bool `json:",omitempty"`
}

// Network configures one interface. DHCP and Address exclude each other.
type Network struct {
	Interface string   `json:",omitempty"` // name or shell pattern; "": the first Ethernet device
	DHCP      bool     `json:",omitempty"`
	Address   []string `json:",omitempty"` // CIDR notation
	Gateway   string   `json:",omitempty"`
	DNS       []string `json:",omitempty"`
}

// Data is the disk that holds /var. It is found by file-system label or, when
// it is blank, by the serial number that the machine gives it; a blank disk is
// formatted, a file system smaller than its disk is grown.
type Data struct {
	Label string // file-system label, and serial number of a blank disk
}

// Setup is done once per boot by a child, before sysinit.target.
type Setup struct {
	Sysctl []Sysctl   `json:",omitempty"`
	Files  []FileRule `json:",omitempty"` // in the order in which they are applied
}

// Sysctl is one kernel setting: Key with slashes, as under /proc/sys.
type Sysctl struct {
	Key, Value string
	Optional   bool `json:",omitempty"` // a missing key is no error
}

// FileRule is one line of tmpfiles.d. See tmpfiles.d(5) for what the letters
// of Type mean; ids are resolved by the compiler.
type FileRule struct {
	Type     string
	Path     string
	Mode     uint32 `json:",omitempty"` // permission bits; 0: the type's default
	ModeSet  bool   `json:",omitempty"`
	UID      int
	GID      int
	Argument string `json:",omitempty"`
	Source   string `json:",omitempty"` // file:line
}

// Finding is something a person should know about a unit: a directive that is
// unknown or not enforced, a reference to nothing, an edge left out of a cycle.
type Finding struct {
	Unit     string `json:",omitempty"`
	File     string `json:",omitempty"`
	Line     int    `json:",omitempty"`
	Kind     FindingKind
	Message  string
	Security bool `json:",omitempty"` // the directive would have confined the service
}

// FindingKind tells findings apart for a program.
type FindingKind string

// The kinds of findings.
const (
	Unknown    FindingKind = "unknown"    // no such directive or section
	Unenforced FindingKind = "unenforced" // read, but has no effect yet
	Invalid    FindingKind = "invalid"    // the value makes no sense; the unit cannot start
	Missing    FindingKind = "missing"    // refers to a unit, user or program that is not there
	Cycle      FindingKind = "cycle"      // an ordering edge was left out
)

// String gives "file:line: message", or what of it is known.
func (f Finding) String() string {
	s := f.Message
	if f.File != "" {
		at := f.File
		if f.Line > 0 {
			at += ":" + strconv.Itoa(f.Line)
		}
		s = at + ": " + s
	}
	return s
}
