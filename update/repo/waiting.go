package repo

import (
	"fmt"
	"slices"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"
)

// Waiting says, for who is to sign the pending root, how it differs from the one before.
func (r *Repo) Waiting() ([]string, error) {
	var lines []string
	err := r.locked(func(s state) error {
		next, err := r.pending(s)
		if err == nil {
			lines = differences(s.root, next)
		}
		return err
	})
	return lines, err
}

// differences describes a root by the one before it, which is nil for the first.
func differences(old, next *rootMeta) []string {
	lines := []string{fmt.Sprintf("root %d, which expires %s", next.Signed.Version, next.Signed.Expires.Format(time.RFC3339))}
	for _, role := range metadata.TOP_LEVEL_ROLE_NAMES {
		before, after := &metadata.Role{}, next.Signed.Roles[role]
		if old != nil {
			before = old.Signed.Roles[role]
		}
		for _, id := range after.KeyIDs {
			if !slices.Contains(before.KeyIDs, id) {
				lines = append(lines, fmt.Sprintf("%s: key %s is new", role, id))
			}
		}
		for _, id := range before.KeyIDs {
			if !slices.Contains(after.KeyIDs, id) {
				lines = append(lines, fmt.Sprintf("%s: key %s is no longer trusted", role, id))
			}
		}
		if before.Threshold != after.Threshold {
			lines = append(lines, fmt.Sprintf("%s: %d of %d keys have to sign", role, after.Threshold, len(after.KeyIDs)))
		}
	}
	return lines
}
