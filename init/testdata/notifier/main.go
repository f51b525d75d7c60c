// Command notifier is a service that is ready when the file /run/go appears.
package main

import (
	"os"
	"time"

	"clarityos/services/sdnotify"
)

func main() {
	if err := sdnotify.Send("STATUS=waiting for /run/go"); err != nil {
		panic(err)
	}
	for {
		if _, err := os.Stat("/run/go"); err == nil {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if err := sdnotify.Send("READY=1\nSTATUS=ready"); err != nil {
		panic(err)
	}
	for {
		time.Sleep(time.Hour)
	}
}
