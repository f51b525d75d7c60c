package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"clarityos/learn/predict"
	"clarityos/services/bus"
	"clarityos/services/control"
)

// Predictions is what is likely to fail, as the bus has it.
type Predictions struct {
	Now         time.Duration           `json:"now"` // CLOCK_BOOTTIME of the answer, as all times
	Predictions []bus.PredictionFailure `json:"predictions"`
	Acts        []bus.PredictionAct     `json:"acts"` // the last one against a failure of each unit
}

func (c *ctl) predictions() *cobra.Command {
	return &cobra.Command{
		Use:   "predictions",
		Short: "Which units are likely to fail, what of, and when",
		Long: `Which units are likely to fail, as the learning component sees it: what of, when, at the
soonest and at the latest, and what that follows from. It looks every ten seconds at the
memory, descriptors, tasks and files of services, at how often they are restarted and at
how long their starts and health probes take. PredictedFailure= of a unit says what is
done; below stands what was.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var r bus.KeptReply
			if err := c.askBus(cmd.Context(), "Kept", bus.Interest{Topics: []bus.Pattern{"prediction.*"}}, &r); err != nil {
				return err
			}
			var st control.StatusReply
			if err := c.ask(cmd.Context(), "Status", control.UnitArgs{}, &st); err != nil {
				return err
			}
			p, err := predictionsOf(r.Messages, st.Now)
			if err != nil {
				return err
			}
			return c.print(p, p.text)
		},
	}
}

// predictionsOf reads what the bus keeps, the soonest failure first.
func predictionsOf(kept []bus.Message, now time.Duration) (Predictions, error) {
	p := Predictions{Now: now, Predictions: []bus.PredictionFailure{}, Acts: []bus.PredictionAct{}}
	for _, m := range kept {
		b, err := bus.Decode(m)
		if err != nil {
			return p, fmt.Errorf("a message of %s: %w", m.Topic, err)
		}
		switch b := b.(type) {
		case *bus.PredictionFailure:
			p.Predictions = append(p.Predictions, *b)
		case *bus.PredictionAct:
			p.Acts = append(p.Acts, *b)
		}
	}
	slices.SortFunc(p.Predictions, func(a, b bus.PredictionFailure) int {
		return cmp.Or(cmp.Compare(a.At+a.Within, b.At+b.Within), strings.Compare(a.Prediction, b.Prediction))
	})
	slices.SortFunc(p.Acts, func(a, b bus.PredictionAct) int { return cmp.Compare(b.At, a.At) })
	return p, nil
}

func (p Predictions) text() string {
	var b strings.Builder
	if len(p.Predictions) == 0 {
		b.WriteString("No failure is predicted.\n")
	}
	for _, f := range p.Predictions {
		left := func(d time.Duration) string { return predict.Span(max(f.At+d-p.Now, 0)) }
		fmt.Fprintf(&b, "%s: %s\n", f.Unit, f.Kind)
		fmt.Fprintf(&b, "  fails in   %s, between %s and %s (95 %%), if it goes on as it does, of which it is %.0f %% sure\n",
			left(f.Within), left(f.Soonest), left(f.Latest), 100*f.Probability)
		fmt.Fprintf(&b, "  based on   %s\n", f.Cause)
		fmt.Fprintf(&b, "  reckoned   %s ago; it went this way for %s then\n", predict.Span(p.Now-f.At), predict.Span(f.At-f.Since))
		fmt.Fprintf(&b, "  policy     %s\n", f.Policy)
	}
	for i, a := range p.Acts {
		if i == 0 {
			b.WriteString("\nDone against failures:\n")
		}
		fmt.Fprintf(&b, "  %s ago: %s of %s, since %s: %s\n", predict.Span(p.Now-a.At), a.Act, a.Unit, a.Reason, a.Outcome)
	}
	return b.String()
}
