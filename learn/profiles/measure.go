package profiles

import (
	"math"
	"slices"
)

// Phase is a part of a unit's life.
type Phase string

// The phases.
const (
	Start  Phase = "start"  // from leaving the queue until it is ready
	Steady Phase = "steady" // while it is up
	Stop   Phase = "stop"   // from the first word of it until nothing is left
)

// Phases are all, in their order.
var phases = []Phase{Start, Steady, Stop}

// Phases gives all phases, in their order.
func Phases() []Phase { return slices.Clone(phases) }

// Measure is something that a profile holds of a phase.
type Measure string

// The measures.
const (
	Duration    Measure = "duration"
	Ready       Measure = "ready"
	Restarts    Measure = "restarts"
	CPU         Measure = "cpu"
	Memory      Measure = "memory"
	MemoryPeak  Measure = "memory-peak"
	Resident    Measure = "resident"
	PageCache   Measure = "page-cache"
	Faults      Measure = "faults"
	MajorFaults Measure = "major-faults"
	Read        Measure = "read"
	Written     Measure = "written"
	Tasks       Measure = "tasks"
	Opened      Measure = "opened"
	Sockets     Measure = "sockets"
	Wakeups     Measure = "wakeups"
	CacheAdded  Measure = "cache-added"
	Received    Measure = "received"
	Sent        Measure = "sent"
)

// kind says where a measure's values come from.
type kind int

const (
	fact    kind = iota // of the unit's states
	counter             // a sample's: it only grows; a start and a stop have its growth, windows its rate
	gauge               // a sample's: what it is at that moment
)

// Figure describes a measure. All that shows one is made from this table.
type Figure struct {
	Measure Measure
	Unit    string // s, B or "", of a count; rates are this for each second
	Doc     string
	kind    kind
	floor   float64 // a difference below this is noise, and no anomaly: in Unit, of a rate for each second
	phases  []Phase // nil: all
}

// never is the floor of what is shown but is no anomaly by itself.
var never = math.Inf(1)

// The floors are what a virtual machine's scheduling and the kernel's batches (a
// cgroup is charged up to 64 pages ahead on each processor, MEMCG_CHARGE_BATCH of
// include/linux/memcontrol.h) make of one and the same work.
var figures = []Figure{
	{Duration, "s", "how long the phase took; of steady, how long the unit was up", fact, .1, nil},
	{Ready, "s", "when it was ready in its first start of a boot, by CLOCK_BOOTTIME", fact, 1, []Phase{Start}},
	{Restarts, "", "automatic restarts in a row before this start", fact, 1, []Phase{Start}},
	{CPU, "s", "CPU time", counter, .05, nil},
	{Memory, "B", "memory charged to its cgroup", gauge, 1 << 20, nil},
	{MemoryPeak, "B", "the most memory that was charged to its cgroup in this run", gauge, 1 << 20, []Phase{Start, Stop}},
	{Resident, "B", "resident memory of its processes, what they share counted for each", gauge, 1 << 20, nil},
	{PageCache, "B", "cached file contents in its memory", gauge, 4 << 20, nil},
	{Faults, "", "page faults", counter, 500, nil},
	{MajorFaults, "", "page faults that had to wait for a disk", counter, 50, nil},
	{Read, "B", "bytes read from block devices", counter, 1 << 20, nil},
	{Written, "B", "bytes written to block devices", counter, 1 << 20, nil},
	{Tasks, "", "processes and threads", gauge, 4, nil},
	{Opened, "", "files opened", counter, 20, nil},
	{Sockets, "", "sockets made", counter, 20, nil},
	{Wakeups, "", "times that the scheduler woke one of its tasks", counter, 200, nil},
	{CacheAdded, "B", "bytes that its reads and writes put into the page cache", counter, 1 << 20, nil},
	{Received, "B", "bytes received by its sockets", counter, 1 << 20, nil},
	{Sent, "B", "bytes sent by its sockets", counter, 1 << 20, nil},
}

// Figures gives the table of measures, in the order in which they are shown.
func Figures() []Figure { return slices.Clone(figures) }

// figureOf gives the place of a measure in the table; -1 when there is none.
func figureOf(m Measure) int {
	return slices.IndexFunc(figures, func(f Figure) bool { return f.Measure == m })
}

// In says whether a phase has the measure.
func (f Figure) In(p Phase) bool {
	return slices.Contains(phases, p) && (f.phases == nil || slices.Contains(f.phases, p))
}

// UnitIn gives the unit of the measure's values in a phase: s, B, "" of a count, or
// these for each second.
func (f Figure) UnitIn(p Phase) string {
	switch {
	case p != Steady || f.kind != counter:
		return f.Unit
	case f.Unit == "":
		return "1/s"
	}
	return f.Unit + "/s"
}

// floorIn is never for how long a unit was up, which those who stop it decide.
func (f Figure) floorIn(p Phase) float64 {
	if f.Measure == Duration && p == Steady {
		return never
	}
	return f.floor
}
