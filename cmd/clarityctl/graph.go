package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/google/renameio/v2"
	"github.com/spf13/cobra"

	"clarityos/learn/graph"
	"clarityos/learn/status"
	"clarityos/services/control"
	"clarityos/services/plan"
	"clarityos/services/unit"
)

// graph is what a person does with what was learned of who needs whom.
func (c *ctl) graph() *cobra.Command {
	var dot, svg, all bool
	cmd := &cobra.Command{
		Use:   "graph",
		Short: "Which unit needs which, as boots have shown it",
		Long: `Which unit needs which, as it was seen in this boot and in earlier ones. A need is hard
when the unit fails without, ordering when it waits or tries again; what is used only by
a unit that runs is a runtime edge, and what only its timing speaks for a coincidence.
What is unsure was not seen often enough, or no longer. Below stand declared orders that
nothing was seen to use, and needs that nothing declares.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := c.askGraph(cmd.Context(), false)
			if err != nil {
				return err
			}
			var declared control.RelationsReply
			if err := c.ask(cmd.Context(), "Relations", nil, &declared); err != nil {
				return err
			}
			v := viewGraph(r, declared.Units, all)
			switch {
			case dot:
				_, err := fmt.Fprint(cmd.OutOrStdout(), v.dot())
				return err
			case svg:
				_, err := fmt.Fprint(cmd.OutOrStdout(), v.svg())
				return err
			}
			return c.print(v, v.text)
		},
	}
	cmd.Flags().BoolVar(&dot, "dot", false, "print it for Graphviz")
	cmd.Flags().BoolVar(&svg, "svg", false, "draw it, as SVG")
	cmd.Flags().BoolVarP(&all, "all", "a", false, "coincidences too")
	cmd.MarkFlagsMutuallyExclusive("dot", "svg")
	cmd.AddCommand(c.graphWhy(), c.graphDiff(), c.graphExport(), c.graphForget(),
		c.graphSay("pin", "Have a unit start after another one, whatever boots show", graph.Pinned),
		c.graphSay("ignore", "Have a unit not start after another one, whatever boots show", graph.Ignored))
	return cmd
}

// askGraph gives all edges, and tells what is wrong with the file.
func (c *ctl) askGraph(ctx context.Context, before bool) (status.GraphReply, error) {
	ctx, cancel := context.WithTimeout(ctx, answerMost)
	defer cancel()
	r, err := status.AskGraph(ctx, c.busSocket, before)
	if err == nil && r.Notice != "" {
		fmt.Fprintln(os.Stderr, "clarityctl:", r.Notice)
	}
	return r, err
}

// graphView is the graph beside what is declared, for --json too.
type graphView struct {
	Boots      int           `json:"boots"`
	Start      string        `json:"start"` // what this boot was started by, and the next ones will be
	Edges      []status.Edge `json:"edges"`
	Undeclared []graph.Pair  `json:"undeclared"` // needs for which nothing is declared
	Unused     []graph.Pair  `json:"unused"`     // orders of two services of which no use was seen
}

// viewGraph sets what was learned against what is declared. Orders that the plan
// implies, by targets and components, are nobody's words.
func viewGraph(r status.GraphReply, declared []control.UnitRelations, all bool) graphView {
	v := graphView{Boots: r.Boots, Start: startedBy(r), Edges: []status.Edge{}, Undeclared: []graph.Pair{}, Unused: []graph.Pair{}}
	after := map[string][]string{}
	for _, u := range declared {
		after[u.Name] = u.After
		for _, s := range u.SoftAfter {
			after[u.Name] = append(after[u.Name], s.Unit)
		}
	}
	used := map[graph.Pair]bool{}
	for _, e := range r.Edges {
		p := graph.Pair{Unit: e.Unit, On: e.On}
		used[p] = e.Verdict != graph.Coincidence && e.Verdict != graph.NotNeeded
		if e.Verdict == graph.Coincidence && !all {
			continue
		}
		v.Edges = append(v.Edges, e)
		if (e.Verdict == graph.Hard || e.Verdict == graph.Ordering) && !leadsTo(after, e.Unit, e.On) {
			v.Undeclared = append(v.Undeclared, p)
		}
	}
	for _, u := range declared {
		for _, on := range after[u.Name] {
			p := graph.Pair{Unit: u.Name, On: on}
			if service(u.Name) && service(on) && !used[p] {
				v.Unused = append(v.Unused, p)
			}
		}
	}
	slices.SortFunc(v.Unused, graph.ComparePairs)
	return v
}

// startedBy says by what boots are started.
func startedBy(r status.GraphReply) string {
	by := "this one was started as declared"
	if r.Ordered {
		by = "this one was started by what they taught"
	}
	if r.Off > 0 {
		by += fmt.Sprintf(", and the next %s will be as declared: %s", count(r.Off, "boot"), r.OffWhy)
	}
	return by
}

// service says whether a unit is a service that is no part of ClarityOS.
func service(name string) bool {
	return strings.HasSuffix(name, ".service") && !strings.HasPrefix(name, "clarity-")
}

// leadsTo says whether what is declared puts a unit after another one, by whatever way.
func leadsTo(after map[string][]string, unit, on string) bool {
	seen, queue := map[string]bool{}, []string{unit}
	for len(queue) > 0 {
		u := queue[0]
		queue = queue[1:]
		for _, next := range after[u] {
			if next == on {
				return true
			}
			if !seen[next] {
				seen[next] = true
				queue = append(queue, next)
			}
		}
	}
	return false
}

func (v graphView) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "of %s; %s\n", count(v.Boots, "boot"), v.Start)
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, e := range v.Edges {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d of %d\t%s\n", e.Unit, e.Verdict, e.On, share(e), e.Seen, e.Both, strings.Join(e.Objects, ", "))
	}
	w.Flush()
	for _, e := range v.Edges {
		if e.Left != "" {
			fmt.Fprintf(&b, "not acted on: %s needs %s, but %s\n", e.Unit, e.On, e.Left)
		}
	}
	list := func(title string, pairs []graph.Pair) {
		if len(pairs) > 0 {
			fmt.Fprintf(&b, "\n%s\n", title)
		}
		for _, p := range pairs {
			fmt.Fprintf(&b, "  %s after %s\n", p.Unit, p.On)
		}
	}
	list("Needed, and not declared:", v.Undeclared)
	list("Declared, and never seen to be used:", v.Unused)
	return b.String()
}

// share is how sure an edge is, of what it is about.
func share(e status.Edge) string {
	p := e.P
	if e.Verdict == graph.Runtime {
		p = e.Steady
	}
	return fmt.Sprintf("%.1f%%", 100*p)
}

// count is a number of things: "1 boot", "2 boots".
func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// style is how each verdict is drawn, by Graphviz.
var style = map[graph.Verdict]string{
	graph.Hard: "solid", graph.Ordering: "solid", graph.Runtime: "dashed", graph.Unsure: "dotted", graph.Coincidence: "dotted", graph.NotNeeded: "invis",
}

// dot writes the graph for Graphviz; arrows lead from a unit to what it needs.
func (v graphView) dot() string {
	var b strings.Builder
	b.WriteString("digraph needs {\n  rankdir=RL; node [shape=box, fontname=\"sans-serif\"];\n")
	for _, e := range v.Edges {
		width := 1
		if e.Verdict == graph.Hard {
			width = 2
		}
		fmt.Fprintf(&b, "  %q -> %q [style=%s, penwidth=%d, tooltip=%q];\n", e.Unit, e.On, style[e.Verdict], width, strings.Join(e.Why, "\n"))
	}
	b.WriteString("}\n")
	return b.String()
}

func (c *ctl) graphWhy() *cobra.Command {
	return &cobra.Command{
		Use:               "why UNIT OTHER",
		Short:             "Why a unit is thought to need another one, or not",
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: c.units,
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := c.pair(cmd.Context(), args)
			if err != nil {
				return err
			}
			r, err := c.askGraph(cmd.Context(), false)
			if err != nil {
				return err
			}
			for _, e := range r.Edges {
				if e.Unit == p.Unit && e.On == p.On {
					return c.print(e, func() string { return whyEdge(e) })
				}
			}
			return fmt.Errorf("in %s %s was not seen to use anything of %s", count(r.Boots, "boot"), p.Unit, p.On)
		},
	}
}

func whyEdge(e status.Edge) string {
	verdict := map[graph.Verdict]string{
		graph.Hard: "fails without %s", graph.Ordering: "needs %s to start", graph.Runtime: "uses %s when it runs",
		graph.Unsure: "may need %s", graph.Coincidence: "only happens to be ready after %s", graph.NotNeeded: "does not need %s",
	}[e.Verdict]
	out := e.Unit + " " + fmt.Sprintf(verdict, e.On) + "\n"
	for _, line := range e.Why {
		out += "  " + line + "\n"
	}
	if e.Left != "" {
		out += "  it is not acted on: " + e.Left + "\n"
	}
	return out
}

// pair gives two units that there are.
func (c *ctl) pair(ctx context.Context, args []string) (p graph.Pair, err error) {
	p = graph.Pair{Unit: unitName(args[0]), On: unitName(args[1])}
	for _, name := range []string{p.Unit, p.On} {
		if err := c.ask(ctx, "Status", control.UnitArgs{Unit: name}, nil); err != nil {
			return p, err
		}
	}
	return p, nil
}

func (c *ctl) graphDiff() *cobra.Command {
	return &cobra.Command{
		Use:   "diff",
		Short: "What this boot has changed in what is known",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			before, err := c.askGraph(cmd.Context(), true)
			if err != nil {
				return err
			}
			now, err := c.askGraph(cmd.Context(), false)
			if err != nil {
				return err
			}
			all := diffEdges(before.Edges, now.Edges)
			return c.print(all, func() string {
				if len(all) == 0 {
					return "this boot has changed nothing\n"
				}
				var b strings.Builder
				w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
				for _, d := range all {
					fmt.Fprintf(w, "%s\t%s\t%s, %s before\n", d.Unit, d.On, d.After, d.Before)
				}
				w.Flush()
				return b.String()
			})
		},
	}
}

// nothing stands for the verdict on a pair that there is no edge of.
const nothing graph.Verdict = "nothing"

// diffEdges gives the pairs whose verdicts differ, but for coincidences.
func diffEdges(before, now []status.Edge) []graph.Difference {
	verdicts := func(all []status.Edge) map[graph.Pair]graph.Verdict {
		out := map[graph.Pair]graph.Verdict{}
		for _, e := range all {
			if e.Verdict != graph.Coincidence {
				out[graph.Pair{Unit: e.Unit, On: e.On}] = e.Verdict
			}
		}
		return out
	}
	was, is := verdicts(before), verdicts(now)
	out := []graph.Difference{}
	for p, v := range is {
		if b, known := was[p]; !known || b != v {
			if !known {
				b = nothing
			}
			out = append(out, graph.Difference{Pair: p, Before: b, After: v})
		}
	}
	for p, v := range was {
		if _, known := is[p]; !known {
			out = append(out, graph.Difference{Pair: p, Before: v, After: nothing})
		}
	}
	slices.SortFunc(out, func(a, b graph.Difference) int { return graph.ComparePairs(a.Pair, b.Pair) })
	return out
}

func (c *ctl) graphSay(verb, short string, said graph.Said) *cobra.Command {
	undo := false
	cmd := &cobra.Command{
		Use:               verb + " UNIT OTHER",
		Short:             short,
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: c.units,
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := c.pair(cmd.Context(), args)
			if err != nil {
				return err
			}
			if undo {
				said = ""
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), answerMost)
			defer cancel()
			return status.SayGraph(ctx, c.busSocket, p, said)
		},
	}
	cmd.Flags().BoolVar(&undo, "undo", false, "go by what boots show again")
	return cmd
}

func (c *ctl) graphForget() *cobra.Command {
	all := false
	cmd := &cobra.Command{
		Use:   "forget [UNIT [OTHER]]",
		Short: "Forget what was learned of a pair, of a unit or, with --all, of all",
		Args:  cobra.MaximumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if all == (len(args) > 0) {
				return usageError{errors.New("graph forget: name a unit, or two, or say --all")}
			}
			var p graph.Pair // of units that may be gone
			if len(args) > 0 {
				p.Unit = unitName(args[0])
			}
			if len(args) > 1 {
				p.On = unitName(args[1])
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), answerMost)
			defer cancel()
			n, err := status.ForgetGraph(ctx, c.busSocket, p)
			if err != nil {
				return err
			}
			return c.print(map[string]int{"forgotten": n}, func() string { return fmt.Sprintf("%s forgotten\n", count(n, "pair")) })
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "forget everything")
	return cmd
}

// exportName is the drop-in that graph export writes for a unit.
const exportName = "50-learned.conf"

func (c *ctl) graphExport() *cobra.Command {
	return &cobra.Command{
		Use:   "export [DIR]",
		Short: "What was learned, as drop-ins that an image's author can adopt",
		Long: `The needs that nothing declares, as drop-ins UNIT.d/` + exportName + ` with StartAfter=, which
systemd ignores. Below DIR, such as /etc/systemd/system, or on standard output.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := c.askGraph(cmd.Context(), false)
			if err != nil {
				return err
			}
			var declared control.RelationsReply
			if err := c.ask(cmd.Context(), "Relations", nil, &declared); err != nil {
				return err
			}
			files := dropIns(viewGraph(r, declared.Units, false))
			for _, f := range files {
				if len(args) == 0 {
					fmt.Fprintf(cmd.OutOrStdout(), "# %s\n%s\n", f.name, f.text)
					continue
				}
				path := filepath.Join(args[0], f.name)
				if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
					return err
				}
				if err := renameio.WriteFile(path, []byte(f.text), 0o644); err != nil {
					return err
				}
				fmt.Fprintln(cmd.OutOrStdout(), path)
			}
			return nil
		},
	}
}

type dropIn struct{ name, text string }

// dropIns gives one drop-in for each unit with needs that nothing declares.
func dropIns(v graphView) (out []dropIn) {
	for _, e := range v.Edges {
		if e.Left != "" || !slices.Contains(v.Undeclared, graph.Pair{Unit: e.Unit, On: e.On}) || unit.CheckName(e.On) != nil {
			continue
		}
		name := e.Unit + ".d/" + exportName
		if len(out) == 0 || out[len(out)-1].name != name {
			out = append(out, dropIn{name, "[X-Clarity]\n"})
		}
		f := &out[len(out)-1]
		f.text += "# " + e.Why[0] + "\nStartAfter=" + e.On + " " + plan.SoftFor(e.Span).Round(time.Second).String() + "\n"
	}
	return out
}
