// Package modules chooses kernel modules for an image and orders them: it reads
// what a module says about itself, follows what it depends on, and writes the
// indexes that Debian's packages leave to depmod.
//
// Who may import it: images.
//
// What it never does: run depmod, load a module, or write a file.
package modules
