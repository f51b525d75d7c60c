package control

// Description is the interface in varlink's own language, for introspection.
const Description = `# States and jobs of ClarityOS's PID 1. Times are nanoseconds of CLOCK_BOOTTIME, spans nanoseconds, sizes bytes.
interface io.clarityos.Control

type Summary (state: string, default: string, bootTime: ?int, up: int, unhealthy: ?[]string, failed: ?[]string, waiting: ?[]string,
  cycles: ?[]string)
type Unit (name: string, description: ?string, active: string, phase: string, since: int, enabled: bool,
  job: ?string, waitsFor: ?[]string, deadline: ?int, result: ?string, cause: ?string, status: ?string,
  mainPid: ?int, controlPid: ?int, invocation: ?int, restarts: ?int, abandoned: ?bool, queued: ?int,
  begun: ?int, up: ?int, sources: ?[]string, component: ?string, health: ?string, healthCause: ?string,
  errno: ?int, watchdog: ?int)
type Hold (unit: string, phase: string, for: int, left: ?int, doing: ?string, waiting: ?int)
type Usage (unit: string, cgroup: string, memory: int, memoryPeak: int, swap: int, tasks: int, cpu: int, read: int,
  written: int, reads: int, writes: int, oomKills: int)
type Setting (File: string, Value: string)
type SoftAfter (Unit: string, Limit: int)
type Relations (name: string, Wants: ?[]string, Requires: ?[]string, Requisite: ?[]string, BindsTo: ?[]string,
  PartOf: ?[]string, Upholds: ?[]string, Conflicts: ?[]string, After: ?[]string, OnFailure: ?[]string,
  OnSuccess: ?[]string, PropagatesReloadTo: ?[]string, StopPropagatedFrom: ?[]string, SoftAfter: ?[]SoftAfter)
type Event (seq: int, at: int, unit: ?string, kind: (phase, health, job, message), from: ?string, to: ?string,
  result: ?string, outcome: ?string, health: ?string, priority: ?int, message: ?string)
type Finding (Unit: ?string, File: ?string, Line: ?int, Kind: string, Message: string, Security: ?bool)

# The system and, when named, one unit.
method Status(unit: ?string) -> (now: int, summary: Summary, units: ?[]Unit, memory: ?int, tasks: ?int, kernel: ?int, notes: ?[]string, watchdog: ?string)
# All units, and the CPU time that each had used when it was up.
method List() -> (now: int, summary: Summary, units: ?[]Unit, kernel: ?int, started: ?[string]int, notes: ?[]string, watchdog: ?string)
# The same as Status, once the boot is complete.
method Wait() -> (now: int, summary: Summary, units: ?[]Unit, memory: ?int, tasks: ?int, kernel: ?int, notes: ?[]string, watchdog: ?string)
# Everything about one unit: its state, its part of the plan, what it uses and what SetProperty has set.
method Show(unit: string) -> (now: int, view: Unit, unit: object, usage: ?Usage, live: ?[]Setting)
# What every unit has to do with others.
method Relations() -> (units: []Relations)
# What the units that have a cgroup use.
method Usage() -> (at: int, units: []Usage)
# What has happened: the last of it that is kept and, with "more", what comes from then on. Lost counts those
# before these that the caller was not told, since it had not read enough.
method Events(unit: ?string, last: ?int) -> (events: []Event, lost: ?int)
# start, stop, restart, reload, reset-failed or isolate; answered when the job is over.
method Change(verb: string, unit: string, users: ?bool) -> (outcome: string, message: ?string)
# Sends a signal (1 to 64) to a unit's processes: all in its cgroup, the main or the control process.
method Kill(unit: string, signal: int, who: (all, main, control)) -> ()
# Writes files of a unit's cgroup, such as memory.max, now and at each later start, until the plan is reloaded.
# With reset, what was set before is undone first.
method SetProperty(unit: string, settings: ?[]Setting, reset: ?bool) -> ()
# Why a unit is in its state, in lines for people, and what it waits for in the end. Without a unit: what
# everything that is under way waits for.
method Why(unit: ?string) -> (lines: []string, holding: ?[]Hold)
# Takes the order that earlier boots have taught from the file in which the setup component has put it.
method Learned() -> ()
# What the plan's compiler could not honour.
method Findings() -> (findings: []Finding)
# poweroff, reboot or halt.
method Shutdown(kind: string) -> ()
# Compiles the units of the running root anew, in a child, and uses the new plan.
method ReloadPlan() -> ()

error NoSuchUnit (unit: string)
error Failed (message: string)
`
