//go:build !full

package disktest

// cuts is how many cuts of power TestPowerCut boots from.
const cuts = 3
