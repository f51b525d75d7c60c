package main

import (
	"strings"
	"testing"

	"clarityos/update/journal"
	"clarityos/update/order"
)

// The status of an update is that of the order that there is, whatever was told of another one.
func TestLatest(t *testing.T) {
	old, now := &order.Order{ID: "1", Who: "eve", Kind: order.Install}, &order.Order{ID: "2", Who: "root", Kind: order.Install}
	records := func(ids ...string) (all []journal.Record) {
		for _, id := range ids {
			all = append(all, journal.Record{Update: id, Step: journal.Ordered, Who: "of the journal, " + id})
		}
		return all
	}
	told := &order.Status{Order: *old, Text: "told"}
	for _, c := range []struct {
		what    string
		told    *order.Status
		order   *order.Order
		records []journal.Record
		want    string
	}{
		{"nothing", nil, nil, nil, "nobody has ordered"},
		{"one that is not begun", nil, now, nil, "root has ordered an update (install)"},
		{"one that is not begun, behind another", told, now, records("1"), "root has ordered an update (install)"},
		{"one that is told of", told, old, records("1"), "told"},
		{"one that has ended", told, nil, records("1"), "told"},
		{"one of the boot before", nil, old, records("1"), "of the journal, 1"},
		{"one that is begun, and not told of", told, now, records("1", "2"), "of the journal, 2"},
		{"one that has ended in the boot before", nil, nil, records("1"), "of the journal, 1"},
	} {
		if got := latest(c.told, c.order, c.records); !strings.Contains(got.Text, c.want) {
			t.Errorf("%s: %q", c.what, got.Text)
		}
	}
}
