// Command chatter writes to the log in ways that tests ask for:
//
//	chatter json            a few structured lines
//	chatter say TEXT        one line, in one write
//	chatter flood N         N lines as fast as they go
//	chatter count FILE      numbered lines until FILE exists, then "end"
//	chatter sink ADDR FILE  what is sent to ADDR by TCP, into FILE
package main

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"strconv"
	"time"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "chatter:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	switch {
	case len(args) == 1 && args[0] == "json":
		log := slog.New(slog.NewJSONHandler(os.Stdout, nil))
		log.Warn("slog speaks", "request_id", "r-7", slog.Group("user", "name", "bob"))
		fmt.Println(`<3>{"msg":"no level of its own"}`)
		fmt.Println("<4>{not JSON}")
		return nil
	case len(args) == 2 && args[0] == "say":
		fmt.Println(args[1])
		return nil
	case len(args) == 2 && args[0] == "flood":
		n, err := strconv.Atoi(args[1])
		w := bufio.NewWriter(os.Stdout)
		for i := range n {
			fmt.Fprintf(w, "flood %d\n", i)
		}
		return firstOf(err, w.Flush())
	case len(args) == 2 && args[0] == "count":
		for i := 1; ; i++ {
			if _, err := os.Stat(args[1]); err == nil {
				fmt.Println("end")
				return nil
			}
			fmt.Println("count", i)
			time.Sleep(4 * time.Millisecond) // below the rate that is kept
		}
	case len(args) == 3 && args[0] == "sink":
		return sink(args[1], args[2])
	}
	return fmt.Errorf("no such way: %q", args)
}

func sink(address, path string) error {
	out, err := os.Create(path)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	for {
		conn, err := l.Accept()
		if err != nil {
			return err
		}
		go func() { _, _ = io.Copy(out, conn) }() // until it breaks
	}
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
