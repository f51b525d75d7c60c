// Package devices is the component that loads kernel modules: the plan's list at
// boot, then what the hardware asks for by its module aliases, now and whenever
// the kernel tells of a new device. It also keeps the names that programs expect
// below /dev. It may die at any time; the next one starts with a full scan.
package devices
