package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// lookEvery is how often a port that has no notification to offer is looked at
// again: one that is not there yet, or one whose other end is not open.
const lookEvery = 100 * time.Millisecond

// ErrNoPort says that this machine has no virtio-serial port of that name.
var ErrNoPort = errors.New("no such virtio-serial port")

// OpenPort opens the virtio-serial port called name, without udev's link if
// need be. The error is ErrNoPort if the machine has none.
func OpenPort(name string) (io.ReadWriteCloser, error) {
	path := filepath.Join("/dev/virtio-ports", name)
	file, err := os.OpenFile(path, os.O_RDWR|syscall.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) {
		if path, err = findPort("/sys/class/virtio-ports", name); err != nil {
			return nil, err
		}
		file, err = os.OpenFile(path, os.O_RDWR|syscall.O_NONBLOCK, 0)
	}
	if err != nil {
		return nil, fmt.Errorf("open port %s: %w", name, err)
	}
	return &port{file, make(chan struct{})}, nil
}

// WaitPort is OpenPort for a port whose driver may still be loading.
func WaitPort(ctx context.Context, name string) (io.ReadWriteCloser, error) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		p, err := OpenPort(name)
		if !errors.Is(err, ErrNoPort) {
			return p, err
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-tick.C:
		}
	}
}

// findPort looks the device up by the name that the kernel shows in class.
func findPort(class, name string) (string, error) {
	names, err := filepath.Glob(filepath.Join(class, "*", "name"))
	if err != nil {
		return "", err
	}
	for _, path := range names {
		text, err := os.ReadFile(path)
		if err == nil && strings.TrimSpace(string(text)) == name {
			return filepath.Join("/dev", filepath.Base(filepath.Dir(path))), nil
		}
	}
	return "", fmt.Errorf("%w: %s (looked in /dev/virtio-ports and %s)", ErrNoPort, name, class)
}

// port hides that the kernel reports end of file while the host's side is not
// open (drivers/char/virtio_console.c, port_fops_read).
type port struct {
	*os.File
	closed chan struct{}
}

func (p *port) Read(b []byte) (int, error) {
	for {
		n, err := p.File.Read(b)
		if n > 0 || err != nil && err != io.EOF {
			return n, err
		}
		select {
		case <-p.closed:
			return 0, fs.ErrClosed
		case <-time.After(lookEvery):
		}
	}
}

func (p *port) Close() error {
	err := p.File.Close()
	if err == nil {
		close(p.closed)
	}
	return err
}
