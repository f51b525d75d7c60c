// Package workload is what the two sides of the benchmark agree on: the host,
// which makes images of a shape and reads figures off the console, and the load
// program, which is all the services of such an image and takes the figures.
package workload

import (
	"fmt"
	"time"
)

// Shape is a set of services and what is done to them once all are ready.
type Shape struct {
	Name    string
	Count   int           // services
	Work    time.Duration // CPU time each burns before it is ready
	Chain   bool          // each waits for the next one's readiness, instead of for nobody's
	Kills   int           // services killed one after another
	Orphans int           // zombies that PID 1 inherits at once
}

// Shapes are the shapes that are measured.
func Shapes() []Shape {
	return []Shape{
		{Name: "flat", Count: 50, Work: 20 * time.Millisecond, Kills: 30, Orphans: 5000},
		{Name: "chain", Count: 12, Work: 30 * time.Millisecond, Chain: true},
	}
}

// Find returns the shape of that name.
func Find(name string) (Shape, error) {
	for _, s := range Shapes() {
		if s.Name == name {
			return s, nil
		}
	}
	return Shape{}, fmt.Errorf("no shape is called %q", name)
}

// Services are the names of the shape's services. In a chain, each needs the
// one after it.
func (s Shape) Services() []string {
	names := make([]string, s.Count)
	for i := range names {
		names[i] = fmt.Sprintf("load%02d", i)
	}
	return names
}

// Load is where the load program lies in an image.
const Load = "/usr/bin/load"

// Environment is set for the load program: small pages for Go's heap. To clear
// a huge one takes as many instructions as all else in the program's start, and
// whether it gets one is luck.
const Environment = "GODEBUG=disablethp=1"

// The figures. Those that end in ms are guest time, those in kB memory.
const (
	First      = "first_ms"     // PID 1's exec to the first service's main
	Ready      = "ready_ms"     // PID 1's exec to the last service's readiness
	CPU        = "cpu_ms"       // CPU time of PID 1 from the probe's start to that moment
	RSS        = "rss_kB"       // of PID 1, a second later
	PSS        = "pss_kB"       // of PID 1, then
	Anonymous  = "anonymous_kB" // of PID 1, then
	KillToExec = "kill_ms"      // kill -9 to main of the next life, median
	Orphans    = "orphans_ms"   // the death of many zombies' parent to the last one's end
	Zombies    = "zombies"      // left after that
	PowerOff   = "poweroff_ms"  // the command to the kernel's last words
)

// Mark begins each line of the probe on the console; a figure's name and value
// follow, or Failed and the reason.
const (
	Mark   = "bench: "
	Failed = "failed"
)

// The kernel's log lines between which the power goes off.
const (
	PowerOffBegins = "bench: power off"
	PowerOffEnds   = "reboot: Power down"
)
