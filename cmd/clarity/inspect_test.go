package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"clarityos/images"
)

// What pulled a file into an image is said in words and as JSON.
func TestInspectWhy(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"vmlinuz": "kernel", "clarity.toml": `name = "x"
tools = "none"
[kernel]
image = "vmlinuz"
[[file]]
path = "/usr/bin/tool"
content = ""
[[link]]
path = "/usr/bin/alias"
target = "tool"
`} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("CLARITY_SOURCE", root)
	img, _, err := images.Build(t.Context(), filepath.Join(dir, "clarity.toml"), images.Options{Out: dir, Fast: true})
	if err != nil {
		t.Fatal(err)
	}
	inspect := func(args ...string) (string, error) {
		var out bytes.Buffer
		c := newInspect()
		c.SilenceErrors, c.SilenceUsage = true, true
		c.SetArgs(args)
		c.SetOut(&out)
		err := c.ExecuteContext(t.Context())
		return out.String(), err
	}
	out, err := inspect(img.Dir, "--why", "/bin/alias")
	if want := `file        /usr/bin/alias
leads to    /usr/bin/tool
brought by  definition [[link]]
because of  definition [[link]]
`; err != nil || out != want {
		t.Errorf("%v\n%s\nwant\n%s", err, out, want)
	}
	out, err = inspect(img.Dir, "--why", "/init", "--json")
	if want := `{
  "path": "/init",
  "part": "init",
  "chain": [
    "default",
    "init"
  ],
  "link": "usr/lib/clarity/init",
  "leads_to": "/usr/lib/clarity/init"
}
`; err != nil || out != want {
		t.Errorf("%v\n%s\nwant\n%s", err, out, want)
	}
	for args, want := range map[string]string{
		img.Dir + " --why /bin/tol":          "the image has no /usr/bin/tol; did you mean /usr/bin/tool?",
		img.Dir + " --why /bin/tool /etc":    "not both",
		img.Dir + "/vmlinuz --why /bin/tool": "is a disk",
	} {
		if _, err := inspect(strings.Fields(args)...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", args, err, want)
		}
	}
}
