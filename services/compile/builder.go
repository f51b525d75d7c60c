package compile

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"syscall"
	"time"

	"clarityos/services/plan"
	"clarityos/services/unit"
)

// Defaults of systemd-system.conf(5), which units rely on.
const (
	defaultTimeout      = 90 * time.Second
	defaultRestartDelay = 100 * time.Millisecond
	defaultInterval     = 10 * time.Second
	defaultBurst        = 5
)

// builder compiles the directives of one unit.
type builder struct {
	c    *compiler
	u    *plan.Unit
	s    *plan.Service
	file unit.File

	context     unit.Context
	defaultDeps bool
	busName     string
	slice       string // of Slice=
	typeSet     bool
	groupSet    bool
	dirs        []directoryLine
	dirModes    map[string]uint32
	env         []string

	quota  float64 // CPUQuota= as a share of one CPU
	period int64   // CPUQuotaPeriodSec= in µs
}

// directoryLine is one word of RuntimeDirectory= and its kin.
type directoryLine struct{ kind, name string }

func newBuilder(c *compiler, u *plan.Unit, f unit.File) *builder {
	b := &builder{c: c, u: u, file: f, defaultDeps: true, dirModes: map[string]uint32{}}
	b.context = unit.Context{Name: u.Name, Path: f.Paths[0], Values: c.values}
	u.StartLimit = plan.StartLimit{Interval: defaultInterval, Burst: defaultBurst}
	switch path.Ext(u.Name) {
	case ".socket":
		u.Socket = newSocket(u.Name)
	case ".slice":
		u.Slice = &plan.Slice{}
	case ".service":
		u.Service = &plan.Service{
			Type: plan.Simple, Restart: plan.RestartNo, RestartDelay: defaultRestartDelay, GuessMainPID: true,
			TimeoutStop: defaultTimeout,
			KillMode:    plan.KillControlGroup, KillSignal: int(syscall.SIGTERM), FinalSignal: int(syscall.SIGKILL), SendSIGKILL: true,
			Process: plan.Process{UID: -1, GID: -1, Umask: -1},
		}
		b.s = u.Service
	}
	return b
}

// invalid records what makes the unit impossible to start; the first such
// reason is the one that status tells.
func (b *builder) invalid(file string, line int, message string) {
	f := plan.Finding{Unit: b.u.Name, File: file, Line: line, Kind: plan.Invalid, Message: message}
	b.c.finding(f)
	if b.u.Broken == "" {
		b.u.Broken = f.String()
	}
}

func (b *builder) note(d unit.Directive, kind plan.FindingKind, security bool, format string, args ...any) {
	b.c.finding(plan.Finding{Unit: b.u.Name, File: d.File, Line: d.Line, Kind: kind, Security: security, Message: fmt.Sprintf(format, args...)})
}

// directive applies one line.
func (b *builder) directive(d unit.Directive) {
	if d.Section == "Install" && d.Key == "Alias" {
		for _, name := range strings.Fields(d.Value) {
			b.c.also = append(b.c.also, edge{b.u.Name, name})
		}
	}
	if d.Section == "Install" || strings.HasPrefix(d.Section, "X-") && d.Section != "X-Clarity" || strings.HasPrefix(d.Key, "X-") {
		return // Install is for whoever enables units; X- belongs to others
	}
	key := d.Section + "." + d.Key
	if set, ok := setters[key]; ok && b.takes(d.Section) {
		var err error
		if _, limit := cgroupSetters[d.Key]; !limit && !perWord[d.Key] {
			d.Value, err = b.context.Expand(d.Value, false)
		}
		if err == nil {
			err = set(b, d)
		}
		if err != nil {
			b.invalid(d.File, d.Line, fmt.Sprintf("%s=: %v", d.Key, err))
		}
		return
	}
	switch {
	case securityKeys[d.Key] && d.Section == "Service":
		b.note(d, plan.Unenforced, true, "%s= is read but not enforced yet", d.Key)
	case unenforcedKeys[d.Key] && (d.Section == "Service" || d.Section == "Unit" || d.Section == "Socket" || d.Section == "Slice"):
		b.note(d, plan.Unenforced, false, "%s= is read but has no effect yet", d.Key)
	default:
		b.note(d, plan.Unknown, false, "unknown directive [%s] %s=", d.Section, d.Key)
	}
}

// finish checks the unit as a whole and adds what systemd adds by default.
func (b *builder) finish() {
	u, s := b.u, b.s
	if b.defaultDeps && (s != nil || u.Socket != nil) {
		u.Requires = append(u.Requires, "sysinit.target")
		u.After = append(u.After, "sysinit.target")
		if s != nil {
			u.After = append(u.After, "basic.target")
		} else {
			b.c.inverse = append(b.c.inverse, inverseEdge{u.Name, "sockets.target", after})
		}
	}
	b.joinSlice()
	if u.Description == "" {
		u.Description = u.Name
	}
	if u.Socket != nil {
		b.finishSocket()
	}
	if s == nil {
		return
	}
	at := b.file.Paths[0]
	if !b.typeSet && len(s.Start) == 0 {
		s.Type = plan.Oneshot
	}
	if s.TimeoutStart == 0 { // nothing was said
		s.TimeoutStart = defaultTimeout
		if s.Type == plan.Oneshot {
			s.TimeoutStart = plan.Infinity
		}
	}
	switch {
	case len(s.Start) == 0 && len(s.Stop) == 0:
		b.invalid(at, 0, "the service has neither ExecStart= nor ExecStop=")
	case len(s.Start) == 0 && s.Type == plan.Oneshot:
	case len(s.Start) != 1 && s.Type != plan.Oneshot:
		b.invalid(at, 0, fmt.Sprintf("a service of Type=%s needs exactly one ExecStart=, this has %d; only oneshot may have several", s.Type, len(s.Start)))
	}
	if s.Type == plan.Oneshot && (s.Restart == plan.RestartAlways || s.Restart == plan.RestartOnSuccess) {
		b.invalid(at, 0, fmt.Sprintf("Restart=%s makes a oneshot service run for ever", s.Restart))
	}
	notifies := s.Type == plan.Notify && s.NotificationFD == 0 || s.Type == plan.Reloads || s.Watchdog > 0
	if notifies && (s.NotifyAccess == "" || s.NotifyAccess == "none") {
		s.NotifyAccess = "main"
	}
	if s.NotificationFD != 0 && s.Type != plan.Notify {
		b.invalid(at, 0, fmt.Sprintf("NotificationFD= needs Type=notify, this is %s", s.Type))
	}
	b.finishBusName()
	for _, k := range s.Sockets { // as in systemd.service(5)
		u.Wants, u.After = append(u.Wants, k), append(u.After, k)
	}
	if h := s.Health; h != nil && h.Probe.Command == nil && h.Probe.At == nil {
		b.invalid(at, 0, "Health… without a probe: HealthExec=, HealthTCP=, HealthUnix= or HealthHTTP= says how to look")
	}
	if s.Process.Log.Identifier == "" && len(s.Start) > 0 {
		p := s.Start[0].Path
		s.Process.Log.Identifier = p[strings.LastIndex(p, "/")+1:]
	}
	b.account()
	b.finishDirectories()
	s.Process.Environment = append(s.Process.Environment, b.env...)
}

// takes says whether units of this kind have the section.
func (b *builder) takes(section string) bool {
	switch section {
	case "Unit":
		return true
	case "Service", "X-Clarity":
		return b.s != nil
	case "Socket":
		return b.u.Socket != nil
	case "Slice":
		return b.u.Slice != nil
	}
	return false
}

// perWord are the keys whose values are split into words before specifiers are
// expanded, so that an instance's name with a blank in it stays one word.
var perWord = map[string]bool{"Environment": true, "ExecCondition": true, "ExecStartPre": true, "ExecStart": true,
	"ExecStartPost": true, "ExecReload": true, "ExecStop": true, "ExecStopPost": true, "HealthExec": true}

// words splits the value of one of perWord. Specifiers of the running machine
// are left for it.
func (b *builder) words(d unit.Directive) ([]string, error) {
	words, err := unit.Words(d.Value)
	for i := range words {
		if err == nil {
			words[i], err = b.context.Expand(words[i], true)
		}
	}
	return words, err
}

// joinSlice puts a service's cgroup into its slice, and a slice's into those
// that its name goes through: a-b.slice lies in a.slice.
func (b *builder) joinSlice() {
	slice := b.slice
	if b.u.Slice != nil {
		if i := strings.LastIndexByte(b.u.Name, '-'); i > 0 {
			slice = b.u.Name[:i] + ".slice"
		}
	}
	if slice == "" {
		return
	}
	b.c.implied = append(b.c.implied, edge{b.u.Name, slice})
	if b.s != nil {
		b.s.Process.Slice = slicePath(slice)
	}
}

// slicePath is where the cgroup of a slice lies below the root.
func slicePath(name string) string {
	base := strings.TrimSuffix(name, ".slice")
	if base == "-" || base == "" {
		return "."
	}
	var parts []string
	for i := 0; i <= len(base); i++ {
		if i == len(base) || base[i] == '-' {
			parts = append(parts, base[:i]+".slice")
		}
	}
	return strings.Join(parts, "/")
}

func (b *builder) finishSocket() {
	if len(b.u.Socket.Listen) == 0 && b.u.Broken == "" {
		b.invalid(b.file.Paths[0], 0, "no ListenStream=, ListenDatagram=, ListenSequentialPacket= or ListenFIFO=")
	}
	b.c.inverse = append(b.c.inverse, inverseEdge{b.u.Name, b.u.Socket.Service, after})
}

// busNameWatch is what waits for a name on the bus, so that PID 1 need not
// speak D-Bus.
const busNameWatch = "/usr/lib/clarity/clarityd"

// finishBusName gives a service of Type=dbus the command that awaits its name.
func (b *builder) finishBusName() {
	if b.s.Type != plan.DBus {
		return
	}
	if b.busName == "" {
		b.invalid(b.file.Paths[0], 0, "Type=dbus needs BusName=")
		return
	}
	b.s.AwaitName = []plan.Command{{Path: busNameWatch, Argv: []string{"clarityd", "bus-name", b.busName}, Privileged: true}}
	b.c.implied = append(b.c.implied, edge{b.u.Name, "dbus.socket"})
	b.u.After = append(b.u.After, "dbus.service")
}

// account resolves User= and Group=.
func (b *builder) account() {
	p := &b.s.Process
	if p.User == "" {
		return
	}
	a, err := b.c.users.user(p.User)
	if err != nil {
		b.invalid(b.file.Paths[0], 0, fmt.Sprintf("User=%s: %v", p.User, err))
		return
	}
	p.UID, p.Home, p.Shell = a.uid, a.home, a.shell
	if !b.groupSet {
		p.GID = a.gid
	}
	p.Groups = append(p.Groups, b.c.users.memberships(p.User)...)
	slices.Sort(p.Groups)
	p.Groups = slices.Compact(p.Groups)
}

var directoryRoots = map[string]string{
	"Runtime": "/run", "State": "/var/lib", "Cache": "/var/cache", "Logs": "/var/log", "Configuration": "/etc",
}

func (b *builder) finishDirectories() {
	vars := map[string][]string{}
	for _, d := range b.dirs {
		mode, ok := b.dirModes[d.kind]
		if !ok {
			mode = 0o755
		}
		dir := plan.Directory{Kind: strings.ToLower(d.kind), Path: directoryRoots[d.kind] + "/" + d.name, Mode: mode}
		b.s.Process.Directories = append(b.s.Process.Directories, dir)
		vars[d.kind] = append(vars[d.kind], dir.Path)
	}
	for _, kind := range []string{"Runtime", "State", "Cache", "Logs", "Configuration"} {
		if vars[kind] != nil {
			b.env = append(b.env, strings.ToUpper(kind)+"_DIRECTORY="+strings.Join(vars[kind], ":"))
		}
	}
}
