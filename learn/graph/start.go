package graph

import "clarityos/services/plan"

// Start makes of what was learned what PID 1 can start by. After is what is declared:
// the units that each one starts after.
func (m *Model) Start(after map[string][]string) *plan.Order {
	o := &plan.Order{After: []plan.Learned{}, Marks: map[string][]plan.Mark{}}
	before := map[string][]string{} // by unit: those that start after it
	for unit, all := range after {
		for _, on := range all {
			before[on] = append(before[on], unit)
		}
	}
	acted := m.Needs(after)
	for _, u := range acted.Uses {
		o.Uses = append(o.Uses, plan.Use{Unit: u.Unit, On: u.On})
	}
	for _, n := range acted.Needs {
		o.After = append(o.After, plan.Learned{Unit: n.Unit, On: n.On, Limit: plan.SoftFor(m.Units[n.On].Span())})
		before[n.On] = append(before[n.On], n.Unit)
		if o.Marks[n.On] != nil {
			continue
		}
		if marks := m.Marks(n.On); marks != nil {
			o.Marks[n.On] = marks
		}
	}
	o.Ranks = m.Ranks(before)
	o.Critical = m.Critical(before, o.Ranks)
	return o
}
