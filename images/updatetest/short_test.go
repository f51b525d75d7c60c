//go:build !full

package updatetest

import "clarityos/qemu/blocklog"

// choice is which disks the model of TestPowerCut looks at.
var choice = blocklog.Choice{Seed: seed, Windows: 8, Tears: 1}

const (
	// boots is how many disks TestPowerCut boots from, and brokenBoots of those with files that
	// are to be mended, tornBoots with a torn superblock of /var; each of the latter two, and of
	// the others each so many, completes the update.
	boots, brokenBoots, tornBoots, completes = 1, 1, 0, boots + 1
	// journalEvery is of how many disks one has its journal read.
	journalEvery = 50
)
