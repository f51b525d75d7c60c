package condition

import (
	"os"
	"testing"

	"clarityos/services/plan"
)

func TestUnmet(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(dir+"/full", []byte("x"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir+"/empty", nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("full", dir+"/link"); err != nil {
		t.Fatal(err)
	}
	c := func(kind, value string) plan.Condition { return plan.Condition{Kind: kind, Value: value} }
	not := func(c plan.Condition) plan.Condition { c.Not = true; return c }
	trigger := func(c plan.Condition) plan.Condition { c.Trigger = true; return c }
	for _, tc := range []struct {
		conditions []plan.Condition
		want       string
	}{
		{nil, ""},
		{[]plan.Condition{c("PathExists", dir)}, ""},
		{[]plan.Condition{not(c("PathExists", dir))}, "ConditionPathExists=!" + dir},
		{[]plan.Condition{c("PathExistsGlob", dir+"/f*"), c("PathIsDirectory", dir), c("PathIsSymbolicLink", dir+"/link")}, ""},
		{[]plan.Condition{c("PathIsDirectory", dir+"/full")}, "ConditionPathIsDirectory=" + dir + "/full"},
		{[]plan.Condition{c("FileNotEmpty", dir+"/empty")}, "ConditionFileNotEmpty=" + dir + "/empty"},
		{[]plan.Condition{c("FileNotEmpty", dir+"/full"), c("FileIsExecutable", dir+"/full"), c("DirectoryNotEmpty", dir)}, ""},
		{[]plan.Condition{not(c("FileIsExecutable", dir+"/empty")), c("PathIsMountPoint", "/proc"), not(c("PathIsMountPoint", dir))}, ""},
		{[]plan.Condition{trigger(c("PathExists", "/no")), trigger(c("PathExists", dir))}, ""},
		{[]plan.Condition{trigger(c("PathExists", "/no"))}, "ConditionPathExists=/no"},
	} {
		if got, _ := Unmet(tc.conditions); got != tc.want {
			t.Errorf("%+v: %q, want %q", tc.conditions, got, tc.want)
		}
	}
	if got, assert := Unmet([]plan.Condition{{Kind: "PathExists", Value: "/no", Assert: true}}); got != "AssertPathExists=/no" || !assert {
		t.Errorf("%q %v", got, assert)
	}
}
