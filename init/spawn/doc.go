// Package spawn makes processes. Fork gives a child its cgroup at birth and
// executes the program at once where what it needs is what a plain fork offers;
// otherwise it executes PID 1's own binary as a stub, which does the rest in
// the child and reports the step that failed by its name.
//
// Table is what knows every pid. The reaper asks it whose exit it collected.
package spawn
