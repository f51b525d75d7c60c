package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"golang.org/x/term"

	"clarityos/qemu"
)

// escape begins a command to us, as in QEMU's and screen's own consoles.
const escape = 'A' - '@'

const leaveHelp = "leave by Ctrl-A X (cuts the power); Ctrl-A Ctrl-A types one Ctrl-A"

// runOnTerminal makes the terminal the machine's console until the machine is
// off or the person leaves.
func runOnTerminal(ctx context.Context, cfg qemu.Config, in, out *os.File) error {
	cfg.Echo = out
	raw, err := term.MakeRaw(int(in.Fd()))
	if err != nil {
		return fmt.Errorf("make the terminal a console: %w", err)
	}
	defer func() { _ = term.Restore(int(in.Fd()), raw) }()
	m, err := qemu.Start(ctx, cfg)
	if err != nil {
		return err
	}
	defer m.Close()
	announce(out, m, cfg)
	fmt.Fprintf(out, "%s\r\n", leaveHelp)

	left := make(chan struct{})
	go func() {
		defer close(left)
		typeAll(in, m.Type)
	}()
	select {
	case <-m.Off():
		fmt.Fprintf(out, "\r\nthe machine is off\r\n")
		return m.Ending()
	case <-left:
		fmt.Fprintf(out, "\r\nleft; the power is cut\r\n")
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// typeAll passes what is typed on until it ends or says to leave.
func typeAll(in io.Reader, send func([]byte) error) {
	buf := make([]byte, 1024)
	escaped := false
	for {
		n, err := in.Read(buf)
		pass := buf[:0:n]
		for _, b := range buf[:n] {
			switch {
			case escaped && (b == 'x' || b == 'X'):
				_ = send(pass) // it is over anyway
				return
			case escaped && b == escape, !escaped && b != escape:
				pass = append(pass, b)
				escaped = false
			case escaped:
				escaped = false // an unknown command
			default:
				escaped = true
			}
		}
		if len(pass) > 0 && send(pass) != nil {
			return
		}
		if err != nil {
			return
		}
	}
}
