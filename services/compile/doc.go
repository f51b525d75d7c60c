// Package compile turns the units of a root into the plan that PID 1 runs.
//
// It reads a root through fs.FS: unit files and drop-ins, users, tmpfiles.d and
// sysctl.d. It resolves names, orders, ids and specifiers, adds the targets and
// components that ClarityOS itself brings, and names everything that it cannot
// honour as a finding; it never drops anything silently and never writes.
//
// The image builder, clarityctl verify and the compiling child of PID 1 import
// it. PID 1 does not: it parses no text.
package compile
