// Package predict says which units are likely to fail, what of, and when: from what
// their memory, descriptors, tasks and files have grown to, how often they were
// restarted, and how long their starts and health probes take.
//
// Growth is looked at in seven resolutions at once, each of the lowest values of its
// spans, so that what a cache or a garbage collector gives back does not count. A
// series grows when two tests agree that see different things: Theil and Sen's slope
// of all since the growth began, which one outlier or a hole does not move, and Page's
// cumulated sum of the steps from value to value, which a jump does not move. Growth
// is told when the limit is about as far as the growth has come so far: a program that
// warms up slows down before that.
//
// Book is a fold over values: no system calls, no clock, no goroutines. What it keeps
// of a unit is bounded.
package predict
