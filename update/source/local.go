package source

import (
	"context"
	"fmt"
	"io"

	"clarityos/update/trust"
)

// getLocal reads a whole file of size bytes.
func getLocal(ctx context.Context, file io.ReaderAt, size, most int64, o Options) ([]byte, error) {
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	if size > most {
		return nil, fmt.Errorf("it has %d bytes, %d are the most: %w", size, most, trust.ErrTooLarge)
	}
	all := make([]byte, size)
	if err := readAt(file, all, 0, o); err != nil {
		return nil, err
	}
	return all, nil
}

// rangesLocal reads ranges of a file of size bytes.
func rangesLocal(ctx context.Context, file io.ReaderAt, size int64, ranges []Range, each func(int, []byte) error, o Options) error {
	buffer := make([]byte, longest(ranges))
	for i, r := range ranges {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		if r.end() > size {
			return fmt.Errorf("it has %d bytes, and up to %d are wanted: %w", size, r.end(), ErrOutside)
		}
		part := buffer[:r.Length]
		if err := readAt(file, part, r.At, o); err != nil {
			return err
		}
		if err := each(i, part); err != nil {
			return eachError{err}
		}
	}
	return nil
}

// readAt fills part. A file that ends before it has become shorter since it was opened.
func readAt(file io.ReaderAt, part []byte, at int64, o Options) error {
	n, err := file.ReadAt(part, at)
	o.fetched(n)
	switch {
	case n == len(part):
		return nil
	case err == io.EOF:
		return fmt.Errorf("%d bytes at %d end after %d: %w", len(part), at, n, ErrChanged)
	}
	return err
}

// told puts what was being done before an error; what is each's own stays as it is.
func told(err error, doing, name string, s Source) error {
	if own, is := err.(eachError); is {
		return own.error
	}
	if err != nil {
		return fmt.Errorf("%s %s of %s: %w", doing, name, s, err)
	}
	return nil
}
