// Command leak takes, so often, a descriptor or 64 KiB more, or gives back what it
// took. It ends when it gets no more.
package main

import (
	"fmt"
	"io"
	"os"
	"time"
)

// piece is what is taken of memory at once, in bytes: 64 MiB in 1000 times.
const piece = 64 << 10

func main() {
	every, err := time.ParseDuration(os.Args[2])
	if err != nil {
		fmt.Fprintln(os.Stderr, "leak: how often:", err)
		os.Exit(2)
	}
	var files []*os.File
	var pieces [][]byte
	for range time.Tick(every) {
		switch os.Args[1] {
		case "memory":
			p := make([]byte, piece)
			for i := range p {
				p[i] = byte(i)
			}
			pieces = append(pieces, p)
			fmt.Fprint(io.Discard, len(pieces)) // so that they are kept
			continue
		case "nothing":
			for len(files) > 50 {
				files[0].Close()
				files = files[1:]
			}
		}
		f, err := os.Open("/dev/null")
		if err != nil {
			fmt.Println("it has run out:", err)
			os.Exit(1)
		}
		files = append(files, f)
	}
}
