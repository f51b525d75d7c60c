//go:build !full

package install

// stride is which of the system calls TestKilled kills the updater at: each so many.
const stride = 40

// updates is how many TestManyUpdates makes.
const updates = 3
