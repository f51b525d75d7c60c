package learn

import (
	"path/filepath"
	"strings"

	"clarityos/learn/observe"
)

// folders are those whose links were resolved a moment ago, as they were named.
type folders map[string]string

// mostFolders bounds them.
const mostFolders = 64

// resolved gives an endpoint with no symbolic links in its path, of which as much
// counts as is there: two that name one socket differently mean the same. The last
// part is the socket's own name.
func resolved(e observe.Endpoint) observe.Endpoint { return folders{}.resolved(e) }

func (f folders) resolved(e observe.Endpoint) observe.Endpoint {
	path, unix := strings.CutPrefix(string(e), "unix:")
	if !unix || !strings.HasPrefix(path, "/") {
		return e
	}
	dir := filepath.Dir(path)
	real, known := f[dir]
	if !known {
		if len(f) >= mostFolders {
			clear(f)
		}
		real = existing(dir)
		f[dir] = real
	}
	return observe.Endpoint("unix:" + filepath.Join(real, filepath.Base(path)))
}

// existing resolves as much of a folder's path as is there.
func existing(dir string) string {
	rest := ""
	for ; dir != "/"; dir, rest = filepath.Dir(dir), filepath.Join(filepath.Base(dir), rest) {
		if real, err := filepath.EvalSymlinks(dir); err == nil {
			dir = real
			break
		}
	}
	return filepath.Join(dir, rest)
}
