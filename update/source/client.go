package source

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
)

const (
	// maxRedirects bounds how often a server may send a request elsewhere.
	maxRedirects = 5
	// maxHeader bounds an answer's headers, in bytes.
	maxHeader = 64 << 10
)

// errRedirect is a redirect that is not followed.
var errRedirect = errors.New("a redirect is not followed")

// newClient gives a client whose transfers are those of o. It speaks HTTP/1.1 only, and keeps
// no cookies.
func newClient(o Options) (*http.Client, error) {
	proxy := http.ProxyFromEnvironment
	if o.Proxy != "" {
		u, err := url.Parse(o.Proxy)
		if err != nil {
			return nil, fmt.Errorf("proxy: %w", err)
		}
		switch u.Scheme {
		case "http", "https", "socks5", "socks5h":
		default:
			return nil, fmt.Errorf("proxy %s: its URL has to be of http, https or socks5", u.Redacted())
		}
		if u.Host == "" {
			return nil, fmt.Errorf("proxy %s: its URL has no host", u.Redacted())
		}
		proxy = http.ProxyURL(u)
	}
	roots, err := readRoots(o.Roots)
	if err != nil {
		return nil, err
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Client{
		CheckRedirect: checkRedirect,
		Transport: &http.Transport{
			Proxy:                  proxy,
			DialContext:            o.dial,
			TLSClientConfig:        &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
			MaxResponseHeaderBytes: maxHeader,
			MaxIdleConnsPerHost:    1,
			IdleConnTimeout:        stallAfter,
			Protocols:              protocols,
		},
	}, nil
}

// readRoots reads the certificates of a PEM file; nil, the system's, if path is "".
func readRoots(path string) (*x509.CertPool, error) {
	if path == "" {
		return nil, nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read root certificates: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("read root certificates: %s has none in PEM", path)
	}
	return roots, nil
}

// checkRedirect says whether a redirect is followed; via has the requests before it.
func checkRedirect(to *http.Request, via []*http.Request) error {
	scheme, before := to.URL.Scheme, via[len(via)-1].URL.Scheme
	switch {
	case len(via) > maxRedirects:
		return fmt.Errorf("%w: it is the %dth", errRedirect, len(via))
	case scheme != "http" && scheme != "https":
		return fmt.Errorf("%w: it goes to a URL of %q", errRedirect, scheme)
	case before == "https" && scheme == "http":
		return fmt.Errorf("%w: it goes from HTTPS to %s, which is not secured", errRedirect, to.URL.Redacted())
	}
	return nil
}

// failed tells what kind of error has kept an answer from coming: what the network does may
// be over later, what a server is stays.
func failed(err error) error {
	if of, is := errors.AsType[*url.Error](err); is {
		err = of.Err // the rest repeats the URL
	}
	if _, is := errors.AsType[*tls.CertificateVerificationError](err); is {
		return fmt.Errorf("%w; check the machine's clock, and that the root certificates are the server's", err)
	}
	if errors.Is(err, errRedirect) {
		return err
	}
	return &TemporaryError{Cause: err}
}
