package state

import (
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"clarityos/update/backup/index"
)

func TestDecide(t *testing.T) {
	paths := []index.Path{"/var/lib/app"}
	info := func(id string, schema uint32, problem string) index.Info {
		return index.Info{Header: index.Header{ID: id, Schema: schema, Paths: paths}, Problem: problem}
	}
	release := func(version string, schema uint32) Now {
		return Now{Version: version, Schema: schema, Migrates: paths, Back: true}
	}
	trial := func(n Now) Now { n.Trial = true; return n }
	with := func(n Now, m *Marker) Now { n.Marker = m; return n }
	left := func(n Now) Now { n.Back, n.Left = false, true; return n }
	has := func(n Now, all ...index.Info) Now { n.Backups = all; return n }
	worse := func(n Now) Now { n.Worse = true; return n }
	bare := func(n Now) Now { n.Migrates = nil; return n }
	ordered := func(n Now, id string) Now { n.Order = id; return n }
	one, two := &Marker{Schema: 1, Version: "1"}, &Marker{Schema: 2, Version: "2", Backup: "b"}
	mine := func(version string, schema uint32) *Marker { return &Marker{Schema: schema, Version: version} }
	for name, c := range map[string]struct {
		now  Now
		want Step // Why is a part of it
	}{
		"the first boot":                        {release("1", 1), Step{Do: Begin, Mark: mine("1", 1), Why: "has no schema yet"}},
		"the first boot, on trial, alone":       {trial(left(release("1", 1))), Step{Do: Begin, Mark: mine("1", 1)}},
		"no schemas":                            {release("1", 0), Step{Do: Begin, Mark: mine("1", 0)}},
		"as ever":                               {with(release("1", 1), one), Step{Do: Begin, Why: "/var has schema 1"}},
		"another version of that schema":        {trial(with(release("1.1", 1), one)), Step{Do: Begin}},
		"a trial that migrates":                 {trial(with(release("2", 2), one)), Step{Do: BackUp, Mark: mine("2", 2), Why: "2 will migrate it to schema 2"}},
		"… after one that had no marker":        {trial(release("2", 2)), Step{Do: BackUp, Mark: mine("2", 2)}},
		"… and had no schema":                   {trial(release("2", 0)), Step{Do: Begin, Mark: mine("2", 0)}},
		"… in its second boot":                  {has(trial(with(release("2", 2), two)), info("b", 1, "")), Step{Do: Begin}},
		"… and names nothing":                   {trial(with(bare(release("2", 2)), one)), Step{Do: Begin, Mark: mine("2", 2), Why: "names nothing"}},
		"good, and a rollback was between":      {with(release("2", 2), one), Step{Do: BackUp, Mark: mine("2", 2)}},
		"alone":                                 {left(with(release("2", 2), one)), Step{Do: BackUp, Mark: mine("2", 2)}},
		"the trial was left":                    {has(left(with(release("1", 1), two)), info("a", 1, ""), info("b", 1, "")), Step{Do: Restore, Backup: "b", Mark: mine("1", 1), Why: "2 has migrated /var to schema 2, and 1 knows schema 1"}},
		"… and the loader is not well":          {worse(has(left(with(release("1", 1), two)), info("b", 1, ""))), Step{Do: Restore, Backup: "b", Mark: mine("1", 1)}},
		"… and the release names nothing":       {has(left(with(bare(release("1", 1)), two)), info("b", 1, "")), Step{Do: Restore, Backup: "b", Mark: mine("1", 1)}},
		"… and its backup is older still":       {has(left(with(release("1", 1), two)), info("b", 0, "")), Step{Do: Restore, Backup: "b", Mark: mine("1", 0)}},
		"a rollback after it was good":          {has(trial(with(release("1", 1), two)), info("b", 1, "")), Step{Do: Restore, Backup: "b", Keep: true, Mark: mine("1", 1)}},
		"only since the loader has its own way": {worse(has(with(release("1", 1), two), info("b", 1, ""))), Step{Do: Degraded, Why: "nothing is restored, since this slot only runs because"}},
		"left, and the backup is gone":          {has(left(with(release("1", 1), two)), info("a", 1, "")), Step{Do: Degraded, Why: "backup b is gone"}},
		"left, and the backup is corrupt":       {has(left(with(release("1", 1), two)), info("b", 1, "torn")), Step{Do: Degraded, Why: "; torn"}},
		"left, and the backup is of no use":     {has(left(with(release("1", 1), &Marker{Schema: 3, Version: "3", Backup: "b"})), info("b", 2, "")), Step{Do: Degraded, Why: "backup b has schema 2, and 1 knows schema 1"}},
		"left, and there never was a backup":    {left(with(release("1", 1), &Marker{Schema: 2, Version: "2"})), Step{Do: Degraded, Why: "there is no backup from before that"}},
		"a person's order":                      {has(ordered(with(release("2", 2), two), "b"), info("b", 1, "")), Step{Do: Restore, Backup: "b", Keep: true, Mark: mine("2", 1), Why: "a person"}},
		"… of what is gone":                     {ordered(with(release("2", 2), two), "b"), Step{Do: Refuse, Why: "backup b is gone"}},
		"… of what it cannot read":              {has(ordered(with(release("2", 2), two), "c"), info("c", 3, "")), Step{Do: Refuse, Why: "has schema 3"}},
	} {
		got := Decide(c.now)
		if !strings.Contains(got.Why, c.want.Why) || got.Why == "" {
			t.Errorf("%s: %q does not say %q", name, got.Why, c.want.Why)
		}
		got.Why, c.want.Why = "", ""
		if !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %+v, not %+v (%+v, %+v)", name, got, c.want, got.Mark, c.want.Mark)
		}
	}
}

func TestMarker(t *testing.T) {
	path := filepath.Join(t.TempDir(), "schema")
	if m, err := ReadMarker(path); m != nil || err != nil {
		t.Errorf("%+v, %v", m, err)
	}
	want := Marker{Schema: 2, Version: "1.1.0", Backup: "000001-00000000"}
	if err := want.Write(path); err != nil {
		t.Fatal(err)
	}
	if m, err := ReadMarker(path); err != nil || *m != want {
		t.Errorf("%+v, %v", m, err)
	}
	if err := Order(path, "b"); err != nil {
		t.Fatal(err)
	}
	if id, err := ReadOrder(path); id != "b" || err != nil {
		t.Errorf("%q, %v", id, err)
	}
	if _, err := ReadMarker(path); err == nil || !strings.Contains(err.Error(), "which schema /var has") {
		t.Error(err)
	}
	if id, err := ReadOrder(path + "2"); id != "" || err != nil {
		t.Errorf("%q, %v", id, err)
	}
}
