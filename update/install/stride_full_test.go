//go:build full

package install

// stride is which of the system calls TestKilled kills the updater at: each of them.
const stride = 1

// updates is how many TestManyUpdates makes.
const updates = 30
