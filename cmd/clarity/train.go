package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"clarityos/images"
	"clarityos/learn/graph"
	"clarityos/learn/train"
)

func newTrain() *cobra.Command {
	var f machineFlags
	var boots int
	var settle time.Duration
	var kill, asJSON bool
	c := &cobra.Command{
		Use:   "train IMAGE",
		Short: "Boot an image in QEMU to learn its order, and bake that in",
		Long: `Boot the image in the folder IMAGE in QEMU, with a blank data disk: as declared, then
by what that has taught, then with units held back, one in each boot, to tell causes
from coincidences, and once more as a new machine would. What was learned is put into
the image, so that the first boot of a board is by it; of another kind of machine it
takes the needs, and no durations. An image that was trained before begins anew.

The image has to have learn = true. Its services run: whatever they do to the outside
they do here too.`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if boots < leastBoots {
				return fmt.Errorf("train: --boots %d: there are at least %d: as declared, by what was learned, and as a new machine", boots, leastBoots)
			}
			img, err := images.Open(args[0])
			if err != nil {
				return err
			}
			t := &training{img: img, flags: f, boots: boots, settle: settle, kill: kill, say: func(format string, a ...any) { fmt.Fprintf(os.Stderr, format+"\n", a...) }}
			r, err := t.run(c.Context())
			if err != nil {
				return fmt.Errorf("train %s: %w", args[0], err)
			}
			if asJSON {
				out := json.NewEncoder(c.OutOrStdout())
				out.SetIndent("", "  ")
				return out.Encode(r)
			}
			return r.write(c.OutOrStdout())
		},
	}
	f.add(c)
	c.Flags().IntVar(&boots, "boots", 8, "how often to boot it at most, `N`")
	c.Flags().DurationVar(&settle, "settle", 30*time.Second, "how long after the end of a boot services may still use what they need for the first time")
	c.Flags().BoolVar(&kill, "kill", true, "kill what others use, once, to see which of them fail of it")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// leastBoots is one as declared, one by what was learned, and one as a new machine.
const leastBoots = 3

// trained is what has come of it.
type trained struct {
	Boots    int             `json:"boots"`
	Before   time.Duration   `json:"before"` // as declared, from the begin of PID 1 until all was there that starts needed
	After    time.Duration   `json:"after"`  // … as a new machine by what was learned
	Needs    []graph.Need    `json:"needs"`  // that are baked in
	Findings []train.Finding `json:"findings"`
	Killed   []string        `json:"killed"` // what came of each, in words
}

// write tells it to a person.
func (r *trained) write(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "as declared\t%v\t\n", r.Before.Round(time.Millisecond))
	ratio := ""
	if r.Before > 0 {
		ratio = fmt.Sprintf("%.2fx", float64(r.After)/float64(r.Before))
	}
	fmt.Fprintf(w, "as a new machine, by what was learned\t%v\t%s\n", r.After.Round(time.Millisecond), ratio)
	if err := w.Flush(); err != nil {
		return err
	}
	verdict := map[bool]string{true: "confirmed", false: "refuted"}
	for _, f := range r.Findings {
		needed := f.After == graph.Hard || f.After == graph.Ordering
		fmt.Fprintf(w, "%s\t%s\tneeds\t%s\t%s\n", verdict[needed], f.Unit, f.On, f.Why)
	}
	for _, line := range r.Killed {
		fmt.Fprintln(w, line)
	}
	fmt.Fprintf(w, "%d needs are in the image now, of %d boots\n", len(r.Needs), r.Boots)
	return w.Flush()
}
