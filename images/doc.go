// Package images turns an image definition (clarity.toml) into a bootable
// image: Debian packages, Go commands, files, a kernel with its modules and
// the compiled plan, all in one initramfs.
//
// What lives here: the definition, the lock file beside it, the staged root
// tree and everything that adds to it, the kernel's module set, and the folder
// that a build writes. Below it, images/deb reads .deb archives and drives a
// private apt, images/elfdeps follows shared libraries, images/modules orders
// kernel modules, images/cpio writes the archive.
//
// Who may import it: cmd/clarity, qemu and tests. It imports services (the plan
// compiler) and nothing of init.
//
// What it never does: need root, touch the host's package state, run a
// package's maintainer scripts, put a secret into an image, or write a file
// that a power cut could leave half written.
package images
