// Package supervisor decides what happens to units. It is a pure state machine:
// Fold takes what happened and gives what to do; it makes no system call, starts
// no goroutine and reads no clock. PID 1 carries its actions out and feeds it
// the results; the tests do the same with a fake kernel.
//
// # Units, phases, jobs
//
// Each unit of the plan is in one phase. A service walks through
//
//	Dead ─► Checking ─► Condition ─► StartPre ─► Start ─► StartName ─► StartPost ─► Gated ─► Running ◄─► Reloading
//	 ▲                                                                                         │   └──► Exited
//	 │                               (a failure at any of these)                               ▼
//	 └─ Dead or Failed ◄─ FinalKill ◄─ StopPost ◄─ StopKill ◄─ StopTerm or StopAbort ◄─────── Stop
//	          └─► Backoff ─► Checking …
//
// Checking asks for the Condition…= lines; Condition, StartPre, StartPost, Stop,
// Reloading and StopPost run the Exec lines of that name one after another; Start
// runs ExecStart= until the service is ready in the sense of its type, StartName
// awaits the name of a service of the bus, Gated its first good probe; StopTerm
// has sent KillSignal=, StopAbort WatchdogSignal= and StopKill has killed the
// cgroup, each until nothing is left in it; Backoff waits to start again. A
// socket goes from Dead through Opening to Listening and is Running while its
// service has its descriptors. A phase in which nothing is to be
// done is passed through at once. A target goes from Dead to Running and back.
//
// What a person or a dependency wants of a unit is its job: start, stop, restart
// or reload, at most one for a unit. A start pulls in start jobs for what the
// unit wants, requires, is bound to and upholds, and stop jobs for what it
// conflicts with; a stop pulls in stop jobs for what requires the unit or is a
// part of it. A job waits until the jobs that it is
// ordered against are done:
//
//   - a start waits for start jobs of units that this one is After, and for stop
//     jobs of its neighbours in the order and of units that it conflicts with;
//   - a stop waits for stop jobs of units that are After this one.
//
// An order that gives way (StartAfter=, Type=idle) holds a start back only once
// nothing else does, and no longer than its own limit.
//
// Starts wait for stops and never the other way round, and the plan's order has
// no cycle, so that there always is a job that can run. A restart is a stop that
// becomes a start. When a start fails, the start jobs of what requires the unit
// fail with it.
//
// # Relations
//
// What a change of state does to others (BindsTo=, Upholds=, OnFailure=, sockets
// and their services, …) is not done in the middle of that change: units that
// went up or down are kept until the event has been dealt with, and propagate
// then adds the jobs that follow.
//
// # Bounds
//
// Every phase that waits has a deadline, unless the unit asked for infinity, and
// leads somewhere when it passes: a start that takes too long is stopped, a stop
// that takes too long is killed, and a cgroup that does not die is abandoned:
// the unit fails, says so, and its next start gets a fresh cgroup. Shutdown as a
// whole ends after ShutdownLimit whatever units ask for. View and Why name what
// each job waits for.
//
// # Processes
//
// The supervisor names every process that it asks for with a Token before the
// process exists; the pid is only data. An event with a token that the unit no
// longer holds is about the past and changes nothing, but for one: a process that
// was given up before it existed is killed when it does.
package supervisor
