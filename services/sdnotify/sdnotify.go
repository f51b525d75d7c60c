// Package sdnotify is the sending end of sd_notify(3), for components.
package sdnotify

import (
	"fmt"
	"net"
	"os"
)

// Send sends a state such as "READY=1" to whoever started this process; without
// a NOTIFY_SOCKET it does nothing.
func Send(state string) error {
	path := os.Getenv("NOTIFY_SOCKET")
	if path == "" {
		return nil
	}
	conn, err := net.Dial("unixgram", path)
	if err != nil {
		return fmt.Errorf("notify: %w", err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte(state)); err != nil {
		return fmt.Errorf("notify: %w", err)
	}
	return nil
}
