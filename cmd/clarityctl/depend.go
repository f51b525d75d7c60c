package main

import (
	"errors"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"clarityos/services/control"
	"clarityos/services/plan"
	"clarityos/services/supervisor"
)

func (c *ctl) listDependencies() *cobra.Command {
	var reverse, after, before, all bool
	cmd := &cobra.Command{
		Use:   "list-dependencies [UNIT]",
		Short: "What a unit pulls in, as a tree; or what pulls it in, or its order",
		Long: `What a unit (default: the one that boot starts) pulls in: what it requires, binds to,
wants and upholds, and so on. What is in the tree already is not unfolded again
and has "…" behind it.`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: c.unit,
		RunE: func(cmd *cobra.Command, args []string) error {
			var list control.StatusReply
			var relations control.RelationsReply
			if err := errors.Join(c.ask(cmd.Context(), "List", nil, &list), c.ask(cmd.Context(), "Relations", nil, &relations)); err != nil {
				return err
			}
			root := list.Summary.Default
			if len(args) == 1 {
				root = unitName(args[0])
				if err := c.ask(cmd.Context(), "Status", control.UnitArgs{Unit: root}, nil); err != nil {
					return err
				}
			}
			kinds := pullsIn
			switch {
			case all:
				kinds = append(slices.Clone(pullsIn), inOrder...)
			case after || before:
				kinds = inOrder
			}
			g := newEdges(relations.Units, kinds, reverse || before)
			marks := map[string]string{}
			for _, v := range list.Units {
				marks[v.Name] = c.mark(v)
			}
			tree := g.tree(root, all)
			return c.print(tree, func() string { return tree.text(marks) })
		},
	}
	cmd.Flags().BoolVarP(&reverse, "reverse", "r", false, "what pulls it in instead")
	cmd.Flags().BoolVar(&after, "after", false, "what it starts after")
	cmd.Flags().BoolVar(&before, "before", false, "what starts after it")
	cmd.Flags().BoolVarP(&all, "all", "a", false, "what it pulls in and its order, each with its name")
	cmd.MarkFlagsMutuallyExclusive("after", "before", "reverse")
	cmd.MarkFlagsMutuallyExclusive("after", "before", "all")
	return cmd
}

// relation is one kind of edge from a unit to others.
type relation struct {
	name string
	list func(*plan.Relations) []string
}

var (
	pullsIn = []relation{
		{"Requires", func(r *plan.Relations) []string { return r.Requires }},
		{"Requisite", func(r *plan.Relations) []string { return r.Requisite }},
		{"BindsTo", func(r *plan.Relations) []string { return r.BindsTo }},
		{"Wants", func(r *plan.Relations) []string { return r.Wants }},
		{"Upholds", func(r *plan.Relations) []string { return r.Upholds }},
	}
	inOrder = []relation{
		{"After", func(r *plan.Relations) []string { return r.After }},
		{"SoftAfter", func(r *plan.Relations) []string {
			var names []string
			for _, s := range r.SoftAfter {
				names = append(names, s.Unit)
			}
			return names
		}},
	}
)

// edges holds, for each unit, where its edges lead and of which kinds they are.
type edges map[string]map[string][]string

func newEdges(units []control.UnitRelations, kinds []relation, reverse bool) edges {
	g := edges{}
	for i := range units {
		for _, k := range kinds {
			for _, to := range k.list(&units[i].Relations) {
				from := units[i].Name
				if reverse {
					from, to = to, from
				}
				if g[from] == nil {
					g[from] = map[string][]string{}
				}
				g[from][to] = append(g[from][to], k.name)
			}
		}
	}
	return g
}

// tree is a unit and what its edges lead to, for --json too.
type tree struct {
	Unit  string   `json:"unit"`
	Kinds []string `json:"kinds,omitempty"` // of the edges that lead here
	Again bool     `json:"again,omitempty"` // it is unfolded elsewhere
	Below []tree   `json:"below,omitempty"`
}

// tree unfolds each unit once, where it is nearest to the root.
func (g edges) tree(root string, kinds bool) tree {
	// Breadth first says below which unit each is unfolded.
	parent, queue := map[string]string{root: ""}, []string{root}
	for len(queue) > 0 {
		u := queue[0]
		queue = queue[1:]
		for _, to := range g.next(u) {
			if _, seen := parent[to]; !seen {
				parent[to] = u
				queue = append(queue, to)
			}
		}
	}
	var unfold func(string) tree
	unfold = func(u string) tree {
		t := tree{Unit: u}
		for _, to := range g.next(u) {
			b := tree{Unit: to, Again: len(g[to]) > 0}
			if to != root && parent[to] == u {
				b = unfold(to)
			}
			if kinds {
				b.Kinds = g[u][to]
			}
			t.Below = append(t.Below, b)
		}
		return t
	}
	return unfold(root)
}

func (g edges) next(u string) []string {
	var names []string
	for to := range g[u] {
		names = append(names, to)
	}
	slices.Sort(names)
	return names
}

// text draws the tree; marks are the units' states.
func (t tree) text(marks map[string]string) string {
	var b strings.Builder
	var draw func(t tree, first, rest string)
	draw = func(t tree, first, rest string) {
		b.WriteString(marks[t.Unit] + " " + first + t.Unit)
		if len(t.Kinds) > 0 {
			b.WriteString(" (" + strings.Join(t.Kinds, ", ") + ")")
		}
		if t.Again {
			b.WriteString(" …")
		}
		b.WriteString("\n")
		for i, d := range t.Below {
			if i == len(t.Below)-1 {
				draw(d, rest+"└─", rest+"  ")
			} else {
				draw(d, rest+"├─", rest+"│ ")
			}
		}
	}
	draw(t, "", "")
	return b.String()
}

// byName makes views easy to find.
func byName(views []supervisor.View) map[string]supervisor.View {
	out := map[string]supervisor.View{}
	for _, v := range views {
		out[v.Name] = v
	}
	return out
}
