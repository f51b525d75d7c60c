package main

import (
	"bytes"
	"regexp"
	"strconv"
	"strings"
	"time"

	"clarityos/qemu/bench/statistics"
)

// figures are what a boot gave, by name: numbers, and a few words.
type figures map[string]any

// number is the figure of that name, if it is there and a number.
func (f figures) number(name string) (float64, bool) {
	n, ok := f[name].(float64)
	return n, ok
}

// console reads the figures off a machine's console while it is written. The
// machine must be off before the fields are read.
type console struct {
	now  func() time.Time
	line []byte // begun, not ended

	figures    figures
	troubles   []string
	powerOff   time.Time          // when the collector had the power turned off, by the host's clock
	kernelSaid map[string]float64 // seconds since boot, by text
}

func newConsole(now func() time.Time) *console {
	return &console{now: now, figures: figures{}, kernelSaid: map[string]float64{}}
}

// Write takes what the machine says.
func (c *console) Write(p []byte) (int, error) {
	c.line = append(c.line, p...)
	for {
		line, rest, whole := bytes.Cut(c.line, []byte("\n"))
		if !whole {
			return len(p), nil
		}
		c.read(strings.TrimSpace(string(line)))
		c.line = rest
	}
}

// The lines that are looked for: the collector's, those of the kernel that bound
// the power-off, and what nobody wants to see.
var (
	figureLine  = regexp.MustCompile(`BENCH (\w+) (.*)$`)
	kernelLine  = regexp.MustCompile(`\[ *(\d+\.\d+)\] (bench: shutdown|reboot: Power down)`)
	troubleLine = regexp.MustCompile(`Kernel panic|Out of memory|segfault`)
)

func (c *console) read(line string) {
	if m := figureLine.FindStringSubmatch(line); m != nil {
		c.figure(m[1], m[2])
	}
	if m := kernelLine.FindStringSubmatch(line); m != nil {
		seconds, err := strconv.ParseFloat(m[1], 64)
		if err == nil { // the expression lets only numbers through
			c.kernelSaid[m[2]] = seconds
		}
	} else if troubleLine.MatchString(line) {
		c.troubles = append(c.troubles, line)
	}
}

func (c *console) figure(name, value string) {
	switch name {
	case "failed", "error", "poweroff_error":
		c.troubles = append(c.troubles, value)
		return
	case "shutdown_start":
		c.powerOff = c.now()
	}
	if number, err := strconv.ParseFloat(value, 64); err == nil {
		c.figures[name] = number
	} else {
		c.figures[name] = value
	}
}

// derive adds the figures that follow from others.
func (c *console) derive() {
	begin, began := c.kernelSaid["bench: shutdown"]
	end, ended := c.kernelSaid["reboot: Power down"]
	if began && ended {
		c.figures["shutdown_guest_s"] = statistics.Round(end-begin, 3)
	}
	executed, ok := c.figures.number("handover_s")
	if !ok {
		return
	}
	if ready, ok := c.figures.number("all_ready_s"); ok {
		c.figures["init_to_all_ready_s"] = statistics.Round(ready-executed, 6)
	}
	collector, ok1 := c.figures.number("collector_start_s")
	service, ok2 := c.figures.number("first_service_start_s")
	if ok1 && ok2 {
		c.figures["init_to_first_s"] = statistics.Round(min(collector, service)-executed, 6)
	}
}

// wanted are figures without which a boot has failed.
var wanted = []string{"init_to_first_s", "init_to_all_ready_s", "pid1_rss_kb", "pid1_anonymous_kb", "init_pss_total_kb", "shutdown_guest_s"}

// missing names the wanted figures that the console did not tell.
func (f figures) missing() []string {
	var names []string
	for _, name := range wanted {
		if _, ok := f.number(name); !ok {
			names = append(names, name)
		}
	}
	return names
}
