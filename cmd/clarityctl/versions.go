package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"clarityos/services/control"
	"clarityos/update/evolution"
	"clarityos/update/installed"
	"clarityos/update/journal"
	"clarityos/update/order"
	"clarityos/update/slots"
	"clarityos/update/slots/bootdisk"
)

func (c *ctl) updateVersions() *cobra.Command {
	var units bool
	cmd := &cobra.Command{
		Use:   "versions",
		Short: "What runs and lies in the slots, with its version and where it came from",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var r control.StatusReply
			if err := c.ask(cmd.Context(), "List", nil, &r); err != nil {
				return err
			}
			files := map[string][]string{}
			for _, u := range r.Units {
				files[u.Name] = u.Sources
			}
			reg, err := registry(files)
			if err != nil {
				return err
			}
			return c.print(reg, func() string { return registryText(reg, units) })
		},
	}
	cmd.Flags().BoolVar(&units, "units", false, "units too")
	return cmd
}

// registry reads what this machine is made of.
func registry(units map[string][]string) (reg evolution.Registry, err error) {
	image, err := installed.Read()
	if err != nil {
		return reg, err
	}
	running, err := slots.ReadRunning()
	if err != nil {
		return reg, err
	}
	records, err := journal.Read(order.Journal(order.Dir))
	if err != nil {
		return reg, err
	}
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		return reg, fmt.Errorf("uname: %w", err)
	}
	return reg, bootdisk.With(running.Record, func(rec *bootdisk.Record) error {
		reg = evolution.Register(image, running.Slot, rec.Now, records, unix.ByteSliceToString(name.Release[:]), units)
		return nil
	})
}

func registryText(r evolution.Registry, units bool) string {
	var b strings.Builder
	line := func(what string, o evolution.Origin) {
		fmt.Fprintf(&b, "%s %s  %s", what, o.Name, o.Version)
		if o.State != "" {
			fmt.Fprintf(&b, "  %s", o.State)
		}
		if o.From != "" {
			fmt.Fprintf(&b, "  from %s", o.From)
		}
		b.WriteString("\n")
	}
	line("image", r.Image)
	for _, o := range r.Slots {
		line("slot", o)
	}
	fmt.Fprintf(&b, "kernel  %s\n", r.Kernel)
	for _, o := range r.Components {
		line("component", o)
	}
	if units {
		for _, o := range r.Units {
			line("unit", o)
		}
	}
	return b.String()
}
