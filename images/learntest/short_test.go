//go:build !full

package learntest

// further is what is done on kernels besides the one that images have by default.
func further(machine) {}
