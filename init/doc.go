// Command init is PID 1 of a ClarityOS image, and the stub through which it
// starts processes that need more than a plain fork.
//
// One goroutine, the loop, owns everything: the supervisor's state, the reactor,
// the log, the control socket. Others only ever hand it functions to run or
// channels to read. What can take long (forks, looks at files) runs in pools.
//
//	main.go      entry, stub or PID 1
//	pid1.go      the state and the loop
//	plan.go      the plan that is in use
//	perform.go   actions of the supervisor, carried out
//	resource.go  what a unit holds in the kernel: cgroup, log pipe, notify socket
//	group.go     its cgroup: limits, slices, what happens in it
//	ready.go     how a service says that it is ready, and more
//	socket.go    descriptors that are held for services
//	child.go     PID 1's own children, which are no units
//	reap.go      the ends of processes
//	methods.go   calls on the control socket
//	inspect.go   … that ask for what units are and use
//	command.go   … that act on units beside their jobs
//	events.go    what has happened, and who listens
//	waits.go     what a boot that takes long waits for
//	messages.go  what PID 1 says, on the console and to the log
//	rescue.go    the shell for a boot that cannot go on
//	halt.go      the end
//
// It imports services and its own subpackages, starts goroutines only through
// init/guard, parses no configuration text and never waits for a disk, a client
// or a component.
package main
