// Command stubborn is a service that ignores every request to end.
package main

import (
	"os/signal"
	"syscall"
	"time"

	"clarityos/services/sdnotify"
)

func main() {
	signal.Ignore(syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	if err := sdnotify.Send("READY=1"); err != nil {
		panic(err)
	}
	for {
		time.Sleep(time.Hour)
	}
}
