package debian

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"strings"
)

// MirrorVariable names the environment variable that replaces the mirror which
// this machine's apt is configured with.
const MirrorVariable = "CLARITY_MIRROR"

const keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"

// host is what a private apt takes over from this machine's: where the archive
// is and how to get there.
type host struct {
	mirror   string   // URI of the main archive
	security string   // URI of the security archive; "" if there is none
	acquire  []string // settings such as proxies
}

// hostSources asks this machine's apt for its Debian mirror.
func hostSources(ctx context.Context) (host, error) {
	if _, err := exec.LookPath("apt-get"); err != nil {
		return host{}, errors.New("no apt-get on this machine; install apt and debian-archive-keyring to fetch Debian packages")
	}
	if _, err := os.Stat(keyring); err != nil {
		return host{}, fmt.Errorf("no keys to verify Debian's archive with: %w; install debian-archive-keyring", err)
	}
	settings, err := exec.CommandContext(ctx, "apt-config", "dump").Output()
	if err != nil {
		return host{}, fmt.Errorf("ask apt for its settings: %w", err)
	}
	h := host{acquire: acquireSettings(string(settings))}
	if h.mirror = os.Getenv(MirrorVariable); h.mirror != "" {
		return h, nil
	}
	targets, err := exec.CommandContext(ctx, "apt-get", "indextargets",
		"--format", "$(REPO_URI) $(RELEASE)", "Identifier: Packages").Output()
	if err != nil {
		return host{}, fmt.Errorf("ask apt for its sources: %w", err)
	}
	h.mirror, h.security = debianMirrors(string(targets))
	if h.mirror == "" {
		return host{}, fmt.Errorf("this machine's apt has no Debian mirror configured; set %s to the URI of one", MirrorVariable)
	}
	return h, nil
}

// debianMirrors picks the Debian archive and its security archive out of lines
// "URI RELEASE". Debian's archives end in /debian and /debian-security.
func debianMirrors(targets string) (main, security string) {
	for line := range strings.Lines(targets) {
		uri, release, ok := strings.Cut(strings.TrimSpace(line), " ")
		if !ok {
			continue
		}
		switch path.Base(strings.TrimRight(uri, "/")) {
		case "debian":
			if main == "" {
				main = uri
			}
		case "debian-security":
			if security == "" && strings.HasSuffix(release, "-security") {
				security = uri
			}
		}
	}
	return main, security
}

// acquireSettings keeps the settings that say how this machine reaches
// mirrors; hooks, index targets and languages are not taken over.
func acquireSettings(dump string) []string {
	var keep []string
	for line := range strings.Lines(dump) {
		line = strings.TrimSpace(line)
		for _, prefix := range []string{"Acquire::http", "Acquire::Retries", "Acquire::Check-", "Acquire::ForceIPv"} {
			if strings.HasPrefix(line, prefix) {
				keep = append(keep, line)
			}
		}
	}
	return keep
}

// components are free software, and the firmware without which boards do not boot.
const components = " main non-free-firmware\n"

// sourceList is the private sources.list for suite. Testing has no security
// archive of its own.
func (h host) sourceList(suite string) string {
	line := "deb [signed-by=" + keyring + "] "
	list := line + h.mirror + " " + suite + components
	if h.security != "" && suite != "forky" {
		list += line + h.security + " " + suite + "-security" + components
	}
	return list
}
