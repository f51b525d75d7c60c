// Command clarity builds, inspects and runs ClarityOS images on a workstation.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"
)

// commands are all that clarity can do; each lives in a file of its name.
func commands() []*cobra.Command {
	return []*cobra.Command{
		newBuild(),
		newInspect(),
		newKernel(),
		newReport(),
		newRun(),
		newTest(),
		newTrain(),
		newDisk(),
		newKey(),
		newBundle(),
		newKeys(),
		newRepo(),
		newFlash(),
		newConvert(),
		newUnits(),
	}
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, unix.SIGTERM)
	defer stop()
	if err := newRoot().ExecuteContext(ctx); err != nil {
		var told exitStatus
		if errors.As(err, &told) {
			os.Exit(int(told))
		}
		fmt.Fprintln(os.Stderr, "clarity:", err)
		os.Exit(1)
	}
}

// newRoot makes the whole command line.
func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:           "clarity",
		Short:         "Build, run and test ClarityOS images",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(commands()...)
	return root
}
