package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"clarityos/learn/status"
	"clarityos/learn/trial"
)

// Version is that of a Report's form; it changes when what is written cannot be read as
// before.
const Version = 1

// MaxSize bounds a report as JSON, in bytes.
const MaxSize = 64 << 20

// Report is all that is known of a boot. Times are CLOCK_BOOTTIME, 0 is never.
type Report struct {
	Version  int                   `json:"version"`
	Taken    time.Time             `json:"taken"` // by the machine's clock, which may be wrong
	Machine  Machine               `json:"machine"`
	Boot     Boot                  `json:"boot"`
	Units    []Unit                `json:"units"` // that this boot started, in the order in which they began
	Later    []string              `json:"later"` // units that were started, or started again, after it
	Path     []Link                `json:"path"`  // the critical path, the first unit first
	Graph    *Graph                `json:"graph"` // nil: the learning component did not tell
	Profiles []status.ProfileReply `json:"profiles"`
	Changes  Changes               `json:"changes"`
	Notes    []string              `json:"notes"` // what is missing in the report, and what to do
}

// Machine is what booted.
type Machine struct {
	Host   string `json:"host"`
	System string `json:"system"` // PRETTY_NAME of os-release
	Kernel string `json:"kernel"` // its release
	Arch   string `json:"arch"`   // as uname -m says it
	CPUs   int    `json:"cpus"`
	Memory uint64 `json:"memory"` // bytes
}

// Boot is how the system as a whole came up.
type Boot struct {
	ID       string        `json:"id"` // the kernel's boot_id
	Target   string        `json:"target"`
	State    string        `json:"state"`    // starting, running, degraded, stopping
	Kernel   time.Duration `json:"kernel"`   // when PID 1 was executed
	Complete time.Duration `json:"complete"` // when the boot's last job ended
	End      time.Duration `json:"end"`      // of the time that is shown: a little after Complete
	Settled  bool          `json:"settled"`  // what services try late has been seen too
	Ordered  bool          `json:"ordered"`  // it was started by what earlier boots taught
	Off      int           `json:"off"`      // so many boots to come will not be
	OffWhy   string        `json:"offWhy"`   // … for this reason
	Up       int           `json:"up"`       // units
	Failed   []string      `json:"failed"`   // units that should be up
	Notes    []string      `json:"notes"`    // what PID 1 had to do without
}

// Unit is one that the boot started: it waited from Queued to Begun, and started until
// Ready or, when that is 0, until Ended or still.
type Unit struct {
	Name        string        `json:"name"`
	Description string        `json:"description,omitempty"`
	Active      string        `json:"active"` // inactive, failed, activating, active, …
	Queued      time.Duration `json:"queued"`
	Begun       time.Duration `json:"begun"`
	Ready       time.Duration `json:"ready,omitempty"`
	Ended       time.Duration `json:"ended"` // it ended, or the time that is shown does
	CPU         time.Duration `json:"cpu,omitempty"`
	Failed      bool          `json:"failed,omitempty"`
	Starting    bool          `json:"starting,omitempty"` // it is still on its way
	Cause       string        `json:"cause,omitempty"`    // of its state
	Restarts    int           `json:"restarts,omitempty"`
	Waited      []Wait        `json:"waited,omitempty"` // for what, the last to come first
}

// started is when the start was over, well or not.
func (u Unit) started() time.Duration {
	if u.Ready > 0 {
		return u.Ready
	}
	return u.Ended
}

// Wait is what a unit waited for.
type Wait struct {
	On      string        `json:"on,omitempty"`
	Until   time.Duration `json:"until,omitempty"`   // On was ready or had failed; 0: it is waited for still
	Learned bool          `json:"learned,omitempty"` // nothing declares it, earlier boots have taught it
	Failed  bool          `json:"failed,omitempty"`  // On has failed
	Says    string        `json:"says,omitempty"`    // PID 1's words, of what is waited for still
}

// Link is a unit of a critical path: it waited for On, "" when for nothing.
type Link struct {
	Unit    string        `json:"unit"`
	On      string        `json:"on,omitempty"`
	Learned bool          `json:"learned,omitempty"`
	Begun   time.Duration `json:"begun"`
	Ready   time.Duration `json:"ready"` // or when it had failed
	Failed  bool          `json:"failed,omitempty"`
}

// Changes is what differs from earlier boots.
type Changes struct {
	Graph []Difference  `json:"graph"` // of verdicts
	Units []Change      `json:"units"` // of how long starts took, the largest difference first
	Boots []trial.Brief `json:"boots"` // the latest boots, the newest last
	This  bool          `json:"this"`  // the last of Boots is this one
}

// Change is how long a unit's start took, and how long it usually does.
type Change struct {
	Unit  string        `json:"unit"`
	Took  time.Duration `json:"took"`
	Usual time.Duration `json:"usual"` // the median of its profile
	Least time.Duration `json:"least"` // … 5th percentile
	Most  time.Duration `json:"most"`  // … 95th percentile
	Runs  int           `json:"runs"`  // that these are of
}

// Decode reads a report that was kept as JSON.
func Decode(file []byte) (*Report, error) {
	if len(file) > MaxSize {
		return nil, fmt.Errorf("it has more than %d bytes", MaxSize)
	}
	r := &Report{}
	if err := json.Unmarshal(file, r); err != nil {
		return nil, fmt.Errorf("it is no report, as `clarityctl analyze --report-json` gives it: %w", err)
	}
	switch {
	case r.Version == 0:
		return nil, errors.New("it is no report: it has no version; `clarityctl analyze --report-json` makes one")
	case r.Version != Version:
		return nil, fmt.Errorf("it is a report of version %d, and this program reads %d: take the clarity that belongs to the image", r.Version, Version)
	}
	return r, nil
}
