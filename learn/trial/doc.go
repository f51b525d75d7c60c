// Package trial is how far a boot may be started by what was learned. Every boot that is
// tries the order anew: one that does not complete, fails what starts without it, or
// is slow has the following ones be as declared.
package trial
