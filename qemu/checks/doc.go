// Package checks is the script language of `clarity test`: checks of a booted
// image, for other people's CI.
//
// What lives here: the parser (script.go), the runner (run.go), which sees a
// machine through the small interface Machine, and the reports (tap.go,
// junit.go).
//
// Who may import it: cmd/clarity and tests. It imports qemu and qemu/agent.
//
// What it never does: guess. A line that is not understood is an error with
// its number before anything boots, and every step has a time limit.
package checks
