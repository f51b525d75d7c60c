package qemu

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"sync"
)

// longestLine is how much of a line without an end is kept for matching.
const longestLine = 64 << 10

// Console is what a machine has written to its serial console, over all its
// boots, kept in a file.
type Console struct {
	file *os.File
	temp bool
	echo io.Writer

	mu      sync.Mutex
	size    int64
	boot    int64         // where the current boot begins
	changed chan struct{} // closed and replaced with each change
}

// newConsole keeps the output in path, or in a file of its own without one.
func newConsole(path string, echo io.Writer) (*Console, error) {
	var file *os.File
	var err error
	if path == "" {
		file, err = os.CreateTemp("", "clarity-console-")
	} else {
		file, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o644)
	}
	if err != nil {
		return nil, fmt.Errorf("keep the console: %w", err)
	}
	return &Console{file: file, temp: path == "", echo: echo, changed: make(chan struct{})}, nil
}

// Write adds output. It is called by one goroutine at a time.
func (c *Console) Write(p []byte) (int, error) {
	c.mu.Lock()
	at := c.size
	c.mu.Unlock()
	if _, err := c.file.WriteAt(p, at); err != nil {
		return 0, fmt.Errorf("keep the console: %w", err)
	}
	if c.echo != nil {
		_, _ = c.echo.Write(p) // the file is what counts
	}
	c.mu.Lock()
	c.size += int64(len(p))
	c.wake()
	c.mu.Unlock()
	return len(p), nil
}

// beginBoot makes what follows the current boot.
func (c *Console) beginBoot() {
	c.mu.Lock()
	c.boot = c.size
	c.wake()
	c.mu.Unlock()
}

// wake tells all who wait. The lock is held.
func (c *Console) wake() {
	close(c.changed)
	c.changed = make(chan struct{})
}

func (c *Console) close() error {
	if c.temp {
		return errors.Join(c.file.Close(), os.Remove(c.file.Name()))
	}
	return c.file.Close()
}

// Tail returns the last lines of the output.
func (c *Console) Tail(lines int) string {
	c.mu.Lock()
	size := c.size
	c.mu.Unlock()
	from := max(0, size-int64(lines)*256)
	buf := make([]byte, size-from)
	n, err := c.file.ReadAt(buf, from)
	if err != nil && err != io.EOF {
		return fmt.Sprintf("(the console cannot be read: %v)", err)
	}
	text := strings.ReplaceAll(strings.TrimRight(string(buf[:n]), "\r\n"), "\r", "")
	all := strings.Split(text, "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

// Boot returns what the current boot has written, as lines without their ends;
// of more than 1 MiB the last of it.
func (c *Console) Boot() []string {
	const most = 1 << 20
	c.mu.Lock()
	size, from := c.size, max(c.boot, c.size-most)
	c.mu.Unlock()
	buf := make([]byte, size-from)
	n, _ := c.file.ReadAt(buf, from) // what there is, is all that there is to tell
	return strings.Split(strings.ReplaceAll(string(buf[:n]), "\r", ""), "\n")
}

// find waits for a line of the current boot that matches, complete or, unless
// whole lines are wanted, not, and returns it. If ctx ends first, it returns the
// last line seen.
func (c *Console) find(ctx context.Context, re *regexp.Regexp, wholeLine bool) (line string, found bool) {
	c.mu.Lock()
	at := c.boot
	c.mu.Unlock()
	buf := make([]byte, 32<<10)
	var partial []byte
	for {
		c.mu.Lock()
		size, changed := c.size, c.changed
		if at < c.boot {
			at, partial = c.boot, nil
		}
		c.mu.Unlock()
		n, _ := c.file.ReadAt(buf[:min(int64(len(buf)), size-at)], at)
		if n == 0 {
			select {
			case <-changed:
				continue
			case <-ctx.Done():
				return line, false
			}
		}
		at += int64(n)
		partial = append(partial, buf[:n]...)
		for {
			head, rest, whole := bytes.Cut(partial, []byte("\n"))
			if text := strings.Trim(string(head), "\r"); text != "" {
				if (whole || !wholeLine) && re.MatchString(text) {
					return text, true
				}
				line = text
			}
			if !whole {
				break
			}
			partial = rest
		}
		if len(partial) > longestLine {
			partial = partial[len(partial)-longestLine:]
		}
	}
}
