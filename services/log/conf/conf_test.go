package conf

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"clarityos/services/log/intake"
)

// write makes files of a tree and returns its folders etc and lib.
func write(t *testing.T, files map[string]string) []string {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return []string{filepath.Join(root, "etc"), filepath.Join(root, "lib")}
}

func TestRead(t *testing.T) {
	for name, tc := range map[string]struct {
		files map[string]string
		want  func(*Conf)
		said  []string // of each line a part
	}{
		"nothing": {nil, func(*Conf) {}, nil},
		"all": {map[string]string{"etc/journald.conf": `[Journal]
SystemMaxUse=200M
SystemMaxFileSize=8M
SystemKeepFree=1G
RuntimeMaxUse=16M
RuntimeMaxFileSize=1M
RuntimeKeepFree=0
MaxFileSec=1day
MaxRetentionSec=2week
RateLimitIntervalSec=5s
RateLimitBurst=20
MaxLevelStore=notice
[X-Clarity]
Forward=tcp://logs.example:514
`}, func(c *Conf) {
			c.System.TotalBytes, c.System.SegmentBytes, c.System.KeepFree = 200<<20, 8<<20, 1<<30
			c.Runtime.TotalBytes, c.Runtime.SegmentBytes, c.Runtime.KeepFree = 16<<20, 1<<20, -1
			c.System.SegmentAge, c.Runtime.SegmentAge = 24*time.Hour, 24*time.Hour
			c.System.MaxAge, c.Runtime.MaxAge = 14*24*time.Hour, 14*24*time.Hour
			c.Rate, c.MaxLevel = intake.Rate{Interval: 5 * time.Second, Burst: 20}, 5
			c.Forward, _ = destination("tcp://logs.example:514")
		}, nil},
		"parts in the order of their names, each from one folder": {map[string]string{
			"lib/journald.conf":          "[Journal]\nRateLimitBurst=1\nMaxLevelStore=1\n",
			"lib/journald.conf.d/a.conf": "[Journal]\nRateLimitBurst=2\n",
			"lib/journald.conf.d/b.conf": "[Journal]\nRateLimitBurst=3\n",
			"etc/journald.conf.d/b.conf": "[Journal]\nRateLimitBurst=4\n",
			"etc/journald.conf.d/c.txt":  "[Journal]\nRateLimitBurst=5\n",
		}, func(c *Conf) { c.Rate.Burst, c.MaxLevel = 4, 1 }, nil},
		"empty is the default": {map[string]string{"etc/journald.conf": "[Journal]\nRateLimitBurst=1\nRateLimitBurst=\nSystemMaxUse=1M\nSystemMaxUse=\nMaxFileSec=1h\nMaxFileSec=\n[X-Clarity]\nForward=udp://a:1\nForward=\n"},
			func(*Conf) {}, nil},
		"bad values": {map[string]string{"etc/journald.conf": "[Journal]\nSystemMaxUse=lots\nMaxFileSec=soon\nRateLimitBurst=-3\nMaxLevelStore=loud\nSystemMaxFileSize=1\nSystemKeepFree=x\n[X-Clarity]\nForward=http://x\n"},
			func(*Conf) {}, []string{":2: SystemMaxUse=: ", ":3: MaxFileSec=: ", ":4: RateLimitBurst=: ", ":5: MaxLevelStore=: ", ":6: SystemMaxFileSize=: ", ":7: SystemKeepFree=: ", ":9: Forward=: "}},
		"unknown": {map[string]string{"etc/journald.conf": "x\n[Journal]\nSeal=yes\n[Other]\nA=b\n[X-Other]\nA=b\n"},
			func(*Conf) {}, []string{":1: ", ":3: [Journal] Seal= is not acted on", ":5: [Other] A= is not acted on"}},
		"a folder in place of a file": {map[string]string{"etc/journald.conf/x": ""}, func(*Conf) {}, []string{"is a directory; it is left out"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, said := Read(write(t, tc.files))
			want := Default()
			tc.want(&want)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if len(said) != len(tc.said) {
				t.Fatalf("said %q", said)
			}
			for i, part := range tc.said {
				if !strings.Contains(said[i], part) {
					t.Errorf("line %d is %q, without %q", i, said[i], part)
				}
			}
		})
	}
}

func TestDestination(t *testing.T) {
	for _, text := range []string{"udp://127.0.0.1:514", "tcp://[::1]:6514", "tcp://logs.example:514"} {
		if _, err := destination(text); err != nil {
			t.Error(err)
		}
	}
	for _, text := range []string{"127.0.0.1:514", "udp://host", "udp://:514", "tcp://a:1/path", "tcp://u@a:1", "unix:///x", "tcp://a:1?b", "://"} {
		if u, err := destination(text); err == nil {
			t.Errorf("%q is accepted as %v", text, u)
		}
	}
}

// Whatever a file holds, it is read, and what comes of it is within bounds.
func FuzzConf(f *testing.F) {
	f.Fuzz(func(t *testing.T, text []byte) {
		c := Default()
		c.apply("journald.conf", text)
		if c.MaxLevel < 0 || c.MaxLevel > 7 || c.Rate.Burst < 0 || c.System.TotalBytes < 0 || c.System.SegmentBytes < 0 || c.System.MaxAge < 0 {
			t.Fatalf("%q became %+v", text, c)
		}
	})
}
