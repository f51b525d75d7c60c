// Code generated from messages.toml. DO NOT EDIT.

package bus

import "time"

// UnitState is what topic unit.state carries. A unit is in another phase of its life.
type UnitState struct {
	Unit   string        `json:"unit"`             // its name
	Active string        `json:"active"`           // inactive, failed, activating, active, reloading or deactivating
	Phase  string        `json:"phase"`            // the same more closely, as `clarityctl status` has it
	Result string        `json:"result,omitempty"` // how its last run ended, when it has
	Cause  string        `json:"cause,omitempty"`  // why, for people
	Since  time.Duration `json:"since"`            // CLOCK_BOOTTIME of the change
}

var unitState = &Kind{Topic: "unit.state", Version: 1, Priority: Critical, Key: "unit",
	Keep: true, Public: true, body: func() Body { return new(UnitState) },
	fields: map[string]fieldType{"unit": aString, "active": aString, "phase": aString, "result": aString, "cause": aString, "since": anInt}}

// About gives the kind of the message and what it is about.
func (m *UnitState) About() (*Kind, string) { return unitState, m.Unit }

// UnitJob is what topic unit.job carries. A job that somebody asked for has ended.
type UnitJob struct {
	Unit    string `json:"unit"`              // the unit
	Outcome string `json:"outcome"`           // done, skipped, failed, dependency, canceled, refused or timeout
	Message string `json:"message,omitempty"` // why, for people
}

var unitJob = &Kind{Topic: "unit.job", Version: 1, Priority: Normal, Key: "",
	Keep: false, Public: true, body: func() Body { return new(UnitJob) },
	fields: map[string]fieldType{"unit": aString, "outcome": aString, "message": aString}}

// About gives the kind of the message and what it is about.
func (m *UnitJob) About() (*Kind, string) { return unitJob, "" }

// BootState is what topic boot.state carries. The system as a whole is in another state.
type BootState struct {
	System string        `json:"system"`           // always `system`
	State  string        `json:"state"`            // starting, running, degraded or stopping
	Init   time.Duration `json:"init,omitempty"`   // CLOCK_BOOTTIME when PID 1 was executed
	Took   time.Duration `json:"took,omitempty"`   // CLOCK_BOOTTIME when the boot's last job ended
	Failed []string      `json:"failed,omitempty"` // enabled units that are not up although nothing excuses it
}

var bootState = &Kind{Topic: "boot.state", Version: 1, Priority: Critical, Key: "system",
	Keep: true, Public: true, body: func() Body { return new(BootState) },
	fields: map[string]fieldType{"system": aString, "state": aString, "init": anInt, "took": anInt, "failed": someStrings}}

// About gives the kind of the message and what it is about.
func (m *BootState) About() (*Kind, string) { return bootState, m.System }

// BootMessage is what topic boot.message carries. PID 1 said something.
type BootMessage struct {
	Unit     string `json:"unit,omitempty"` // about which unit
	Priority int    `json:"priority"`       // syslog's, 0 to 7
	Message  string `json:"message"`        // the line
}

var bootMessage = &Kind{Topic: "boot.message", Version: 1, Priority: Normal, Key: "",
	Keep: false, Public: false, body: func() Body { return new(BootMessage) },
	fields: map[string]fieldType{"unit": aString, "priority": anInt, "message": aString}}

// About gives the kind of the message and what it is about.
func (m *BootMessage) About() (*Kind, string) { return bootMessage, "" }

// HealthState is what topic health.state carries. What the probes of a unit amount to has changed.
type HealthState struct {
	Unit  string `json:"unit"`            // its name
	State string `json:"state"`           // healthy, unhealthy or unknown
	Cause string `json:"cause,omitempty"` // what the last failed probe said
}

var healthState = &Kind{Topic: "health.state", Version: 1, Priority: Critical, Key: "unit",
	Keep: true, Public: true, body: func() Body { return new(HealthState) },
	fields: map[string]fieldType{"unit": aString, "state": aString, "cause": aString}}

// About gives the kind of the message and what it is about.
func (m *HealthState) About() (*Kind, string) { return healthState, m.Unit }

// DependencyUse is what topic dependency.use carries. A unit was seen for the first time in this boot to use what another one made.
type DependencyUse struct {
	Use    string        `json:"use"`              // who, whose, what and when, in a line
	Unit   string        `json:"unit"`             // who uses it
	On     string        `json:"on"`               // whose it is
	Kind   string        `json:"kind"`             // unix, tcp, udp, file, fifo, device, mount or bus
	Object string        `json:"object"`           // path, address, or name
	Phase  string        `json:"phase"`            // start, before the user was ready, or steady
	Failed string        `json:"failed,omitempty"` // the error of a use that failed, such as ENOENT
	At     time.Duration `json:"at,omitempty"`     // CLOCK_BOOTTIME of that use
	Made   time.Duration `json:"made,omitempty"`   // since when what is used was there, as far as that was seen
}

var dependencyUse = &Kind{Topic: "dependency.use", Version: 1, Priority: Critical, Key: "use",
	Keep: true, Public: false, body: func() Body { return new(DependencyUse) },
	fields: map[string]fieldType{"use": aString, "unit": aString, "on": aString, "kind": aString, "object": aString, "phase": aString, "failed": aString, "at": anInt, "made": anInt}}

// About gives the kind of the message and what it is about.
func (m *DependencyUse) About() (*Kind, string) { return dependencyUse, m.Use }

// ReadinessObserved is what topic readiness.observed carries. A unit was seen to be ready: it listens where it listened before.
type ReadinessObserved struct {
	Unit      string        `json:"unit"`                // its name
	At        time.Duration `json:"at"`                  // CLOCK_BOOTTIME
	Endpoints []string      `json:"endpoints,omitempty"` // where it listens
}

var readinessObserved = &Kind{Topic: "readiness.observed", Version: 1, Priority: High, Key: "",
	Keep: false, Public: false, body: func() Body { return new(ReadinessObserved) },
	fields: map[string]fieldType{"unit": aString, "at": anInt, "endpoints": someStrings}}

// About gives the kind of the message and what it is about.
func (m *ReadinessObserved) About() (*Kind, string) { return readinessObserved, "" }

// DiscoveryEndpoint is what topic discovery.endpoint carries. Somebody listens somewhere; the message is withdrawn when nobody does any more.
type DiscoveryEndpoint struct {
	Endpoint string        `json:"endpoint"`           // such as tcp:0.0.0.0:80 or unix:/run/x
	Unit     string        `json:"unit"`               // who listens
	Protocol string        `json:"protocol,omitempty"` // a guess: http, redis, …
	Since    time.Duration `json:"since"`              // CLOCK_BOOTTIME
}

var discoveryEndpoint = &Kind{Topic: "discovery.endpoint", Version: 1, Priority: Critical, Key: "endpoint",
	Keep: true, Public: false, body: func() Body { return new(DiscoveryEndpoint) },
	fields: map[string]fieldType{"endpoint": aString, "unit": aString, "protocol": aString, "since": anInt}}

// About gives the kind of the message and what it is about.
func (m *DiscoveryEndpoint) About() (*Kind, string) { return discoveryEndpoint, m.Endpoint }

// DiscoveryConflict is what topic discovery.conflict carries. Two units want to listen at the same place.
type DiscoveryConflict struct {
	Endpoint string `json:"endpoint"` // such as tcp:0.0.0.0:80
	Holder   string `json:"holder"`   // the unit that listens there
	Wants    string `json:"wants"`    // the unit that will fail
}

var discoveryConflict = &Kind{Topic: "discovery.conflict", Version: 1, Priority: Critical, Key: "endpoint",
	Keep: true, Public: false, body: func() Body { return new(DiscoveryConflict) },
	fields: map[string]fieldType{"endpoint": aString, "holder": aString, "wants": aString}}

// About gives the kind of the message and what it is about.
func (m *DiscoveryConflict) About() (*Kind, string) { return discoveryConflict, m.Endpoint }

// ResourceUsage is what topic resource.usage carries. What a unit uses.
type ResourceUsage struct {
	Unit    string        `json:"unit"`    // its name
	CPU     time.Duration `json:"cpu"`     // CPU time so far
	Memory  uint64        `json:"memory"`  // in its cgroup now
	Read    uint64        `json:"read"`    // from block devices so far
	Written uint64        `json:"written"` // to block devices so far
}

var resourceUsage = &Kind{Topic: "resource.usage", Version: 1, Priority: Low, Key: "unit",
	Keep: true, Public: false, body: func() Body { return new(ResourceUsage) },
	fields: map[string]fieldType{"unit": aString, "cpu": anInt, "memory": aSize, "read": aSize, "written": aSize}}

// About gives the kind of the message and what it is about.
func (m *ResourceUsage) About() (*Kind, string) { return resourceUsage, m.Unit }

// ResourceAnomaly is what topic resource.anomaly carries. A unit is not as it uses to be.
type ResourceAnomaly struct {
	Unit    string  `json:"unit"`    // its name
	Phase   string  `json:"phase"`   // start, steady or stop
	Measure string  `json:"measure"` // what of its profile
	Value   float64 `json:"value"`   // what it is now, in the unit of the profile
	Usual   float64 `json:"usual"`   // the median so far
	Rarity  float64 `json:"rarity"`  // the share of earlier values that were as far out, 0 to 1
}

var resourceAnomaly = &Kind{Topic: "resource.anomaly", Version: 1, Priority: High, Key: "",
	Keep: false, Public: false, body: func() Body { return new(ResourceAnomaly) },
	fields: map[string]fieldType{"unit": aString, "phase": aString, "measure": aString, "value": aNumber, "usual": aNumber, "rarity": aNumber}}

// About gives the kind of the message and what it is about.
func (m *ResourceAnomaly) About() (*Kind, string) { return resourceAnomaly, "" }

// PressureLevel is what topic pressure.level carries. Work waits for a resource more, or less, than before.
type PressureLevel struct {
	Resource string  `json:"resource"` // cpu, memory or io
	Some     float64 `json:"some"`     // share of the last ten seconds in which some task waited, 0 to 1
	Full     float64 `json:"full"`     // … in which all did
}

var pressureLevel = &Kind{Topic: "pressure.level", Version: 1, Priority: High, Key: "resource",
	Keep: true, Public: false, body: func() Body { return new(PressureLevel) },
	fields: map[string]fieldType{"resource": aString, "some": aNumber, "full": aNumber}}

// About gives the kind of the message and what it is about.
func (m *PressureLevel) About() (*Kind, string) { return pressureLevel, m.Resource }

// PredictionFailure is what topic prediction.failure carries. A unit is likely to fail; the message is withdrawn when it no longer is.
type PredictionFailure struct {
	Prediction  string        `json:"prediction"`  // unit and kind, in a line
	Unit        string        `json:"unit"`        // its name
	Kind        string        `json:"kind"`        // memory, descriptors, tasks, disk, health-latency, start-duration or restarts
	Probability float64       `json:"probability"` // that it goes this way at all, 0 to 1
	At          time.Duration `json:"at"`          // CLOCK_BOOTTIME of the reckoning
	Since       time.Duration `json:"since"`       // since when it goes this way
	Within      time.Duration `json:"within"`      // the failure, from at on
	Soonest     time.Duration `json:"soonest"`     // … at the soonest; both bounds together hold 95 % where the growth keeps its form
	Latest      time.Duration `json:"latest"`      // … at the latest
	Limit       string        `json:"limit"`       // what will be reached, for people
	Value       float64       `json:"value"`       // what is near it: bytes, seconds or a count
	Most        float64       `json:"most"`        // the limit, in the same; 0: there is none
	Grown       float64       `json:"grown"`       // by how much the value has grown
	Cause       string        `json:"cause"`       // what it follows from, for people
	Policy      string        `json:"policy"`      // PredictedFailure= of the unit: report, reclaim or restart
}

var predictionFailure = &Kind{Topic: "prediction.failure", Version: 2, Priority: High, Key: "prediction",
	Keep: true, Public: false, body: func() Body { return new(PredictionFailure) },
	fields: map[string]fieldType{"prediction": aString, "unit": aString, "kind": aString, "probability": aNumber, "at": anInt, "since": anInt, "within": anInt, "soonest": anInt, "latest": anInt, "limit": aString, "value": aNumber, "most": aNumber, "grown": aNumber, "cause": aString, "policy": aString}}

// About gives the kind of the message and what it is about.
func (m *PredictionFailure) About() (*Kind, string) { return predictionFailure, m.Prediction }

// PredictionAct is what topic prediction.act carries. Something was done against a failure that was predicted.
type PredictionAct struct {
	Unit    string        `json:"unit"`    // its name
	Kind    string        `json:"kind"`    // of the failure
	Act     string        `json:"act"`     // reclaim or restart
	At      time.Duration `json:"at"`      // CLOCK_BOOTTIME when it began
	Reason  string        `json:"reason"`  // why, and why then, for people
	Outcome string        `json:"outcome"` // what came of it, for people
}

var predictionAct = &Kind{Topic: "prediction.act", Version: 1, Priority: High, Key: "unit",
	Keep: true, Public: false, body: func() Body { return new(PredictionAct) },
	fields: map[string]fieldType{"unit": aString, "kind": aString, "act": aString, "at": anInt, "reason": aString, "outcome": aString}}

// About gives the kind of the message and what it is about.
func (m *PredictionAct) About() (*Kind, string) { return predictionAct, m.Unit }

// UpdateState is what topic update.state carries. An update has come a step further, or has failed.
type UpdateState struct {
	Component string `json:"component"`       // what is updated; `system` for the root
	State     string `json:"state"`           // available, prepared, committed, verified, failed or reverted
	Version   string `json:"version"`         // the version that it is about
	Cause     string `json:"cause,omitempty"` // why it failed, for people
}

var updateState = &Kind{Topic: "update.state", Version: 1, Priority: Critical, Key: "component",
	Keep: true, Public: false, body: func() Body { return new(UpdateState) },
	fields: map[string]fieldType{"component": aString, "state": aString, "version": aString, "cause": aString}}

// About gives the kind of the message and what it is about.
func (m *UpdateState) About() (*Kind, string) { return updateState, m.Component }

// UpdateProgress is what topic update.progress carries. An update is being written.
type UpdateProgress struct {
	Component string `json:"component"` // what is updated; `system` for the root
	Version   string `json:"version"`   // the version that it is about
	Bytes     int    `json:"bytes"`     // what is written in all
	Written   int    `json:"written"`   // … so far
	Lacking   int    `json:"lacking"`   // bytes that have to be fetched, compressed
	Fetched   int    `json:"fetched"`   // … so far
}

var updateProgress = &Kind{Topic: "update.progress", Version: 1, Priority: Low, Key: "",
	Keep: false, Public: false, body: func() Body { return new(UpdateProgress) },
	fields: map[string]fieldType{"component": aString, "version": aString, "bytes": anInt, "written": anInt, "lacking": anInt, "fetched": anInt}}

// About gives the kind of the message and what it is about.
func (m *UpdateProgress) About() (*Kind, string) { return updateProgress, "" }

// RestartPlanned is what topic restart.planned carries. A restart is planned, or put off.
type RestartPlanned struct {
	What   string        `json:"what"`   // the unit; `system` for the machine
	Kind   string        `json:"kind"`   // component, partial, soft, kexec or full
	At     time.Duration `json:"at"`     // CLOCK_BOOTTIME
	Reason string        `json:"reason"` // for people
}

var restartPlanned = &Kind{Topic: "restart.planned", Version: 1, Priority: Critical, Key: "what",
	Keep: true, Public: false, body: func() Body { return new(RestartPlanned) },
	fields: map[string]fieldType{"what": aString, "kind": aString, "at": anInt, "reason": aString}}

// About gives the kind of the message and what it is about.
func (m *RestartPlanned) About() (*Kind, string) { return restartPlanned, m.What }

// HardwareChange is what topic hardware.change carries. A device or an address has come or gone.
type HardwareChange struct {
	Action    string `json:"action"`    // add, remove, change, …, as the kernel says it
	Subsystem string `json:"subsystem"` // such as net or block; address for one of the machine's network addresses
	Device    string `json:"device"`    // its path below /sys; of an address its network device and itself
}

var hardwareChange = &Kind{Topic: "hardware.change", Version: 1, Priority: Normal, Key: "",
	Keep: false, Public: false, body: func() Body { return new(HardwareChange) },
	fields: map[string]fieldType{"action": aString, "subsystem": aString, "device": aString}}

// About gives the kind of the message and what it is about.
func (m *HardwareChange) About() (*Kind, string) { return hardwareChange, "" }

// Kinds are all topics that have a type, by name.
var Kinds = map[string]*Kind{
	"unit.state":         unitState,
	"unit.job":           unitJob,
	"boot.state":         bootState,
	"boot.message":       bootMessage,
	"health.state":       healthState,
	"dependency.use":     dependencyUse,
	"readiness.observed": readinessObserved,
	"discovery.endpoint": discoveryEndpoint,
	"discovery.conflict": discoveryConflict,
	"resource.usage":     resourceUsage,
	"resource.anomaly":   resourceAnomaly,
	"pressure.level":     pressureLevel,
	"prediction.failure": predictionFailure,
	"prediction.act":     predictionAct,
	"update.state":       updateState,
	"update.progress":    updateProgress,
	"restart.planned":    restartPlanned,
	"hardware.change":    hardwareChange,
}
