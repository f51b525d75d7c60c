package main

import (
	"testing"
	"time"
)

func TestParseRecord(t *testing.T) {
	for _, tc := range []struct {
		record string
		at     time.Duration
		text   string
		ok     bool
	}{
		{"6,339,5140900,-;Run /init as init process\n", 5140900 * time.Microsecond, "Run /init as init process", true},
		{"12,1,7,c,caller=T1;bench: a; b\n SUBSYSTEM=x\n", 7 * time.Microsecond, "bench: a; b", true},
		{"6,339;no time", 0, "", false},
		{"nothing", 0, "", false},
	} {
		at, text, err := parseRecord(tc.record)
		if at != tc.at || text != tc.text || (err == nil) != tc.ok {
			t.Errorf("%q: got %v, %q, %v", tc.record, at, text, err)
		}
	}
}

func TestSizeOf(t *testing.T) {
	const text = "55d0-7ffc ---p 00000000 00:00 0    [rollup]\nRss:                5420 kB\nPss_Anon:            100 kB\nAnonymous:          2048 kB\n"
	if kB, err := sizeOf(text, "Anonymous"); kB != 2048 || err != nil {
		t.Errorf("Anonymous: got %d, %v", kB, err)
	}
	if kB, err := sizeOf(text, "Pss"); err == nil {
		t.Errorf("Pss: got %d, want an error", kB)
	}
}

func TestLife(t *testing.T) {
	want := life{"load07", 123, time.Second, 2 * time.Second}
	if got, err := parseLife(want.String()); got != want || err != nil {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
	if got, err := parseLife("load07 x"); err == nil {
		t.Errorf("got %v, want an error", got)
	}
}
