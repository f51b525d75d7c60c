package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// block is one fenced block of the README: the file that a comment above it
// names, or the commands of an sh block.
type block struct{ file, language, text string }

var fence = regexp.MustCompile("(?ms)(?:^<!-- file: (\\S+) -->\\n)?^```(\\w*)\\n(.*?)^```$")

func readme(t *testing.T, root string) []block {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	var out []block
	for _, m := range fence.FindAllStringSubmatch(string(text), -1) {
		out = append(out, block{m[1], m[2], m[3]})
	}
	return out
}

// TestReadme does what the README says, from its first command to its last, in
// one shell. The targets of make that build or test everything are only asked
// for what they would do, since this runs below one of them.
func TestReadme(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	work := t.TempDir()
	var script strings.Builder
	script.WriteString("set -eu\n")
	commands := 0
	for _, b := range readme(t, root) {
		switch {
		case b.file != "":
			// The shell is in the folder that the README made by now.
			script.WriteString("cat >" + b.file + " <<'END_OF_FILE'\n" + b.text + "END_OF_FILE\n")
		case b.language == "sh":
			for line := range strings.Lines(b.text) {
				if target, ok := strings.CutPrefix(line, "make "); ok && target != "image\n" {
					line = "make -n " + strings.TrimSpace(target) + " >/dev/null\n"
				}
				script.WriteString("echo '+ " + strings.ReplaceAll(strings.TrimSpace(line), "'", `'\''`) + "'\n")
				script.WriteString(strings.ReplaceAll(line, "out/mine", work))
				commands++
			}
		}
	}
	if commands < 10 {
		t.Fatalf("only %d commands were found in the README", commands)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "-c", script.String())
	cmd.Dir = root
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{"boot complete", "ok 2 - the server answers", "ok 3 - the tool ran"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("the output lacks %q:\n%s", want, out)
		}
	}
	for _, file := range []string{"results.xml", "report.html"} {
		if _, err := os.Stat(filepath.Join(work, file)); err != nil {
			t.Error(err)
		}
	}
}
