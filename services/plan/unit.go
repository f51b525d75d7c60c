package plan

import "time"

// Unit is one service or target.
type Unit struct {
	Name        string
	Description string   `json:",omitempty"`
	Sources     []string `json:",omitempty"` // the unit file and its drop-ins, in order
	Broken      string   `json:",omitempty"` // why the unit cannot be started at all

	Wants     []string `json:",omitempty"`
	Requires  []string `json:",omitempty"`
	After     []string `json:",omitempty"` // Before= is turned into the other unit's After
	Conflicts []string `json:",omitempty"`
	Enabled   bool     `json:",omitempty"` // asked for by the image or by a link in a .wants folder

	Conditions []Condition `json:",omitempty"`
	StartLimit StartLimit

	Service *Service `json:",omitempty"` // nil for a target
}

// StartLimit is how often a unit may be started: Burst times in Interval.
// A zero Burst or Interval means without limit.
type StartLimit struct {
	Interval time.Duration `json:",omitempty"`
	Burst    int           `json:",omitempty"`
}

// Condition is one Condition…= or Assert…= line.
type Condition struct {
	Kind    string // the directive's name after Condition or Assert, e.g. "PathExists"
	Value   string
	Not     bool   `json:",omitempty"` // "!": must not hold
	Trigger bool   `json:",omitempty"` // "|": one of the triggering ones suffices
	Assert  bool   `json:",omitempty"` // failing it fails the start instead of skipping it
	Source  string `json:",omitempty"` // file:line
}

// Type is how a service's readiness is known.
type Type string

// The service types of this version.
const (
	Simple  Type = "simple"  // ready once the process exists
	Exec    Type = "exec"    // ready once the program is executed
	Oneshot Type = "oneshot" // ready once it has exited with success
	Forking Type = "forking" // ready once the first process has exited with success
	Notify  Type = "notify"  // ready once it says READY=1
)

// Restart says after which ends a service is started again.
type Restart string

// The restart policies of systemd.service(5).
const (
	RestartNo         Restart = "no"
	RestartAlways     Restart = "always"
	RestartOnSuccess  Restart = "on-success"
	RestartOnFailure  Restart = "on-failure"
	RestartOnAbnormal Restart = "on-abnormal"
	RestartOnAbort    Restart = "on-abort"
	RestartOnWatchdog Restart = "on-watchdog"
)

// KillMode says which processes a stop signals.
type KillMode string

// The kill modes of systemd.kill(5).
const (
	KillControlGroup KillMode = "control-group"
	KillMixed        KillMode = "mixed"
	KillProcess      KillMode = "process"
	KillNone         KillMode = "none"
)

// Infinity is a wait that the unit asked to be without bound.
const Infinity = time.Duration(1<<63 - 1)

// Service is the [Service] section. Durations of Infinity never run out.
type Service struct {
	Type            Type
	NotifyAccess    string `json:",omitempty"` // none, main, exec, all
	PIDFile         string `json:",omitempty"`
	GuessMainPID    bool   `json:",omitempty"`
	RemainAfterExit bool   `json:",omitempty"`
	Component       string `json:",omitempty"` // role of clarityd; "" for an ordinary service

	Condition []Command `json:",omitempty"`
	StartPre  []Command `json:",omitempty"`
	Start     []Command `json:",omitempty"`
	StartPost []Command `json:",omitempty"`
	Reload    []Command `json:",omitempty"`
	Stop      []Command `json:",omitempty"`
	StopPost  []Command `json:",omitempty"`

	Restart         Restart
	RestartDelay    time.Duration
	RestartSteps    int           `json:",omitempty"` // steps from RestartDelay to RestartMaxDelay
	RestartMaxDelay time.Duration `json:",omitempty"`
	SuccessStatus   ExitSet       // besides 0, SIGHUP, SIGINT, SIGTERM and SIGPIPE
	PreventRestart  ExitSet
	ForceRestart    ExitSet

	TimeoutStart time.Duration
	TimeoutStop  time.Duration

	KillMode    KillMode
	KillSignal  int
	FinalSignal int
	SendSIGKILL bool
	SendSIGHUP  bool `json:",omitempty"`

	Process Process
}

// ExitSet is a set of exit codes and signals.
type ExitSet struct {
	Codes   []int `json:",omitempty"`
	Signals []int `json:",omitempty"`
}

// Command is one Exec…= line.
type Command struct {
	Path          string   // absolute
	Argv          []string // Argv[0] included
	IgnoreFailure bool     `json:",omitempty"` // "-"
	Privileged    bool     `json:",omitempty"` // "+" or "!": without User=, Group= and their kin
	Literal       bool     `json:",omitempty"` // ":": no environment variables are substituted
	Substitute    bool     `json:",omitempty"` // a $ occurs, so that substitution is needed
}

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
	Nice           *int        `json:",omitempty"`
	OOMScoreAdjust *int        `json:",omitempty"`
	NoNewPrivs     bool        `json:",omitempty"`
	Ambient        []int       `json:",omitempty"` // ambient capabilities, by number
	Limits         []Limit     `json:",omitempty"`
	Directories    []Directory `json:",omitempty"`
	Input          string      `json:",omitempty"` // null, tty, tty-force
	Output         string      `json:",omitempty"` // null, journal, kmsg, console, tty, file:PATH, append:PATH, truncate:PATH
	Error          string      `json:",omitempty"` // like Output, and inherit
	TTYPath        string      `json:",omitempty"`
	Identifier     string      `json:",omitempty"` // of its log lines
	TasksMax       uint64      `json:",omitempty"` // 0: no limit of its own
	MemoryMax      uint64      `json:",omitempty"` // bytes; 0: no limit of its own
	CPUWeight      uint64      `json:",omitempty"` // 1..10000; 0: the default of 100
	KeepRuntimeDir bool        `json:",omitempty"`
	Slice          string      `json:",omitempty"` // "": system.slice
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
