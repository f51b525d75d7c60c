// Package status is what the learning component says of itself, for those who ask.
// It is apart from learn so that they do not link what loads programs into the
// kernel.
package status

import (
	"context"
	"time"

	"clarityos/services/bus"
	"clarityos/services/bus/client"
)

// Topic is where the component answers requests for its Status.
const Topic = "learn.status"

// Status is what the component says of itself.
type Status struct {
	Hooks     Hooks                   `json:"hooks"`
	Fallback  string                  `json:"fallback,omitempty"` // why there are no hooks, and what is done instead
	Counts    Counts                  `json:"counts"`
	Fill      []Fill                  `json:"fill,omitempty"`
	Endpoints []bus.DiscoveryEndpoint `json:"endpoints"` // who listens where, at most MaxEndpoints
	DBus      DBus                    `json:"dbus"`
	Uses      int                     `json:"uses"`    // that were told
	Dropped   int                     `json:"dropped"` // what there was no room to remember
	Unsent    int                     `json:"unsent"`  // messages that the bus has not taken
	CPU       time.Duration           `json:"cpu"`     // of the process that reads
	Up        time.Duration           `json:"up"`      // since it began
	Memory    uint64                  `json:"memory"`  // its proportional set size, in bytes; 0: not known
}

// DBus is what was seen on the system's D-Bus.
type DBus struct {
	Names       int  `json:"names"`          // that have an owner now
	Connections int  `json:"connections"`    // that there have been
	Calls       int  `json:"calls"`          // that were seen, of names other than the bus's own
	Unknown     int  `json:"unknown"`        // of these those of which it could not be found out which unit's they are
	Dropped     int  `json:"dropped"`        // connections and names for which there was no room
	Away        bool `json:"away,omitempty"` // calls are not looked at for some minutes, since there were too many
}

// MaxEndpoints keeps a Status within what a message of the bus may hold.
const MaxEndpoints = 64

// Hooks is what was attached.
type Hooks struct {
	Generation string            `json:"generation"` // of the programs: the begin of their SHA-256
	Live       []string          `json:"live"`
	Probes     []string          `json:"probes,omitempty"`  // of which probes stand in for a trampoline
	Missing    map[string]string `json:"missing,omitempty"` // hook: why it could not be attached
}

// Counts is what the programs have counted since they were loaded.
type Counts struct {
	Events uint64 `json:"events"` // all that was seen
	Firsts uint64 `json:"firsts"` // of it what was seen for the first time
	Lost   uint64 `json:"lost"`   // of these those for which the ring had no room; the next of the kind is told again

	Skipped map[string]uint64 `json:"skipped,omitempty"` // by hook: how often the kernel has not run its program
}

// Fill is how full a table of the programs is. One that is full forgets what was
// used least lately.
type Fill struct {
	Table   string `json:"table"`
	Entries int    `json:"entries"`
	Room    int    `json:"room"`
}

// Ask asks the component at a bus.
func Ask(ctx context.Context, path string) (st Status, err error) {
	err = client.Ask(ctx, path, Topic, struct{}{}, &st, 5*time.Second)
	return st, err
}
