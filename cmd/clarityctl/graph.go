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

	"clarityos/learn/draw"
	"clarityos/learn/graph"
	"clarityos/learn/report"
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
			r, declared, err := c.learnedAndDeclared(cmd.Context())
			if err != nil {
				return err
			}
			v := graphView{report.GraphOf(r, declared, all)}
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

// learnedAndDeclared gives all edges, and what every unit has to do with others.
func (c *ctl) learnedAndDeclared(ctx context.Context) (status.GraphReply, []control.UnitRelations, error) {
	r, err := c.askGraph(ctx, false)
	if err != nil {
		return r, nil, err
	}
	var declared control.RelationsReply
	err = c.ask(ctx, "Relations", nil, &declared)
	return r, declared.Units, err
}

// graphView is how the graph is printed.
type graphView struct{ report.Graph }

func (v graphView) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "of %s; %s\n", count(v.Boots, "boot"), v.Start)
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, e := range v.Edges {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d of %d\t%s\n", e.Unit, e.Verdict, e.On, report.Share(e), e.Seen, e.Both, strings.Join(e.Objects, ", "))
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

// svg draws the graph, with what speaks for an edge on hover.
func (v graphView) svg() string {
	return draw.GraphSVG("Which unit needs which, after "+count(v.Boots, "boot"),
		"thick: it fails without; line: it needs it to start; dashes: it uses it when it runs; dots: unsure", v.Arrows(),
		func(i int) string { return string(v.Edges[i].Verdict) }, func(i int) string { return report.Why(v.Edges[i]) })
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
					return c.print(e, func() string { return report.Why(e) })
				}
			}
			return fmt.Errorf("in %s %s was not seen to use anything of %s", count(r.Boots, "boot"), p.Unit, p.On)
		},
	}
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
			all := report.Diff(before.Edges, now.Edges)
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
			r, declared, err := c.learnedAndDeclared(cmd.Context())
			if err != nil {
				return err
			}
			files := dropIns(graphView{report.GraphOf(r, declared, false)})
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
