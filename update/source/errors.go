package source

import (
	"errors"
	"fmt"
	"time"
)

// What callers decide on, besides fs.ErrNotExist and trust.ErrTooLarge; errors wrap them.
var (
	// ErrNoRanges is a server that gives whole files only.
	ErrNoRanges = errors.New("the server gives no parts of it, so this would be a full download; use a server that answers range requests, or a bundle")
	// ErrChanged is a file that was another one at an earlier request of the same call.
	ErrChanged = errors.New("it has changed while it was read; begin again with the repository's metadata")
	// ErrOutside is a range that is not within its file.
	ErrOutside = errors.New("it is shorter than its metadata says; the repository is damaged or incomplete")
)

// TemporaryError is a failure that may be over later, after what was worth trying again has been
// tried again. Every other error stays until somebody does something.
type TemporaryError struct {
	Cause error
	// After is how long the server does not want to be asked; 0: it did not say.
	After time.Duration
}

// Error tells the cause.
func (e *TemporaryError) Error() string {
	if e.After > 0 {
		return fmt.Sprintf("%v; the server wants to be asked again in %v", e.Cause, e.After)
	}
	return e.Cause.Error()
}

// Unwrap gives the cause.
func (e *TemporaryError) Unwrap() error { return e.Cause }
