package trust_test

import (
	"os/exec"
	"strings"
	"testing"
)

// TestParserIsTheChilds: a program that only starts the child has no go-tuf in it, so it
// cannot come to parse metadata itself.
func TestParserIsTheChilds(t *testing.T) {
	text, err := exec.Command("go", "list", "-deps", "clarityos/update/trust", "clarityos/update/trust/tuf").CombinedOutput()
	if err != nil || !strings.Contains(string(text), "theupdateframework") {
		t.Fatalf("list what the child imports: %v\n%s", err, text)
	}
	text, err = exec.Command("go", "list", "-deps", "clarityos/update/trust").CombinedOutput()
	if err != nil || strings.Contains(string(text), "theupdateframework") || strings.Contains(string(text), "sigstore") {
		t.Errorf("package trust imports the parser: %v\n%s", err, text)
	}
}
