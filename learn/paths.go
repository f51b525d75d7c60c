package learn

import (
	"path/filepath"
	"strings"

	"clarityos/learn/observe"
)

// resolved gives an endpoint with no symbolic links in its path, of which as much
// counts as is there: two that name one socket differently mean the same. The last
// part is the socket's own name.
func resolved(e observe.Endpoint) observe.Endpoint {
	path, unix := strings.CutPrefix(string(e), "unix:")
	if !unix || !strings.HasPrefix(path, "/") {
		return e
	}
	dir, rest := filepath.Dir(path), filepath.Base(path)
	for dir != "/" {
		if real, err := filepath.EvalSymlinks(dir); err == nil {
			dir = real
			break
		}
		dir, rest = filepath.Dir(dir), filepath.Join(filepath.Base(dir), rest)
	}
	return observe.Endpoint("unix:" + filepath.Join(dir, rest))
}
