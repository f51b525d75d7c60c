// Package manual writes the manual pages of a command line. Only programs that
// are built with the tag man link it: see make man.
package manual

import (
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

// Write writes a page for each command of root into the folder that the
// program's first argument names, and ends the program.
func Write(root *cobra.Command) {
	if err := write(root, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "manual:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

func write(root *cobra.Command, args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("name one folder for the pages of %s", root.Name())
	}
	if err := os.MkdirAll(args[0], 0o755); err != nil {
		return err
	}
	root.DisableAutoGenTag = true
	then := time.Unix(0, 0) // the same pages at each build
	return doc.GenManTree(root, &doc.GenManHeader{Section: "1", Source: "ClarityOS", Manual: "ClarityOS", Date: &then}, args[0])
}
