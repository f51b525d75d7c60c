// Command hello is the demo's own web service: it answers on port 8080 and
// tells its supervisor when it listens.
package main

import (
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"time"
)

func main() {
	log.SetFlags(0)
	listener, err := net.Listen("tcp", ":8080")
	if err != nil {
		log.Fatal(err)
	}
	server := &http.Server{ReadHeaderTimeout: 5 * time.Second, Handler: http.HandlerFunc(hello)}
	if err := notify("READY=1\nSTATUS=answers on " + listener.Addr().String()); err != nil {
		log.Print(err)
	}
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		log.Fatal(err)
	}
}

func hello(w http.ResponseWriter, r *http.Request) {
	log.Printf("%s asks for %s", r.RemoteAddr, r.URL.Path)
	fmt.Fprintln(w, "hello from ClarityOS")
}

// notify speaks sd_notify(3): one datagram of KEY=value lines to the socket
// that NOTIFY_SOCKET names, a path or, with a leading @, an abstract name.
// Without a supervisor that listens it does nothing.
func notify(state string) error {
	name := os.Getenv("NOTIFY_SOCKET")
	if name == "" {
		return nil
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		return fmt.Errorf("tell the supervisor: %w", err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte(state)); err != nil {
		return fmt.Errorf("tell the supervisor: %w", err)
	}
	return nil
}
