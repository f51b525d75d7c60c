package images

import (
	"bytes"
	"fmt"
	"strings"
)

// missingInterpreters names the interpreters that scripts on the PATH want and
// the tree does not have, each once with the scripts. Leaving them out is
// allowed: many packages bring scripts that nobody calls.
func (t *Tree) missingInterpreters() []string {
	wanted := map[string][]string{}
	var order []string
	for _, p := range t.Paths() {
		if !strings.HasPrefix(p, "usr/bin/") && !strings.HasPrefix(p, "usr/sbin/") {
			continue
		}
		e := t.entries[p]
		if !e.Mode.IsRegular() || e.Mode&0o111 == 0 || e.Source != "" || !bytes.HasPrefix(e.Data, []byte("#!")) {
			continue
		}
		first, _, _ := bytes.Cut(e.Data[2:], []byte("\n"))
		words := strings.Fields(string(first))
		if len(words) == 0 || t.Follow(words[0]) != nil {
			continue
		}
		if wanted[words[0]] == nil {
			order = append(order, words[0])
		}
		wanted[words[0]] = append(wanted[words[0]], "/"+p)
	}
	var out []string
	for _, i := range order {
		out = append(out, fmt.Sprintf("no %s in the image, which %s wants; add the package that has it if something calls that",
			i, strings.Join(wanted[i], ", ")))
	}
	return out
}
