package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"clarityos/images/flash"
)

// How often progress is told where it is written over, and where each line stays.
const (
	flashTell  = 200 * time.Millisecond
	flashPlain = 10 * time.Second
)

func newFlash() *cobra.Command {
	var o flash.Options
	c := &cobra.Command{
		Use:   "flash IMAGE DEVICE",
		Short: "Write a disk to a device, and read it back",
		Long: `Write IMAGE, a disk as clarity disk makes it, to DEVICE, which is a block device such as
/dev/sdb or an existing file that is large enough. All that was on DEVICE is gone then.

What is mounted, swapped to, part of something that lies on it, of the running system,
read-only or only a partition is refused; --force overrules that. What is too small or has
sectors of other than 512 bytes is refused always.

Holes of IMAGE are made zeros and not written. All is read back in the end and compared.
The disk and its partitions get GUIDs of their own, which the boot entries are told;
--keep-guids keeps those of IMAGE, of which a machine may see only one then. The partition
table is made for the size of DEVICE.

The table is removed first and written last: a device that was written by half has none,
and does not boot. With --resume, DEVICE is read, and only what differs from IMAGE is
written. That goes on with what was interrupted, wherever that was, and is the faster way to
write a new IMAGE over one that is much like it.`,
		Args: cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			p := &flashProgress{out: os.Stderr, terminal: term.IsTerminal(int(os.Stderr.Fd())), now: time.Now}
			o.Say = func(line string) { p.say("  " + line) }
			o.Progress = p.step
			done, err := flash.Flash(c.Context(), args[0], args[1], o)
			p.end()
			if err != nil {
				return err
			}
			fmt.Printf("%s: %s written, %s cleared, %s left as it was; all of it reads back right\n",
				args[1], flash.Size(done.Written), flash.Size(done.Cleared), flash.Size(done.Same))
			return nil
		},
	}
	f := c.Flags()
	f.BoolVar(&o.Force, "force", false, "also write to what is in use, read-only or a partition")
	f.BoolVar(&o.Resume, "resume", false, "read the device first, and write only what differs")
	f.BoolVar(&o.KeepGUIDs, "keep-guids", false, "keep the GUIDs of the image's disk and partitions")
	return c
}

// flashProgress writes how far it has come: on a terminal in one line that is written over,
// elsewhere in a line now and then.
type flashProgress struct {
	out      io.Writer
	terminal bool
	now      func() time.Time
	meter    flash.Meter
	told     time.Time
	name     string // of the step that was told last
	open     bool   // a line is to be written over
}

func (p *flashProgress) step(s flash.Step) {
	now, every := p.now(), flashPlain
	if p.terminal {
		every = flashTell
	}
	if s.Name == p.name && s.Done < s.Total && now.Sub(p.told) < every {
		return
	}
	if s.Name != p.name {
		p.end() // the last line of a step stays
	}
	p.name, p.told = s.Name, now
	line := "  " + p.meter.Line(s, now)
	if p.terminal {
		fmt.Fprintf(p.out, "\r%s\x1b[K", line)
		p.open = true
		return
	}
	fmt.Fprintln(p.out, line)
}

// end ends a line that is being written over.
func (p *flashProgress) end() {
	if p.open {
		fmt.Fprintln(p.out)
	}
	p.open = false
}

func (p *flashProgress) say(line string) {
	p.end()
	fmt.Fprintln(p.out, line)
}
