package source

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strings"
)

// Source gives files of a repository by their names, which CheckName has to allow. It may be
// used by several goroutines at once.
type Source interface {
	// Get gives a whole file of at most so many bytes. Its error wraps fs.ErrNotExist or
	// trust.ErrTooLarge where that is the reason.
	Get(ctx context.Context, name string, most int64) ([]byte, error)

	// ReadRanges reads parts of one file and gives them to each, in order; a part is
	// valid until each returns. An error of each ends it, and is returned as it is.
	// Ranges are as CheckRanges wants them. Its error wraps fs.ErrNotExist, ErrNoRanges,
	// ErrChanged or ErrOutside where that is the reason.
	ReadRanges(ctx context.Context, name string, ranges []Range, each func(i int, part []byte) error) error

	// String gives where it is, for people; no password is in it.
	String() string

	// Close frees what a source holds. Nothing may be asked of it afterwards.
	Close() error
}

// Options are how files are fetched. The zero value works.
type Options struct {
	// Proxy is the URL of one, http, https or socks5; "": as HTTP_PROXY, HTTPS_PROXY and
	// NO_PROXY in the environment say.
	Proxy string
	// Roots is the path of a PEM file with the certificates that a server's has to
	// descend from; "": the system's.
	Roots string
	// BytesPerSecond limits what all transfers of a source take together; 0: nothing does.
	BytesPerSecond int64
	// Fetched is told of bytes that were transferred, as they are: those of gaps between
	// ranges and of requests that failed count too, headers do not. Nil: nobody is told. It
	// is called by those who use the source, at the same time if they do.
	Fetched func(bytes int64)

	dial   func(ctx context.Context, network, address string) (net.Conn, error) // nil: net.Dialer's
	random func() float64                                                       // in [0, 1); nil: math/rand's
}

func (o Options) fetched(n int) {
	if o.Fetched != nil && n > 0 {
		o.Fetched(int64(n))
	}
}

// Open gives the source at a URL (http or https), a folder's path or a bundle's. A bundle is
// looked through, a server is not asked for anything yet.
func Open(where string, o Options) (Source, error) {
	if scheme, _, is := strings.Cut(where, "://"); is {
		switch strings.ToLower(scheme) {
		case "http", "https":
			return openServer(where, o)
		}
		return nil, fmt.Errorf("open repository at %s:// URL: only http and https are known, and paths of folders and bundles", scheme)
	}
	info, err := os.Stat(where)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("open repository %s: %w; check the path, and whether the medium is mounted", where, fs.ErrNotExist)
	case err != nil:
		return nil, fmt.Errorf("open repository: %w", err)
	case info.IsDir():
		return openFolder(where, o)
	case info.Mode().IsRegular():
		return openBundle(where, o)
	}
	return nil, fmt.Errorf("open repository %s: neither a folder nor a bundle but %s", where, info.Mode())
}
