package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"clarityos/services/bus"
	busclient "clarityos/services/bus/client"
)

// bus is what a person does with the message bus beside hearing it.
func (c *ctl) bus() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "bus",
		Short: "The message bus",
		Long: `What the parts of the system tell each other. What is said there is shown by
clarityctl events --topic.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(c.busStats(), c.busSend())
	return cmd
}

// askBus makes one call to the bus, which answers at once.
func (c *ctl) askBus(ctx context.Context, method string, args, reply any) error {
	ctx, cancel := context.WithTimeout(ctx, answerMost)
	defer cancel()
	return busclient.Call(ctx, c.busSocket, method, args, reply)
}

func (c *ctl) busStats() *cobra.Command {
	return &cobra.Command{
		Use:   "stats",
		Short: "What the bus has done since it began, and who listens",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var st bus.Stats
			if err := c.askBus(cmd.Context(), "Stats", nil, &st); err != nil {
				return err
			}
			return c.print(st, func() string { return busStats(st) })
		},
	}
}

func busStats(st bus.Stats) string {
	var b strings.Builder
	var published []string
	for _, p := range []bus.Priority{bus.Critical, bus.High, bus.Normal, bus.Low} {
		published = append(published, fmt.Sprintf("%d %s", st.Published[p], p))
	}
	fmt.Fprintf(&b, "published %s\n", strings.Join(published, ", "))
	fmt.Fprintf(&b, "refused   %d\n", st.Refused)
	fmt.Fprintf(&b, "delivered %d\n", st.Delivered)
	fmt.Fprintf(&b, "lost      %s\n", lostText(st.Lost))
	fmt.Fprintf(&b, "kept      %d states\n", st.Kept)
	if len(st.Subscribers) == 0 {
		return b.String() + "\nNobody listens.\n"
	}
	b.WriteByte('\n')
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "subscriber\ttopics\twaiting\tlost")
	for _, s := range st.Subscribers {
		topics := "all"
		if len(s.Topics) > 0 {
			var all []string
			for _, t := range s.Topics {
				all = append(all, string(t))
			}
			topics = strings.Join(all, " ")
		}
		fmt.Fprintf(w, "%s\t%s\t%d\t%s\n", s.Name, topics, s.Queued, lostText(s.Lost))
	}
	_ = w.Flush() // into memory
	return b.String()
}

// lostText tells what was lost, and what newer states have taken the place of.
func lostText(l bus.Losses) string {
	var parts []string
	for _, p := range []struct {
		n    uint64
		what string
	}{{l.High, "high"}, {l.Normal, "normal"}, {l.Low, "low"}, {l.Folded, "critical (newer states came instead)"}} {
		if p.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", p.n, p.what))
		}
	}
	if parts == nil {
		return "nothing"
	}
	return strings.Join(parts, ", ")
}

func (c *ctl) busSend() *cobra.Command {
	var gone string
	cmd := &cobra.Command{
		Use:   "send TOPIC [BODY]",
		Short: "Publish one message",
		Long: `Publishes a message, whose body is a JSON object. What topics there are and what
their bodies hold stands in REFERENCE.md of services/bus; topics that begin with
local. hold what one likes.`,
		Example: `  clarityctl bus send local.backup.done '{"files": 12}'
  clarityctl bus send discovery.endpoint --gone tcp:0.0.0.0:80`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			m := bus.Message{Topic: args[0]}
			switch {
			case gone != "" && len(args) == 2:
				return usageError{errors.New("what is gone has no body")}
			case gone != "":
				m.Gone, m.Key = true, gone
			default:
				body := "{}"
				if len(args) == 2 {
					body = args[1]
				}
				if !json.Valid([]byte(body)) {
					return usageError{fmt.Errorf("the body %q is no JSON", body)}
				}
				m.Body = json.RawMessage(body)
			}
			var r bus.PublishReply
			if err := c.askBus(cmd.Context(), "Publish", bus.PublishArgs{Messages: []bus.Message{m}}, &r); err != nil {
				return err
			}
			return c.print(r, func() string { return "" })
		},
	}
	cmd.Flags().StringVar(&gone, "gone", "", "say that what this key names is no more")
	return cmd
}

// busEvents is which messages a person wants to see.
type busEvents struct {
	topics   []string
	priority string
}

func (b busEvents) asked() bool { return len(b.topics) > 0 || b.priority != "" }

// busEvents shows what the bus keeps and, when asked to, goes on with what comes.
func (c *ctl) busEvents(ctx context.Context, b busEvents, follow bool) error {
	in := bus.Interest{Priority: bus.Priority(b.priority)}
	if b.priority != "" && !in.Priority.Valid() {
		return usageError{fmt.Errorf("no priority %q: they are critical, high, normal and low", b.priority)}
	}
	for _, t := range b.topics {
		if !bus.Pattern(t).Valid() {
			return usageError{fmt.Errorf("%q selects no topics: it is words with dots between them, with * for any word and ** at the end for any number", t)}
		}
		in.Topics = append(in.Topics, bus.Pattern(t))
	}
	if !follow {
		var r bus.KeptReply
		if err := c.askBus(ctx, "Kept", in, &r); err != nil {
			return err
		}
		return c.printMessages(r.Messages)
	}
	conn, err := busclient.Dial(ctx, c.busSocket)
	if err != nil {
		return err
	}
	defer conn.Close()
	err = conn.Stream(ctx, "Subscribe", in, func(raw json.RawMessage) error {
		var d bus.Delivery
		if err := json.Unmarshal(raw, &d); err != nil {
			return err
		}
		if d.Lost != nil {
			fmt.Fprintf(os.Stderr, "clarityctl: not read in time: %s\n", lostText(*d.Lost))
		}
		return c.printMessages(d.Messages)
	})
	if context.Cause(ctx) != nil {
		return nil // the person has seen enough
	}
	return err
}

func (c *ctl) printMessages(messages []bus.Message) error {
	enc := json.NewEncoder(os.Stdout)
	for _, m := range messages {
		var err error
		if c.json {
			err = enc.Encode(m)
		} else {
			_, err = fmt.Println(messageText(m))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func messageText(m bus.Message) string {
	what := string(m.Body)
	if m.Gone {
		what = m.Key + " is gone"
	}
	return fmt.Sprintf("[%9.3f] %-8s %s  %s", time.Duration(m.Seq).Seconds(), m.Priority, m.Topic, what)
}
