package trust

import (
	"fmt"
	"slices"
)

// What a child may return at most. A targets file of MostTargets has fewer entries.
const (
	mostTargetsListed = 64 << 10
	mostNotices       = 64
	mostText          = 512 // bytes of a notice or of a refusal's detail
)

// check refuses a result that no working child returns, and makes its texts printable.
func (r *Result) check() error {
	if err := r.checkTexts(); err != nil {
		return err
	}
	if len(r.Metadata) > MostRoots+3 {
		return fmt.Errorf("%d files to store; there are at most %d", len(r.Metadata), MostRoots+3)
	}
	for name, text := range r.Metadata {
		if most, ok := limit(storedName, name); !ok || int64(len(text)) > most {
			return fmt.Errorf("file to store %.80q of %d bytes: no such file is stored, or none so long", name, len(text))
		}
	}
	if len(r.Targets) > mostTargetsListed || r.Refusal != nil && len(r.Targets) > 0 {
		return fmt.Errorf("%d targets; there are at most %d, and none with a refusal", len(r.Targets), mostTargetsListed)
	}
	for i, t := range r.Targets {
		if err := t.check(); err != nil {
			return err
		}
		if i > 0 && r.Targets[i-1].Name >= t.Name {
			return fmt.Errorf("target %s after %s: not sorted by name", t.Name, r.Targets[i-1].Name)
		}
	}
	for name := range r.Roles {
		if _, ok := mostOf[name]; !ok {
			return fmt.Errorf("role %.80q; there is none", name)
		}
	}
	return nil
}

func (r *Result) checkTexts() error {
	if len(r.Notices) > mostNotices {
		r.Notices = slices.Clip(r.Notices[:mostNotices])
	}
	for i := range r.Notices {
		r.Notices[i] = printable(r.Notices[i], mostText)
	}
	if r.Refusal == nil {
		return nil
	}
	if _, ok := advice[r.Refusal.Kind]; !ok {
		return fmt.Errorf("refusal of kind %.80q; there is none", r.Refusal.Kind)
	}
	r.Refusal.File = printable(r.Refusal.File, 128)
	r.Refusal.Detail = printable(r.Refusal.Detail, mostText)
	return nil
}
