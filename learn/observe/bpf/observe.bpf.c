/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* What processes do, by the cgroup that they are in. Each thing is counted in a
 * bounded table; only its first sight goes over the ring buffer. No contents and
 * no arguments are looked at.
 *
 * tables.h holds the tables and what a sight is; the others hold the hooks:
 * processes.h, sockets.h, files.h and machine.h. */
#include "kernel.h"

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_core_read.h>

#include "tables.h"
#include "hook.h"
#include "processes.h"
#include "sockets.h"
#include "files.h"
#include "machine.h"

char _license[] SEC("license") = "Dual MIT/GPL";
