package images

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/Masterminds/semver/v3"

	"clarityos/update/backup/index"
	"clarityos/update/installed"
	"clarityos/update/manifest"
	"clarityos/update/restart"
)

const (
	// defaultEvery is how often a repository is looked at, unless the definition says.
	defaultEvery = 24 * time.Hour
	leastEvery   = time.Minute
)

// automatic fills in what the machine does by itself.
func (u *UpdateDef) automatic(i *installed.Image) {
	i.Policy = installed.Mode(cmp.Or(u.Policy, string(installed.Manual)))
	i.Every = duration(u.Every)
	if u.Every == "" && u.From != "" {
		i.Every = defaultEvery
	}
	i.Restart = restart.Policy{MinimumUptime: duration(u.MinimumUptime), CoolDown: duration(u.CoolDown), PerDay: u.PerDay}
}

// duration reads a text that was checked; "" is none.
func duration(text string) time.Duration {
	d, _ := time.ParseDuration(text)
	return d
}

// defaultChannel is that of a definition that names none.
const defaultChannel = "stable"

// Update is what an image is to machines that take updates.
type Update struct {
	Channel   string                 `json:"channel"`
	Board     string                 `json:"board,omitempty"`
	Security  uint32                 `json:"security"`
	State     manifest.State         `json:"state"`
	Health    manifest.Health        `json:"health"`
	Requires  []manifest.Requirement `json:"requires,omitempty"`
	Conflicts []manifest.Requirement `json:"conflicts,omitempty"`
	Notes     string                 `json:"notes,omitempty"`
}

// security is the image's security version.
func (i *Image) security() uint32 {
	if i.Update == nil {
		return 0
	}
	return i.Update.Security
}

var channelRule = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,30}$`)

// checkUpdate checks the version and the table [update].
func (d *Definition) checkUpdate() error {
	if d.Version != "" {
		if _, err := semver.StrictNewVersion(d.Version); err != nil {
			return fmt.Errorf("version: %q is no version such as 1.2.3 or 1.2.3-rc.1: %w", d.Version, err)
		}
	}
	u := d.Update
	if u == nil {
		return nil
	}
	var errs []error
	bad := func(place, format string, args ...any) {
		errs = append(errs, fmt.Errorf("update.%s: %s", place, fmt.Sprintf(format, args...)))
	}
	if d.Version == "" {
		errs = append(errs, errors.New("version: a machine that takes updates has to know its own, such as version = \"1.0.0\""))
	}
	if u.Channel != "" && !channelRule.MatchString(u.Channel) {
		bad("channel", "%q does not match %s", u.Channel, channelRule)
	}
	if u.Root == "" {
		bad("root", "it is missing; it names the repository's newest root metadata, metadata/N.root.json, which the machine trusts")
	}
	if u.Reads > u.Schema {
		bad("reads", "the lowest schema that it reads is %d, and it writes %d", u.Reads, u.Schema)
	}
	if err := u.checkMigrates(); err != nil {
		bad("migrates", "%v", err)
	}
	if d.Data == nil {
		bad("from", "the machine keeps nothing: updates need /var on a disk, so add a table [data]")
	}
	if u.Policy != "" && !slices.Contains(installed.Modes, installed.Mode(u.Policy)) {
		bad("policy", "%q is none of %v", u.Policy, installed.Modes)
	}
	for _, c := range []struct{ place, text string }{{"every", u.Every}, {"minimum_uptime", u.MinimumUptime}, {"cool_down", u.CoolDown}} {
		if d, err := time.ParseDuration(cmp.Or(c.text, "0")); err != nil || d < 0 {
			bad(c.place, "%q is no time such as 24h", c.text)
		}
	}
	if d := duration(u.Every); d > 0 && d < leastEvery {
		bad("every", "%q is less than %v", u.Every, leastEvery)
	}
	if _, err := parseSize(u.Bandwidth); u.Bandwidth != "" && err != nil {
		bad("bandwidth", "%v", err)
	}
	if p, err := url.Parse(u.Proxy); u.Proxy != "" && (err != nil || p.Host == "") {
		bad("proxy", "%q is no URL such as http://proxy.example:3128", u.Proxy)
	}
	if u.Certificates != "" && !path.IsAbs(u.Certificates) {
		bad("certificates", "%q is no absolute path of the image", u.Certificates)
	}
	if u.PerDay < 0 {
		bad("per_day", "%d is less than none", u.PerDay)
	}
	if _, err := requirements(u.Requires); err != nil {
		bad("requires", "%v", err)
	}
	if _, err := requirements(u.Conflicts); err != nil {
		bad("conflicts", "%v", err)
	}
	return errors.Join(errs...)
}

// own is what ClarityOS keeps on /var.
const own = "/var/lib/clarity"

// checkMigrates checks the paths that are backed up before services migrate them.
func (u *UpdateDef) checkMigrates() error {
	if len(u.Migrates) == 0 {
		return nil
	}
	if u.Schema == 0 {
		return errors.New("without a schema of 1 or more there is nothing to migrate")
	}
	var paths []index.Path
	for _, p := range u.Migrates {
		if !strings.HasPrefix(p, "/var/") || strings.HasPrefix(own+"/", p+"/") || strings.HasPrefix(p, own+"/") {
			return fmt.Errorf("%q does not lie below /var, or has something to do with %s", p, own)
		}
		if strings.ContainsAny(p, "\n") {
			return fmt.Errorf("%q has more than a line", p)
		}
		paths = append(paths, index.Path(p))
	}
	return index.CheckPaths(paths)
}

// requirements reads "NAME RANGE".
func requirements(list []string) (out []manifest.Requirement, err error) {
	for _, text := range list {
		name, bounds, _ := strings.Cut(text, " ")
		if _, err := semver.NewConstraint(bounds); err != nil {
			return nil, fmt.Errorf("%q is not like \"kernel >= 6.1\": %w", text, err)
		}
		out = append(out, manifest.Requirement{Name: name, Range: strings.TrimSpace(bounds)})
	}
	return out, nil
}

// update is what the definition says of the image as an update; nil: it is none.
func (d *Definition) update() *Update {
	u := d.Update
	if u == nil {
		return nil
	}
	trial := d.trial()
	requires, _ := requirements(u.Requires) // both were checked
	conflicts, _ := requirements(u.Conflicts)
	return &Update{
		Channel: u.channel(), Board: u.Board, Security: u.Security, State: manifest.State{From: u.Reads, To: u.Schema},
		Health:   manifest.Health{Units: trial.Units, For: uint32(trial.For.Seconds()), Within: uint32(trial.Within.Seconds())},
		Requires: requires, Conflicts: conflicts, Notes: u.Notes,
	}
}

func (u *UpdateDef) channel() string {
	if u.Channel == "" {
		return defaultChannel
	}
	return u.Channel
}

// addUpdate adds what the updater knows of the image that runs, and whom it trusts.
func (b *build) addUpdate() error {
	u := b.d.Update
	if u == nil {
		return nil
	}
	trusted, err := os.ReadFile(b.d.local(u.Root))
	if err != nil {
		return fmt.Errorf("update.root: %w; `clarity repo init` makes a repository with one", err)
	}
	image := installed.Image{
		Name: b.d.Name, Version: b.d.Version, Arch: b.d.Arch, Board: u.Board, Security: u.Security, Schema: u.Schema, Migrates: u.Migrates,
		From: u.From, Channel: u.channel(), Built: b.lock.Epoch, Components: b.components(),
	}
	u.automatic(&image)
	limit, _ := parseSize(u.Bandwidth) // it was checked, and may be empty
	image.Media = u.Media
	image.Proxy, image.Certificates, image.Bandwidth = u.Proxy, u.Certificates, int64(limit)
	text, err := json.MarshalIndent(image, "", "  ")
	if err != nil {
		return fmt.Errorf("write update.json: %w", err)
	}
	var list error
	if len(u.Migrates) > 0 {
		list = b.t.File("updater", RankOwn, installed.MigratesPath, 0o644, []byte(strings.Join(u.Migrates, "\n")+"\n"))
	}
	return errors.Join(list, b.t.File("updater", RankOwn, installed.Path, 0o644, append(text, '\n')),
		b.t.File("updater", RankOwn, installed.RootPath, 0o644, trusted))
}

// components gives the versions of what is in the image.
func (b *build) components() map[string]string {
	out := map[string]string{b.d.Name: b.d.Version, manifest.KernelName: b.kernel.Release}
	for _, p := range b.packages {
		out[p.Name] = p.Version
	}
	return out
}

// components gives them as a release has them: sorted, the image by its own name among them.
func (i *Image) components() []manifest.Component {
	all := map[string]manifest.Component{}
	for _, p := range i.Packages {
		all[p.Name] = manifest.Component{Name: p.Name, Version: p.Version}
	}
	all[i.Name] = manifest.Component{Name: i.Name, Version: i.Version, Requires: i.Update.Requires, Conflicts: i.Update.Conflicts}
	out := make([]manifest.Component, 0, len(all))
	for _, name := range slices.Sorted(maps.Keys(all)) {
		out = append(out, all[name])
	}
	return out
}
