package main

import (
	"encoding/hex"
	"os"
	"strings"

	"clarityos/update/slots"
	"clarityos/update/verity"
)

// words are those of the kernel's command line that stage 1 knows.
type words struct {
	slot   slots.Slot  // clarity.slot=a: whose kernel this is
	forced slots.Slot  // clarity.force=a: a person wants this slot
	state  string      // clarity.state=GUID: of the partition with the record of slots; "": the loader knows the disk
	root   verity.Hash // clarity.root=HEX: the root hash, where there is no record
}

func readWords(line []string) (w words) {
	for _, word := range line {
		key, value, _ := strings.Cut(word, "=")
		switch key {
		case "clarity.slot":
			w.slot = slots.Named(value)
		case "clarity.force":
			w.forced = slots.Named(value)
		case "clarity.state":
			w.state = value
		case "clarity.root":
			if b, err := hex.DecodeString(value); err == nil && len(b) == len(w.root) {
				w.root = verity.Hash(b)
			}
		}
	}
	return w
}

// bootID is the kernel's id of this boot.
func bootID() (id [16]byte) {
	text, _ := os.ReadFile("/proc/sys/kernel/random/boot_id") // zeros tell no boots apart, and do no harm
	b, _ := hex.DecodeString(strings.ReplaceAll(strings.TrimSpace(string(text)), "-", ""))
	copy(id[:], b)
	return id
}

// lines gives those of a file that are not empty.
func lines(path string) (out []string, err error) {
	text, err := os.ReadFile(path)
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line != "" {
			out = append(out, line)
		}
	}
	return out, err
}
