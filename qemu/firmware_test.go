package qemu

import (
	"os"
	"path/filepath"
	"testing"
)

// Variables begin as the firmware wants them, and are kept then.
func TestPrepareVariables(t *testing.T) {
	dir := t.TempDir()
	p := platform{variables: filepath.Join(dir, "blank"), trusting: filepath.Join(dir, "trusting")}
	for _, path := range []string{p.variables, p.trusting} {
		if err := os.WriteFile(path, []byte(filepath.Base(path)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for by, want := range map[Firmware]string{UEFI: "blank", SecureBoot: "trusting", UBoot: ""} {
		disk := filepath.Join(dir, "disk-"+string(by))
		for range 2 {
			if err := p.prepareVariables(disk, by); err != nil {
				t.Fatalf("%q: %v", by, err)
			}
			if got, _ := os.ReadFile(variables(disk)); string(got) != want {
				t.Errorf("%q has %q", by, got)
			}
			p.variables, p.trusting = p.trusting, p.variables // which is of no concern any more
		}
	}
}
