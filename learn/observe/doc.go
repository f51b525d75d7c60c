// Package observe sees what processes do, by BPF programs in the kernel, and says
// it by cgroup: what they execute, how they end, where they bind, listen, accept,
// connect and send, which files that others made they use, having missed them or
// not, whom they signal, what they add to the machine; and how much of it.
//
// Load puts the programs into the kernel and pins them in bpffs; the process that
// does so needs much memory for the kernel's types, and ends. Reader reads what
// they tell and needs little; whichever process that is may be replaced at any
// time, since what is seen waits in the ring buffer. The programs are in bpf/, and
// observe_*_bpfel.o are what Debian 12's clang makes of them.
package observe

//go:generate go tool bpf2go -target amd64,arm64 -type sight -type figures -cflags "-O2 -g -Wall -Werror -mcpu=v3 -I/usr/include/x86_64-linux-gnu -I/usr/include/aarch64-linux-gnu" observe bpf/observe.bpf.c
