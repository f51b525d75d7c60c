// Package unit reads the unit language: files, drop-ins, words, durations,
// sizes, specifiers. It knows the syntax of systemd.syntax(7) and keeps the
// file and line of everything; what a directive means is the compiler's.
//
// Values in, values out: it reads files only through the fs.FS it is given,
// starts nothing and keeps nothing. PID 1 does not link it.
package unit
