package images

import (
	"strings"
	"testing"

	"clarityos/services/plan"

	"github.com/google/go-cmp/cmp"
)

func TestSummarize(t *testing.T) {
	finding := func(file string, line int, message string) plan.Finding {
		return plan.Finding{File: file, Line: line, Message: message}
	}
	got := summarize([]plan.Finding{
		finding("/a", 3, "PrivateTmp= is read but not enforced yet"),
		finding("/a", 4, "ProtectHome= is read but not enforced yet"),
		finding("/a", 9, "PrivateTmp= is read but not enforced yet"),
		finding("/a", 5, "Slice= is read but has no effect yet"),
		finding("/b", 4, "PrivateTmp= is read but not enforced yet"),
		finding("", 0, "a cycle: x after y"),
	})
	want := []string{
		"/a:3-4,9: PrivateTmp= ProtectHome= is read but not enforced yet",
		"/a:5: Slice= is read but has no effect yet",
		"/b:4: PrivateTmp= is read but not enforced yet",
		"a cycle: x after y",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
}

// With unenforced = "error" a directive that would have confined a service
// stops the build, but only where boot starts that service.
func TestUnenforced(t *testing.T) {
	build := func(enabled string) error {
		tree := NewTree()
		for _, name := range []string{"open", "confined"} {
			text := "[Service]\nExecStart=/usr/bin/true\n"
			if name == "confined" {
				text += "SystemCallFilter=@system-service\n"
			}
			put(t, tree, "usr/lib/systemd/system/"+name+".service", Entry{Mode: 0o644, Data: []byte(text)})
		}
		d := &Definition{Name: "x", Unenforced: "error", Units: []string{enabled + ".service"}}
		d.complete()
		_, err := d.addPlan(tree, "id", 1, nil)
		return err
	}
	if err := build("open"); err != nil {
		t.Errorf("nothing to enforce: %v", err)
	}
	err := build("confined")
	if err == nil || !strings.Contains(err.Error(), "/usr/lib/systemd/system/confined.service:3: SystemCallFilter=") {
		t.Errorf("an unenforced directive: %v", err)
	}
}

// A goal that is no enabled unit stops the build.
func TestGoal(t *testing.T) {
	for goal, why := range map[string]string{"web.service": "", "other.service": "is no enabled unit", "web": "is no enabled unit"} {
		tree := NewTree()
		for _, name := range []string{"web", "other"} {
			put(t, tree, "usr/lib/systemd/system/"+name+".service", Entry{Mode: 0o644, Data: []byte("[Service]\nExecStart=/usr/bin/true\n")})
		}
		d := &Definition{Name: "x", Units: []string{"web.service"}, Goal: []string{goal}}
		d.complete()
		_, err := d.addPlan(tree, "id", 1, nil)
		if (err == nil) != (why == "") || err != nil && !strings.Contains(err.Error(), why) {
			t.Errorf("%s: %v", goal, err)
		}
	}
}
