// Package workload is what the inits of the benchmark are given to start: sets
// of services that burn CPU time and need each other. They are computed from a
// seed and are the same on every machine.
package workload

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Program is where the program that is every service lies in an image.
const Program = "/usr/bin/svc"

// The variants that each init has of a workload.
const (
	Declared   = "declared"   // the init knows who needs whom, and waits for readiness
	Undeclared = "undeclared" // the init starts all at once
)

// Service is one service. It connects to what it needs, burns CPU time and is
// ready.
type Service struct {
	Name  string
	Work  time.Duration // CPU time, in whole milliseconds
	Needs []string      // names, sorted
}

// Command is the service's command line; options that only some inits need go
// last.
func (s Service) Command(options ...string) []string {
	words := []string{Program, s.Name, "--work", strconv.FormatInt(s.Work.Milliseconds(), 10)}
	if len(s.Needs) > 0 {
		words = append(words, "--deps", strings.Join(s.Needs, ","))
	}
	return append(words, options...)
}

// Workload is a set of services.
type Workload struct {
	Name     string
	Services []Service // in the order in which an init's configuration lists them
	Variants []string  // those that make sense
	Special  bool      // for the inits that ask for it, not for all

	Kills     int  // services killed, 0 for as many as are asked for
	NoOrphans bool // no orphans are made
}

// All are the workloads; seed draws the dag.
func All(seed uint64) []Workload {
	return []Workload{
		flat("flat", 50, 20*time.Millisecond),
		dag(50, 8, seed),
		chain(12),
		kills(),
		flat500(),
	}
}

// Find returns the named ones among all.
func Find(all []Workload, names []string) ([]Workload, error) {
	var found []Workload
	for _, name := range names {
		i := slices.IndexFunc(all, func(w Workload) bool { return w.Name == name })
		if i < 0 {
			return nil, fmt.Errorf("no workload is called %q", name)
		}
		found = append(found, all[i])
	}
	return found, nil
}

// flat is services that need nothing.
func flat(name string, n int, work time.Duration) Workload {
	w := Workload{Name: name, Variants: []string{Undeclared}}
	for i := range n {
		w.Services = append(w.Services, Service{Name: number(i), Work: work})
	}
	return w
}

// kills is flat with enough kills for a 95th percentile.
func kills() Workload {
	w := flat("kills", 50, 20*time.Millisecond)
	w.Special, w.Kills, w.NoOrphans = true, 500, true
	return w
}

// flat500 shows what PID 1 takes for many services.
func flat500() Workload {
	w := flat("flat500", 500, time.Millisecond)
	w.Special, w.NoOrphans = true, true
	return w
}

// dag is a random acyclic graph in layers. A service needs one of the layer
// before and up to three of any before that.
func dag(n, depth int, seed uint64) Workload {
	random := lcg(seed)
	// The names are shuffled, so that the order in which services are listed
	// tells nothing about the order that they need.
	names := make([]string, n)
	for i := range names {
		names[i] = number(i)
	}
	for i := n - 1; i > 0; i-- {
		j := random.below(i + 1)
		names[i], names[j] = names[j], names[i]
	}
	layers := make([][]string, depth)
	w := Workload{Name: "dag", Variants: []string{Declared, Undeclared}}
	for i, name := range names {
		layer := i
		if i >= depth {
			layer = random.below(depth)
		}
		s := Service{Name: name, Work: time.Duration(5+random.below(56)) * time.Millisecond}
		if layer > 0 {
			before := layers[layer-1]
			s.Needs = []string{before[random.below(len(before))]}
			others := slices.DeleteFunc(slices.Concat(layers[:layer]...), func(o string) bool { return o == s.Needs[0] })
			for range random.below(4) {
				if len(others) == 0 {
					break
				}
				k := random.below(len(others))
				s.Needs = append(s.Needs, others[k])
				others = slices.Delete(others, k, k+1)
			}
			slices.Sort(s.Needs)
		}
		layers[layer] = append(layers[layer], name)
		w.Services = append(w.Services, s)
	}
	slices.SortFunc(w.Services, func(a, b Service) int { return strings.Compare(a.Name, b.Name) })
	return w
}

// chain is a row in which each service needs the one that is listed after it:
// listed in the worst order.
func chain(n int) Workload {
	w := Workload{Name: "chain", Variants: []string{Declared, Undeclared}}
	for i := range n {
		s := Service{Name: number(i), Work: 30 * time.Millisecond}
		if i+1 < n {
			s.Needs = []string{number(i + 1)}
		}
		w.Services = append(w.Services, s)
	}
	return w
}

// number is the name of a service, short enough for an inittab.
func number(i int) string { return fmt.Sprintf("s%02d", i) }
