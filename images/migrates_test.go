package images

import (
	"strings"
	"testing"
)

func TestMigrates(t *testing.T) {
	for name, c := range map[string]struct {
		schema uint32
		paths  []string
		why    string // "": it is right
	}{
		"none":             {0, nil, ""},
		"two":              {1, []string{"/var/lib/app", "/var/lib/clarity2"}, ""},
		"no schema":        {0, []string{"/var/lib/app"}, "without a schema of 1 or more"},
		"elsewhere":        {1, []string{"/srv/app"}, "does not lie below /var"},
		"all of it":        {1, []string{"/var"}, "does not lie below /var"},
		"more than its":    {1, []string{"/var/lib"}, "something to do with /var/lib/clarity"},
		"ClarityOS's own":  {1, []string{"/var/lib/clarity"}, "something to do with /var/lib/clarity"},
		"… in part":        {1, []string{"/var/lib/clarity/etc"}, "something to do with /var/lib/clarity"},
		"no clean path":    {1, []string{"/var/lib/../../etc"}, "is not like /var/lib/app"},
		"in each other":    {1, []string{"/var/lib/app", "/var/lib/app/db"}, "lie in each other"},
		"more than a line": {1, []string{"/var/lib/a\nb"}, "more than a line"},
	} {
		err := (&UpdateDef{Schema: c.schema, Migrates: c.paths}).checkMigrates()
		if (err == nil) != (c.why == "") || err != nil && !strings.Contains(err.Error(), c.why) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
