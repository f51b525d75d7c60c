package plan

import "time"

// Process is what a service's processes are given. Ids are resolved by the
// compiler: UID and GID are -1 when the unit sets none.
type Process struct {
	UID, GID       int
	Groups         []int       `json:",omitempty"`
	User           string      `json:",omitempty"`
	Home           string      `json:",omitempty"`
	Shell          string      `json:",omitempty"`
	Environment    []string    `json:",omitempty"` // KEY=value
	EnvFiles       []EnvFile   `json:",omitempty"`
	Directory      string      `json:",omitempty"` // working directory; "": /
	DirectoryOpt   bool        `json:",omitempty"` // a missing one is no error
	Umask          int         // -1: 0022
	PassEnv        []string    `json:",omitempty"` // variables of PID 1's own that are passed on
	UnsetEnv       []string    `json:",omitempty"` // KEY or KEY=value, taken away last
	Nice           *int        `json:",omitempty"`
	IOPriority     *int        `json:",omitempty"` // class<<13 | level, of ioprio_set(2)
	CPUPolicy      *int        `json:",omitempty"` // of sched(7): 0 other, 1 fifo, 2 rr, 3 batch, 5 idle
	CPUPriority    int         `json:",omitempty"`
	ResetOnFork    bool        `json:",omitempty"` // CPUSchedulingResetOnFork=
	CPUAffinity    []int       `json:",omitempty"` // CPU numbers; empty: all
	TimerSlack     int64       `json:",omitempty"` // ns; 0: the kernel's
	OOMScoreAdjust *int        `json:",omitempty"`
	CoredumpFilter *int        `json:",omitempty"`
	IgnoreSIGPIPE  bool        `json:",omitempty"`
	NoNewPrivs     bool        `json:",omitempty"`
	Ambient        []int       `json:",omitempty"` // ambient capabilities, by number
	Limits         []Limit     `json:",omitempty"`
	Directories    []Directory `json:",omitempty"`
	KeepRuntimeDir string      `json:",omitempty"` // RuntimeDirectoryPreserve=: "", yes, restart

	Input     string `json:",omitempty"` // "" or null, tty, tty-force, tty-fail, data, file:PATH, socket, fd:NAME
	InputData []byte `json:",omitempty"` // of Input data
	Output    string `json:",omitempty"` // "" or journal, null, kmsg, journal+console, kmsg+console, tty, inherit, socket, fd:NAME, file:, append:, truncate:PATH
	Error     string `json:",omitempty"` // like Output; "" is inherit
	TTY       TTY    `json:",omitzero"`
	Log       Log    `json:",omitzero"`

	Cgroup            []Setting     `json:",omitempty"`
	Delegate          bool          `json:",omitempty"` // its user owns the cgroup
	DelegateTo        []string      `json:",omitempty"` // controllers that it may use below; nil with Delegate: all
	DelegateGroup     string        `json:",omitempty"` // DelegateSubgroup=: where its processes go
	PressureWatch     bool          `json:",omitempty"` // MEMORY_PRESSURE_WATCH is told where its memory.pressure is
	PressureThreshold time.Duration `json:",omitempty"` // stalls in 2s that it is told of; 0: 200ms
	Slice             string        `json:",omitempty"` // cgroup of the slice, below the root; "": system.slice
}

// TTY is the terminal of Input, Output or Error tty.
type TTY struct {
	Path          string `json:",omitempty"` // "": /dev/console
	Reset         bool   `json:",omitempty"`
	Hangup        bool   `json:",omitempty"`
	Disallocate   bool   `json:",omitempty"`
	Rows, Columns int    `json:",omitempty"`
}

// Log is what the log component does with a service's output. Priorities are
// syslog's, 0 to 7; nil stands for the component's own choice.
type Log struct {
	Identifier   string         `json:",omitempty"`
	Level        *int           `json:",omitempty"` // of lines without a prefix
	NoPrefix     bool           `json:",omitempty"` // SyslogLevelPrefix=no
	LevelMax     *int           `json:",omitempty"` // less urgent lines are not kept
	RateInterval *time.Duration `json:",omitempty"` // 0: no limit
	RateBurst    *int           `json:",omitempty"`
	Fields       []string       `json:",omitempty"` // NAME=value
}

// EnvFile is a file of KEY=value lines, read when a process starts.
type EnvFile struct {
	Path     string
	Optional bool `json:",omitempty"`
}

// Limit is one resource limit; Resource is its number in
// include/uapi/asm-generic/resource.h, ^uint64(0) is infinity.
type Limit struct {
	Resource   int
	Soft, Hard uint64
}

// Directory is a Runtime-, State-, Cache-, Logs- or ConfigurationDirectory.
type Directory struct {
	Kind string // runtime, state, cache, logs, configuration
	Path string // absolute
	Mode uint32
}
