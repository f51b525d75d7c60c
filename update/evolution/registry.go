package evolution

import (
	"maps"
	"slices"

	"clarityos/update/installed"
	"clarityos/update/journal"
	"clarityos/update/slots"
)

// Registry is what runs, and what lies in the slots, with where each came from.
type Registry struct {
	Image      Origin   `json:"image"`
	Slots      []Origin `json:"slots"`      // a, then b
	Kernel     string   `json:"kernel"`     // the release of the one that runs
	Components []Origin `json:"components"` // of the image that runs, by name; the kernel that came with it too
	Units      []Origin `json:"units"`      // … by name
}

// Origin is a thing with its version, and where it came from.
type Origin struct {
	Name    string `json:"name"`
	Version string `json:"version,omitempty"`
	State   string `json:"state,omitempty"` // of a slot
	From    string `json:"from,omitempty"`
}

// written is where a slot's system came from when no update has brought it.
const written = "the disk as it was written"

// Register puts the registry together. Units says from which files units are, by their names.
func Register(image installed.Image, running string, rec *slots.Record, records []journal.Record, kernel string, units map[string][]string) Registry {
	r := Registry{Kernel: kernel}
	for _, s := range []slots.Slot{slots.A, slots.B} {
		side := rec.Side(s)
		o := Origin{Name: s.String(), Version: side.Version, State: side.State.String()}
		if side.State != slots.Empty {
			o.From = from(journal.History(records), s.String(), side.Version)
		}
		r.Slots = append(r.Slots, o)
		if o.Name == running {
			r.Image = Origin{Name: image.Name, Version: image.Version, From: o.From}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(image.Components)) {
		r.Components = append(r.Components, Origin{Name: name, Version: image.Components[name], From: image.Name + " " + image.Version})
	}
	for _, name := range slices.Sorted(maps.Keys(units)) {
		o := Origin{Name: name}
		if files := units[name]; len(files) > 0 {
			o.From = files[0]
		}
		r.Units = append(r.Units, o)
	}
	return r
}

// from gives the source of the update that has written a version to a slot.
func from(history []journal.Update, slot, version string) string {
	for _, u := range history { // the latest first
		if u.Slot == slot && u.Version == version && u.Step != journal.Failed {
			return u.From
		}
	}
	return written
}
