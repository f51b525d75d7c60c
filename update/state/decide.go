package state

import (
	"fmt"
	"slices"

	"clarityos/update/backup/index"
)

// Now is what is known before services begin.
type Now struct {
	Version  string       // of the release that is about to run
	Schema   uint32       // … which it writes
	Migrates []index.Path // … what its services bring to that

	Trial bool // the slot that runs is on trial
	Worse bool // … runs since the loader did not do as it was told: nobody wants it
	Back  bool // the other slot is good, and what runs can be left for it
	Left  bool // the other slot was given up, or never ran

	Marker  *Marker // of /var; nil: there is none
	Order   string  // id of the backup that a person wants; "": none
	Backups []index.Info
}

// Do is what is done next.
type Do int

// What is done.
const (
	Begin    Do = iota // services begin
	BackUp             // Migrates is backed up and read back
	Restore            // a backup is put in the place of what there is
	Degraded           // services begin, and may not be able to read what there is
	Refuse             // the person's order is dropped
)

// Step is what is done next, and when that is done the marker is Mark, unless it is nil.
type Step struct {
	Do     Do
	Backup string // its id, for Restore
	Keep   bool   // what there is is backed up before it is replaced: it may be missed
	Mark   *Marker
	Why    string // in words
}

// Decide says what is done next. Once a step is done and its Mark written, it is decided anew.
func Decide(n Now) Step {
	has := Marker{}
	if n.Marker != nil {
		has = *n.Marker
	}
	mine := &Marker{Schema: n.Schema, Version: n.Version}
	switch {
	case n.Order != "":
		return n.ordered()
	case n.Marker == nil && !(n.Trial && n.Back):
		return Step{Do: Begin, Mark: mine, Why: fmt.Sprintf("/var has no schema yet; %s writes schema %d", n.Version, n.Schema)}
	case has.Schema == n.Schema:
		step := Step{Do: Begin, Why: fmt.Sprintf("/var has schema %d, as %s writes it", n.Schema, n.Version)}
		if n.Marker == nil {
			step.Mark = mine
		}
		return step
	case has.Schema < n.Schema && len(n.Migrates) == 0:
		return Step{Do: Begin, Mark: mine, Why: fmt.Sprintf("/var has schema %d and %s writes schema %d, and names nothing that it migrates", has.Schema, n.Version, n.Schema)}
	case has.Schema < n.Schema:
		return Step{Do: BackUp, Mark: mine, Why: fmt.Sprintf("/var has schema %d, and %s will migrate it to schema %d", has.Schema, n.Version, n.Schema)}
	}
	return n.back(has)
}

// back is for a release that writes a lower schema than /var has.
func (n Now) back(has Marker) Step {
	is := fmt.Sprintf("%s has migrated /var to schema %d, and %s knows schema %d", has.Version, has.Schema, n.Version, n.Schema)
	worse := func(why string) Step { return Step{Do: Degraded, Why: is + "; " + why} }
	if n.Worse && !n.Left {
		return worse("nothing is restored, since this slot only runs because the loader did not do as it was told")
	}
	if has.Backup == "" {
		return worse("there is no backup from before that")
	}
	i, why := n.find(has.Backup)
	if why != "" {
		return worse(why)
	}
	return Step{Do: Restore, Backup: i.ID, Keep: !n.Left, Mark: &Marker{Schema: i.Schema, Version: n.Version}, Why: is}
}

// ordered is for a person's order.
func (n Now) ordered() Step {
	i, why := n.find(n.Order)
	if why != "" {
		return Step{Do: Refuse, Why: "a person wants a backup restored; " + why}
	}
	return Step{Do: Restore, Backup: i.ID, Keep: true, Mark: &Marker{Schema: i.Schema, Version: n.Version}, Why: "a person wants it"}
}

// find gives the backup of an id, or why it is of no use.
func (n Now) find(id string) (i index.Info, why string) {
	at := slices.IndexFunc(n.Backups, func(i index.Info) bool { return i.ID == id })
	if at < 0 {
		return i, fmt.Sprintf("backup %s is gone", id)
	}
	switch i = n.Backups[at]; {
	case i.Problem != "":
		return i, i.Problem
	case i.Schema > n.Schema:
		return i, fmt.Sprintf("backup %s has schema %d, and %s knows schema %d", id, i.Schema, n.Version, n.Schema)
	}
	return i, ""
}
