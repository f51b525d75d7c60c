package workload

import "math"

// Facts are what follows from a workload by itself; times are in ms.
type Facts struct {
	Services     int     `json:"services"`
	Work         int     `json:"work_ms"`
	CriticalPath int     `json:"critical_path_ms"` // the work along the longest way
	Ideal        int     `json:"ideal_2cpu_ms"`    // with two CPUs, were starts free
	Depth        int     `json:"depth"`            // services on the way with most of them
	MeanNeeds    float64 `json:"mean_deps"`
}

// Facts computes them. The workload has no cycle.
func (w Workload) Facts() Facts {
	f := Facts{Services: len(w.Services)}
	byName := map[string]Service{}
	needs := 0
	for _, s := range w.Services {
		byName[s.Name] = s
		needs += len(s.Needs)
		f.Work += int(s.Work.Milliseconds())
	}
	paths := map[string][2]int{} // ms and services
	var longest func(name string) [2]int
	longest = func(name string) [2]int {
		if known, ok := paths[name]; ok {
			return known
		}
		var before [2]int
		for _, need := range byName[name].Needs {
			way := longest(need)
			before[0], before[1] = max(before[0], way[0]), max(before[1], way[1])
		}
		way := [2]int{before[0] + int(byName[name].Work.Milliseconds()), before[1] + 1}
		paths[name] = way
		return way
	}
	for name := range byName {
		way := longest(name)
		f.CriticalPath, f.Depth = max(f.CriticalPath, way[0]), max(f.Depth, way[1])
	}
	f.Ideal = max(f.CriticalPath, (f.Work+1)/2)
	f.MeanNeeds = math.Round(float64(needs)/float64(len(w.Services))*100) / 100
	return f
}
