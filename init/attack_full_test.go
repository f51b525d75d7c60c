//go:build full

package main_test

// How many calls PID 1 has to answer, and short-lived children it has to reap.
const (
	requests = 20_000
	children = 10_000
)
