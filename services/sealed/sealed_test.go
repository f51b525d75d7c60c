package sealed

import (
	"bytes"
	"testing"
)

func TestSeal(t *testing.T) {
	for _, content := range []string{"", "x", "two\nlines\n"} {
		file := Seal("thing 1", []byte(content))
		got, err := Open("thing 1", file)
		if err != nil || string(got) != content {
			t.Errorf("%q, %v", got, err)
		}
		if _, err := Open("thing 2", file); err == nil {
			t.Error("another version is taken")
		}
		for i := range file {
			bad := bytes.Clone(file)
			bad[i] ^= 1
			if _, err := Open("thing 1", bad); err == nil {
				t.Errorf("byte %d of %q may be anything", i, file)
			}
		}
		if _, err := Open("thing 1", file[:len(file)/2]); err == nil {
			t.Error("half of it is taken")
		}
	}
}
