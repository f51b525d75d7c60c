package plan

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"clarityos/services/sealed"
)

func TestOrderFile(t *testing.T) {
	want := &Order{
		After: []Learned{{"a.service", "b.service", time.Second}},
		Marks: map[string][]Mark{"b.service": {{"unix", "/run/b", .5}}},
		Ranks: map[string]time.Duration{"a.service": time.Second}, Critical: []string{"a.service"},
	}
	file, err := want.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := DecodeOrder(file); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
	for body, why := range map[string]string{
		`{"after":[{"unit":"a","on":"b","limit":0}]}`:           "a waits 0s for b",
		`{"after":[{"unit":"a","on":"b","limit":30000000001}]}`: "at most 30s",
		`{"delay":{"a":-1}}`:                                    "a is held back for -1ns",
		`{"delay":{"a":30000000001}}`:                           "a is held back for 30.000000001s",
		`{"after":1}`:                                           "cannot unmarshal",
		`{"marks":{"a":[` + strings.Repeat(`{"kind":"unix"},`, maxMarks) + `{}]}}`:     "9 marks",
		`{"after":[` + strings.Repeat(`{"limit":1},`, maxOrderEdges) + `{"limit":1}]}`: "more units or edges",
	} {
		if _, err := DecodeOrder(sealed.Seal(orderKind, []byte(body))); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%.60s: %v", body, err)
		}
	}
	for _, bad := range [][]byte{nil, []byte("garbage"), file[:len(file)-1], make([]byte, MaxOrderSize+1)} {
		if _, err := DecodeOrder(bad); err == nil {
			t.Errorf("%.20q is taken", bad)
		}
	}
}

func TestOrderOn(t *testing.T) {
	o := &Order{Machine: "one", After: []Learned{{"a", "b", 20 * time.Second}}, Ranks: map[string]time.Duration{"a": 1}, Critical: []string{"a"}, Marks: map[string][]Mark{"b": {{"unix", "/x", 0}}}}
	if got := o.On("one"); got != o {
		t.Errorf("%+v", got)
	}
	want := &Order{Machine: "another", After: []Learned{{"a", "b", SoftFor(0)}}, Marks: o.Marks}
	if got := o.On("another"); !reflect.DeepEqual(got, want) || o.Ranks == nil || o.After[0].Limit != 20*time.Second {
		t.Errorf("%+v of %+v", got, o)
	}
}
