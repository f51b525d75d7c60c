package plan

import "time"

// Type is how a service's readiness is known.
type Type string

// The service types of this version.
const (
	Simple  Type = "simple"        // ready once the process exists
	Exec    Type = "exec"          // ready once the program is executed
	Oneshot Type = "oneshot"       // ready once it has exited with success
	Forking Type = "forking"       // ready once the first process has exited with success
	Notify  Type = "notify"        // ready once it says READY=1, or by its notification descriptor
	Reloads Type = "notify-reload" // like notify, and a reload is ready once it says so again
	DBus    Type = "dbus"          // ready once its name is on the bus
	Idle    Type = "idle"          // like simple, but it lets other jobs go first for a while
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

// OOMPolicy says what becomes of a service of which the kernel has killed a
// process for want of memory.
type OOMPolicy string

// The policies of systemd.service(5).
const (
	OOMContinue OOMPolicy = "continue"
	OOMStop     OOMPolicy = "stop"
	OOMKill     OOMPolicy = "kill"
)

// FailureMode says how a service that took too long is ended.
type FailureMode string

// The modes of TimeoutStartFailureMode= and TimeoutStopFailureMode=.
const (
	FailTerminate FailureMode = "terminate"
	FailAbort     FailureMode = "abort"
	FailKill      FailureMode = "kill"
)

// PredictedFailure says what is done when a unit is likely to fail, by [X-Clarity].
type PredictedFailure string

// What is done.
const (
	PredictedReport  PredictedFailure = "report"  // it is told
	PredictedReclaim PredictedFailure = "reclaim" // … and the kernel is asked to take back the unit's memory
	PredictedRestart PredictedFailure = "restart" // … and the unit is restarted, shortly before
)

// Service is the [Service] section. Durations of Infinity never run out.
type Service struct {
	Type            Type
	NotifyAccess    string `json:",omitempty"` // none, main, exec, all
	NotificationFD  int    `json:",omitempty"` // s6: a newline on this descriptor means ready; 0: none
	PIDFile         string `json:",omitempty"`
	GuessMainPID    bool   `json:",omitempty"`
	RemainAfterExit bool   `json:",omitempty"`
	ExitWithGroup   bool   `json:",omitempty"` // ExitType=cgroup: it runs until its last process ends
	Component       string `json:",omitempty"` // role of clarityd; "" for an ordinary service

	Condition []Command `json:",omitempty"`
	StartPre  []Command `json:",omitempty"`
	Start     []Command `json:",omitempty"`
	AwaitName []Command `json:",omitempty"` // of Type=dbus: ends with success once the name is on the bus
	StartPost []Command `json:",omitempty"`
	Reload    []Command `json:",omitempty"`
	Stop      []Command `json:",omitempty"`
	StopPost  []Command `json:",omitempty"`
	Sockets   []string  `json:",omitempty"` // units whose descriptors it is given, in this order

	Restart         Restart
	RestartDirect   bool `json:",omitempty"` // RestartMode=direct: dependents hear nothing of a restart
	RestartDelay    time.Duration
	RestartSteps    int           `json:",omitempty"` // steps from RestartDelay to RestartMaxDelay
	RestartMaxDelay time.Duration `json:",omitempty"`
	SuccessStatus   ExitSet       `json:",omitzero"` // besides 0, SIGHUP, SIGINT, SIGTERM and SIGPIPE
	PreventRestart  ExitSet       `json:",omitzero"`
	ForceRestart    ExitSet       `json:",omitzero"`

	TimeoutStart     time.Duration
	TimeoutStop      time.Duration
	TimeoutAbort     time.Duration `json:",omitempty"` // 0: TimeoutStop
	StartFailureMode FailureMode   `json:",omitempty"` // "": terminate
	StopFailureMode  FailureMode   `json:",omitempty"`
	RuntimeMax       time.Duration `json:",omitempty"` // 0: without bound
	Watchdog         time.Duration `json:",omitempty"` // 0: none
	OOMPolicy        OOMPolicy     `json:",omitempty"` // "": stop

	KillMode          KillMode
	KillSignal        int
	RestartKillSignal int `json:",omitempty"` // 0: KillSignal
	WatchdogSignal    int `json:",omitempty"` // 0: SIGABRT
	ReloadSignal      int `json:",omitempty"` // 0: SIGHUP
	FinalSignal       int
	SendSIGKILL       bool
	SendSIGHUP        bool `json:",omitempty"`

	Health  *Health `json:",omitempty"`
	Process Process

	PredictedFailure PredictedFailure `json:",omitempty"` // "": report
}

// Silent says whether a service never says when it is ready: to have been started is no
// sign of it.
func (s *Service) Silent() bool {
	return (s.Type == Simple || s.Type == Exec || s.Type == Idle) && s.NotificationFD == 0 && (s.Health == nil || !s.Health.Gate)
}

// Health is how a running service is looked after, from [X-Clarity].
type Health struct {
	Probe     Probe
	Interval  time.Duration // between the end of a probe and the begin of the next
	Timeout   time.Duration // of one probe, after which it counts as failed
	Grace     time.Duration `json:",omitempty"` // after readiness, in which failures do not count
	Failures  int           // in a row until it is unhealthy
	Successes int           // in a row until it is healthy
	Action    string        `json:",omitempty"` // when it becomes unhealthy: "" nothing, restart, stop
	Gate      bool          `json:",omitempty"` // the start is not done before it is healthy
}

// Probe is one look at a service: a command that exits with 0 or, at At, a
// stream socket that takes a connection and, if Path is set, answers a GET of
// HTTP with a status from 200 to 399.
type Probe struct {
	Command *Command `json:",omitempty"`
	At      *Address `json:",omitempty"`
	Host    string   `json:",omitempty"` // of the request
	Path    string   `json:",omitempty"`
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
	Privileged    bool     `json:",omitempty"` // "+": without User= and all that confines the service
	KeepUser      bool     `json:",omitempty"` // "!": without User=, Group= and SupplementaryGroups=
	Literal       bool     `json:",omitempty"` // ":": no environment variables are substituted
	Substitute    bool     `json:",omitempty"` // a $ occurs, so that substitution is needed
}
