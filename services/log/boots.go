package log

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// BootSpan is what the store holds of one boot.
type BootSpan struct {
	Boot        string
	First, Last time.Time // of its records
	Records     int
}

// Boots lists the boots in a store, the oldest first. It reads all of it.
func Boots(ctx context.Context, dir string) ([]BootSpan, error) {
	var boots []BootSpan
	for r, err := range Read(ctx, dir, Query{}) {
		if errors.As(err, new(*DamageError)) {
			continue // the rest counts
		}
		if err != nil {
			return nil, err
		}
		if len(boots) == 0 || boots[len(boots)-1].Boot != r.Boot {
			boots = append(boots, BootSpan{Boot: r.Boot, First: r.Time()})
		}
		b := &boots[len(boots)-1]
		b.Last = r.Time()
		b.Records++
	}
	return boots, ctx.Err()
}

// FindBoot returns the id of a boot that is named by its id, with or without
// dashes, by an offset back from the newest (0, -1, ...), or by its number from
// the oldest (1, 2, ...), as with journalctl.
func FindBoot(boots []BootSpan, which string) (string, error) {
	if n, err := strconv.Atoi(which); err == nil && len(which) < 32 {
		at := n - 1
		if n <= 0 {
			at = len(boots) - 1 + n
		}
		if at < 0 || at >= len(boots) {
			return "", fmt.Errorf("no boot %s: the log holds %d boots, see --list-boots", which, len(boots))
		}
		return boots[at].Boot, nil
	}
	id, err := newBootID(which)
	if err != nil {
		return "", fmt.Errorf("%w, nor an offset such as -1", err)
	}
	for _, b := range boots {
		if b.Boot == id {
			return id, nil
		}
	}
	return "", fmt.Errorf("no boot %s in the log, see --list-boots", strings.TrimSpace(which))
}
