package compile

import (
	"fmt"
	"net/netip"
	"net/url"
	"path"
	"strings"
	"time"

	"clarityos/services/plan"
	"clarityos/services/unit"
)

// claritySetters are the directives of [X-Clarity], which systemd ignores.
var claritySetters = map[string]setter{
	"Component": text(func(b *builder) *string { return &b.s.Component }),
	// NotificationFD= is s6's way to say that a service is ready: a newline on
	// this descriptor.
	"NotificationFD": number(func(b *builder) *int { return &b.s.NotificationFD }, 3, 1023),
	"StartAfter":     startAfter,
	"PredictedFailure": func(b *builder, d unit.Directive) error {
		b.s.PredictedFailure = plan.PredictedFailure(strings.TrimPrefix(d.Value, string(plan.PredictedReport)))
		return oneOf(d.Value, string(plan.PredictedReport), string(plan.PredictedReclaim), string(plan.PredictedRestart))
	},

	"HealthExec": func(b *builder, d unit.Directive) error {
		var list []plan.Command
		err := commands(func(*builder) *[]plan.Command { return &list })(b, d)
		if err == nil && len(list) != 1 {
			err = fmt.Errorf("one command is a probe, these are %d", len(list))
		}
		if err == nil {
			b.health().Probe = plan.Probe{Command: &list[0]}
		}
		return err
	},
	"HealthTCP": func(b *builder, d unit.Directive) error {
		at, err := tcpAddress(d.Value)
		b.health().Probe = plan.Probe{At: &at}
		return err
	},
	"HealthUnix": func(b *builder, d unit.Directive) error {
		b.health().Probe = plan.Probe{At: &plan.Address{Path: d.Value}}
		if !path.IsAbs(d.Value) && !strings.HasPrefix(d.Value, "@") {
			return fmt.Errorf("%q is neither an absolute path nor @NAME", d.Value)
		}
		return nil
	},
	"HealthHTTP": func(b *builder, d unit.Directive) error {
		u, err := url.Parse(d.Value)
		if err != nil || u.Scheme != "http" {
			return fmt.Errorf("%q is no URL such as http://127.0.0.1:8080/health", d.Value)
		}
		host := u.Host
		if u.Port() == "" {
			host += ":80"
		}
		at, err := tcpAddress(host)
		b.health().Probe = plan.Probe{At: &at, Host: u.Host, Path: u.RequestURI()}
		return err
	},
	"HealthIntervalSec": positive(func(b *builder) *time.Duration { return &b.health().Interval }),
	"HealthTimeoutSec":  positive(func(b *builder) *time.Duration { return &b.health().Timeout }),
	"HealthGraceSec":    span(func(b *builder) *time.Duration { return &b.health().Grace }),
	"HealthFailures":    number(func(b *builder) *int { return &b.health().Failures }, 1, 1000),
	"HealthSuccesses":   number(func(b *builder) *int { return &b.health().Successes }, 1, 1000),
	"HealthGate":        truth(func(b *builder) *bool { return &b.health().Gate }),
	"HealthAction": func(b *builder, d unit.Directive) error {
		b.health().Action = strings.TrimPrefix(d.Value, "none")
		return oneOf(d.Value, "none", "restart", "stop")
	},
}

// health gives the unit's probe, with our own defaults.
func (b *builder) health() *plan.Health {
	if b.s.Health == nil {
		b.s.Health = &plan.Health{Interval: 10 * time.Second, Timeout: 5 * time.Second, Failures: 3, Successes: 1}
	}
	return b.s.Health
}

func positive(field func(*builder) *time.Duration) setter {
	return func(b *builder, d unit.Directive) error {
		err := span(field)(b, d)
		if err == nil && *field(b) < 10*time.Millisecond {
			err = fmt.Errorf("%q is shorter than 10ms", d.Value)
		}
		return err
	}
}

// softLimit is how long StartAfter= waits when it does not say.
const softLimit = 10 * time.Second

// startAfter is "UNIT [SPAN]": start after it, but wait no longer than that.
func startAfter(b *builder, d unit.Directive) error {
	name, wait, has := strings.Cut(d.Value, " ")
	soft := plan.SoftAfter{Unit: name, Limit: softLimit}
	if err := unit.CheckName(name); err != nil {
		return err
	}
	if has {
		limit, err := unit.Duration(strings.TrimSpace(wait))
		if err != nil || limit <= 0 || limit == unit.Infinity {
			return fmt.Errorf("%q is no wait that ends; write it like StartAfter=%s 5s", wait, name)
		}
		soft.Limit = limit
	}
	b.u.SoftAfter = append(b.u.SoftAfter, soft)
	return nil
}

// tcpAddress reads a numeric address and a port: PID 1 has no resolver.
func tcpAddress(text string) (plan.Address, error) {
	a, err := netip.ParseAddrPort(text)
	if err != nil || a.Port() == 0 || a.Addr().Zone() != "" {
		return plan.Address{}, fmt.Errorf("%q is no numeric address and port, such as 127.0.0.1:6379", text)
	}
	return plan.Address{IP: a.Addr().AsSlice(), Port: int(a.Port())}, nil
}
