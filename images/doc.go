// Package images turns an image definition (clarity.toml) into a bootable
// image: Debian packages, Go commands, files, a kernel with its modules and
// the compiled plan, all in one initramfs.
//
// What lives here: the definition and its checks, the lock file beside it, the
// cache, the staged root tree (Tree) and everything that adds to it, kernels,
// and the folder that a build writes (Image). Below it, images/debian drives a
// private apt and reads .deb archives, images/modules chooses and orders kernel
// modules, images/demo is the demo's definition.
//
// A build is: base, packages, kernel modules, our own programs, the
// definition's commands, users, the definition's files and units, busybox,
// defaults, libraries; then the id over all of it, the plan that is bound to
// the id, and the archive. Which contributor wins a path is a matter of rank,
// not of that order.
//
// Who may import it: cmd/clarity, qemu and tests. It imports services (the plan
// compiler) and nothing of init.
//
// What it never does: need root, touch the host's package state, run a
// package's maintainer scripts, put a secret into an image, or write a file
// that a power cut could leave half written.
package images
