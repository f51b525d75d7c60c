// Command deaf is a service that ends for nothing but SIGKILL.
package main

import (
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ignored := make(chan os.Signal, 1)
	signal.Notify(ignored, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGINT)
	for range ignored {
	}
}
