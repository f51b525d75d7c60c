// Package profiles is how each unit usually behaves: how long it takes to start and
// to stop, and what it uses, as histograms in which what is long ago counts less.
// What is far from them is an anomaly.
//
// A life of a unit has three phases. The start goes from when the unit leaves its
// queue until it is ready: its counters are those of its cgroup, which is new with
// each run. While it is steady its counters are cut into windows of about ten
// seconds, and become rates. The stop goes from the first word of it until nothing
// is left.
//
// Book is a fold over values: no system calls, no clock. Encode and Decode are its
// bytes, Load and Save the file.
package profiles
