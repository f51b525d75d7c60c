package conf

import (
	"fmt"
	"math"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"clarityos/services/log"
	"clarityos/services/log/intake"
	"clarityos/services/unit"
)

// Conf is what journald.conf says. Use Default for what holds without one.
type Conf struct {
	Runtime log.Limits // of the store in /run
	System  log.Limits // of the store on a disk
	// Rate is for units that say nothing of their own.
	Rate     intake.Rate
	MaxLevel int // what is less urgent is not kept; 0 to 7
	// Forward is where records are sent, udp://HOST:PORT or
	// tcp://HOST:PORT; nil for nowhere.
	Forward *url.URL
}

// Default holds where nothing is configured.
func Default() Conf { return Conf{Rate: intake.DefaultRate, MaxLevel: log.Debug} }

// Folders are where journald.conf and journald.conf.d are looked for, the most
// important one first.
var Folders = []string{"/etc/systemd", "/run/systemd", "/usr/local/lib/systemd", "/usr/lib/systemd"}

// Read reads the first journald.conf of the folders and the *.conf of their
// journald.conf.d: those later in the order of their names win, and of two with
// the same name the one in the folder that comes first. It returns what is wrong
// or not acted on, in lines for the log.
func Read(folders []string) (Conf, []string) {
	c := Default()
	var said []string
	for _, path := range files(folders) {
		text, err := os.ReadFile(path)
		if err != nil {
			said = append(said, fmt.Sprintf("%v; it is left out", err))
			continue
		}
		said = append(said, c.apply(path, text)...)
	}
	return c, said
}

func files(folders []string) []string {
	var list []string
	for _, folder := range folders {
		main := filepath.Join(folder, "journald.conf")
		if _, err := os.Stat(main); err == nil {
			list = append(list, main)
			break
		}
	}
	parts := map[string]string{}
	for _, folder := range folders {
		found, _ := filepath.Glob(filepath.Join(folder, "journald.conf.d", "*.conf")) // the pattern is right
		for _, path := range found {
			if name := filepath.Base(path); parts[name] == "" {
				parts[name] = path
			}
		}
	}
	names := make([]string, 0, len(parts))
	for name := range parts {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		list = append(list, parts[name])
	}
	return list
}

// apply adds what one file says.
func (c *Conf) apply(path string, text []byte) (said []string) {
	directives, problems := unit.Parse(path, text)
	for _, p := range problems {
		said = append(said, p.Error())
	}
	for _, d := range directives {
		set, known := settings[d.Section+"."+d.Key]
		switch {
		case !known && strings.HasPrefix(d.Section, "X-") && d.Section != "X-Clarity":
		case !known:
			said = append(said, fmt.Sprintf("%s: [%s] %s= is not acted on", d.Source(), d.Section, d.Key))
		case d.Value == "":
			set(c, Default(), "")
		default:
			if err := set(c, Default(), d.Value); err != nil {
				set(c, Default(), "")
				said = append(said, fmt.Sprintf("%s: %s=: %v; the default holds", d.Source(), d.Key, err))
			}
		}
	}
	return said
}

// setting takes a value, or the default's for "".
type setting func(c *Conf, standard Conf, value string) error

// settings are all that is acted on, by section and key.
var settings = map[string]setting{
	"Journal.SystemMaxUse":       size(func(c *Conf) *int64 { return &c.System.TotalBytes }),
	"Journal.SystemMaxFileSize":  size(func(c *Conf) *int64 { return &c.System.SegmentBytes }),
	"Journal.SystemKeepFree":     keep(func(c *Conf) *int64 { return &c.System.KeepFree }),
	"Journal.RuntimeMaxUse":      size(func(c *Conf) *int64 { return &c.Runtime.TotalBytes }),
	"Journal.RuntimeMaxFileSize": size(func(c *Conf) *int64 { return &c.Runtime.SegmentBytes }),
	"Journal.RuntimeKeepFree":    keep(func(c *Conf) *int64 { return &c.Runtime.KeepFree }),
	"Journal.MaxFileSec":         span(func(c *Conf) []*time.Duration { return []*time.Duration{&c.System.SegmentAge, &c.Runtime.SegmentAge} }),
	"Journal.MaxRetentionSec":    span(func(c *Conf) []*time.Duration { return []*time.Duration{&c.System.MaxAge, &c.Runtime.MaxAge} }),
	"Journal.RateLimitIntervalSec": span(func(c *Conf) []*time.Duration {
		return []*time.Duration{&c.Rate.Interval}
	}),
	"Journal.RateLimitBurst": func(c *Conf, standard Conf, value string) error {
		if value == "" {
			c.Rate.Burst = standard.Rate.Burst
			return nil
		}
		n, err := unit.Size(value)
		if err != nil || n > math.MaxInt32 {
			return fmt.Errorf("%q is no number of messages, such as 10000", value)
		}
		c.Rate.Burst = int(n)
		return nil
	},
	"Journal.MaxLevelStore": func(c *Conf, standard Conf, value string) (err error) {
		if c.MaxLevel = standard.MaxLevel; value != "" {
			c.MaxLevel, err = log.ParsePriority(value)
		}
		return err
	},
	"X-Clarity.Forward": func(c *Conf, _ Conf, value string) (err error) {
		if c.Forward = nil; value != "" {
			c.Forward, err = destination(value)
		}
		return err
	},
}

// size is a setting of a number of bytes above zero.
func size(of func(*Conf) *int64) setting {
	return func(c *Conf, standard Conf, value string) error {
		if value == "" {
			*of(c) = *of(&standard)
			return nil
		}
		n, err := unit.Size(value)
		if err != nil || n < 64<<10 {
			return fmt.Errorf("%q is no size of at least 64K, such as 64M", value)
		}
		*of(c) = int64(min(n, 1<<62))
		return nil
	}
}

// keep is a setting of a number of bytes that are kept free; 0 keeps none.
func keep(of func(*Conf) *int64) setting {
	return func(c *Conf, standard Conf, value string) error {
		if value == "" {
			*of(c) = *of(&standard)
			return nil
		}
		n, err := unit.Size(value)
		if err != nil {
			return err
		}
		if *of(c) = int64(min(n, 1<<62)); n == 0 {
			*of(c) = -1
		}
		return nil
	}
}

// span is a setting of one or more time spans.
func span(of func(*Conf) []*time.Duration) setting {
	return func(c *Conf, standard Conf, value string) error {
		d := time.Duration(-1)
		if value != "" {
			var err error
			if d, err = unit.Duration(value); err != nil {
				return err
			}
		}
		for i, p := range of(c) {
			if *p = d; d < 0 {
				*p = *of(&standard)[i]
			}
		}
		return nil
	}
}

// destination reads where to forward to.
func destination(value string) (*url.URL, error) {
	u, err := url.Parse(value)
	if err == nil && (u.Scheme == "udp" || u.Scheme == "tcp") && u.Path == "" && u.RawQuery == "" && u.User == nil {
		if host, port, herr := net.SplitHostPort(u.Host); herr == nil && host != "" && port != "" {
			return u, nil
		}
	}
	return nil, fmt.Errorf("%q is neither udp://HOST:PORT nor tcp://HOST:PORT", value)
}
