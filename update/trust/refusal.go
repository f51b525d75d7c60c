package trust

import "fmt"

// Kind is the cause of a Refusal.
type Kind string

const (
	Expired        Kind = "expired"         // not renewed in time: old, or withheld ("freeze")
	RolledBack     Kind = "rolled back"     // older than what this machine has trusted before
	WrongSignature Kind = "wrong signature" // fewer good signatures than the role's threshold
	Mixed          Kind = "mixed"           // not the file that the signed one before it names
	TooLarge       Kind = "too large"       // longer than its kind of file may be, or than announced
	Malformed      Kind = "malformed"       // no metadata, or metadata that cannot be right
	Missing        Kind = "missing"         // the source does not have it
)

// advice is what a person does about each kind.
var advice = map[Kind]string{
	Expired:        "if this machine's clock is right, the publisher has to run `clarity repo refresh`, or this source withholds what is newer: try another one",
	RolledBack:     "the source serves an old copy; use another one, or have the publisher rotate the key that was misused",
	WrongSignature: "the source is not the one this machine was made for, or was tampered with; check its address, and use another one",
	Mixed:          "the source is being changed or was tampered with; try again, then use another one",
	TooLarge:       "check the source's address; what it serves is no repository of this machine's",
	Malformed:      "check the source's address; if it is right, have the publisher run `clarity repo check`",
	Missing:        "check the source's address; if it is right, have the publisher run `clarity repo check`",
}

// Refusal is an error: why nothing that a source offers is trusted.
type Refusal struct {
	Kind   Kind
	File   string // "metadata/timestamp.json", or what else was read
	Detail string // "version 3, but this machine has trusted version 5"
}

func (r *Refusal) Error() string {
	return fmt.Sprintf("%s: %s: %s; %s", r.File, r.Kind, r.Detail, advice[r.Kind])
}
