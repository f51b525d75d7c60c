package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"clarityos/services/discovery"
)

// listedEvery is how often the files are looked at that have to have what was found.
const listedEvery = 20 * time.Millisecond

func (c *ctl) lookup() *cobra.Command {
	var kind string
	var wait time.Duration
	cmd := &cobra.Command{
		Use:   "lookup NAME",
		Short: "Where a service can be found",
		Long: `Where a service can be found, by the name of its unit or by the protocol that it is
likely to speak. Of several places the one is printed that one would use first, with
--json all. An address that stands for any is given as the loopback's.

With --wait what is not there yet is waited for, until the files in
` + discovery.Dir + ` have it, too. A unit takes these by

  ExecStartPre=+/usr/bin/clarityctl lookup redis-server --wait 10s
  EnvironmentFile=-` + discovery.Dir + `/redis-server.env

The exit status is 1 when there is none, and 4 when there was none in time.`,
		Example: `  clarityctl lookup redis
  clarityctl lookup redis-server --protocol unix --wait 10s`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: c.unit,
		RunE: func(cmd *cobra.Command, args []string) error {
			if wait < 0 {
				return usageError{errors.New("--wait: a time such as 10s")}
			}
			found, err := c.find(cmd.Context(), args[0], kind, wait)
			if err != nil {
				return err
			}
			for i := range found {
				found[i].Endpoint = discovery.Reach(found[i].Endpoint)
			}
			return c.print(found, func() string { return found[0].Endpoint + "\n" })
		},
	}
	cmd.Flags().StringVar(&kind, "protocol", "", "only a `KIND` of socket or protocol: tcp, unix, udp, vsock, bus, http, …")
	cmd.Flags().DurationVar(&wait, "wait", 0, "how long to wait for it")
	_ = cmd.RegisterFlagCompletionFunc("protocol", words("tcp", "unix", "udp", "vsock", "bus")) // fails only without the flag
	return cmd
}

// find gives what matches, at least one.
func (c *ctl) find(ctx context.Context, name, kind string, wait time.Duration) ([]discovery.Entry, error) {
	if wait > 0 {
		return c.await(ctx, name, kind, wait)
	}
	table, err := discovery.Load(ctx, c.busSocket)
	if err != nil {
		return nil, err
	}
	all := table.Entries()
	if found := discovery.Match(all, name, kind); len(found) > 0 {
		return found, nil
	}
	return nil, notFound(all, name, kind)
}

// await is find with patience. When that is over it says so, and the error is an exit.
func (c *ctl) await(ctx context.Context, name, kind string, wait time.Duration) ([]discovery.Entry, error) {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	late := func(err error) ([]discovery.Entry, error) {
		fmt.Fprintf(os.Stderr, "clarityctl: waited %v: %v\n", wait, err)
		return nil, exit(exitTimeout)
	}
	table, err := discovery.Await(ctx, c.busSocket)
	if err != nil {
		return late(err)
	}
	var found []discovery.Entry
	enough := errors.New("found")
	look := func() error {
		if found = discovery.Match(table.Entries(), name, kind); len(found) > 0 {
			return enough
		}
		return nil
	}
	if look() == nil && !errors.Is(table.Follow(ctx, c.busSocket, nil, look), enough) {
		return late(notFound(table.Entries(), name, kind))
	}
	for {
		listed, err := discovery.Listed(discovery.Dir, found...)
		if listed {
			return found, nil
		}
		select {
		case <-ctx.Done():
			if err == nil {
				err = errors.New("it is not listed there")
			}
			return late(fmt.Errorf("%s is at %s, but units cannot take it from %s: %w; is clarity-learn.service up?", name, word(found[0].Endpoint), discovery.Dir, err))
		case <-time.After(listedEvery):
		}
	}
}

// notFound says what there is instead.
func notFound(all []discovery.Entry, name, kind string) error {
	var other, near []string
	for _, e := range discovery.Match(all, name, "") {
		other = append(other, word(e.Endpoint))
	}
	for _, n := range discovery.Near(all, name) {
		near = append(near, word(n))
	}
	var instead string
	switch {
	case other != nil:
		return fmt.Errorf("%s has no endpoint of %s, but %s", word(name), word(kind), strings.Join(other, ", "))
	case near != nil:
		instead = "near it are " + strings.Join(near, ", ")
	case len(all) > 0:
		instead = "`clarityctl services` lists who does"
	default:
		instead = "nobody is known to; images with `learn = true` see who does"
	}
	return fmt.Errorf("no unit or protocol %s listens: %s", word(name), instead)
}
