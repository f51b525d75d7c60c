// Package graph is what boots have shown of which unit needs which. A boot is a
// value, Boot: what ran, and who used what of whom. A Model folds boots: for each
// pair of units it believes more or less that the one needs the other to start,
// fails without it, and uses it when it runs. Needs makes of it an order without
// cycles.
//
// What counts against a belief is a boot in which both ran and the use was not made.
// Since a unit that waits for another one never misses it again, a use that goes
// well renews the belief as much as one that fails.
//
// A Boot is filled in as the bus tells what happens. Book is what is kept from boot to
// boot: the Model of all boots before this one, and this one as far as it has come.
// Learning is a fold over values: no system calls, no clock; Load and Save are the
// file.
package graph
