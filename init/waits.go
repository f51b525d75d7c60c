package main

import (
	"fmt"
	"strings"
	"time"

	"clarityos/services/supervisor"
)

// A boot that is not complete after firstTell says what it waits for, and again
// each time that it has taken as long again. Each telling names tellMost units.
const (
	firstTell = 10 * time.Second
	tellMost  = 5
)

// tellBoot says on the console, quiet or not, what the boot waits for. The lines
// are also for `clarity run --explain-boot`, which has nothing else to go by.
func (p *pid1) tellBoot(took time.Duration) {
	sum := p.sup.Summary()
	if p.halting || p.rescuing || sum.State != "starting" {
		return
	}
	holding := p.sup.Holding("")
	for _, h := range holding[:min(len(holding), tellMost)] {
		p.say(supervisor.PriorityWarning, supervisor.BootWaits+h.String())
	}
	switch {
	case len(holding) == 0:
		p.say(supervisor.PriorityWarning, supervisor.BootWaits+strings.Join(sum.Waiting, ", "))
	case len(holding) > tellMost:
		p.say(supervisor.PriorityWarning, fmt.Sprintf("%s%d more units", supervisor.BootWaits, len(holding)-tellMost))
	}
	p.after(took, func() { p.tellBoot(2 * took) })
}
