// Command hello is the one service of a minimal image.
package main

import (
	"fmt"
	"os"
)

func main() {
	f, err := os.OpenFile("/dev/console", os.O_WRONLY, 0)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	defer f.Close()
	fmt.Fprintln(f, "hello from a static service")
	select {}
}
