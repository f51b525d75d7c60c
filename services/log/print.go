package log

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
)

// Print writes the records of the store in dir that the query wants. Damage
// is told in a line of its own, unless the format is for programs; then it is
// the error at the end. It returns the cursor of the last record, or "".
func Print(ctx context.Context, w io.Writer, dir string, q Query, f Format, host Host) (cursor string, err error) {
	out := bufio.NewWriter(w)
	var damage error
	var line []byte
	for r, err := range Read(ctx, dir, q) {
		var broken *DamageError
		switch {
		case errors.As(err, &broken):
			damage = err
			if !f.forPrograms() {
				fmt.Fprintf(out, "-- %v --\n", err)
			}
			continue
		case err != nil:
			return cursor, errors.Join(out.Flush(), err)
		}
		line = f.append(line[:0], r, host)
		_, err = out.Write(line)
		if err == nil && q.Follow {
			err = out.Flush()
		}
		if err != nil {
			return cursor, fmt.Errorf("print the log: %w", err)
		}
		cursor = r.Cursor()
	}
	if err := out.Flush(); err != nil {
		return cursor, fmt.Errorf("print the log: %w", err)
	}
	if f.forPrograms() {
		return cursor, damage
	}
	return cursor, nil
}
