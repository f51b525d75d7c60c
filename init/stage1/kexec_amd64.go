package main

import (
	"os"

	"golang.org/x/sys/unix"
)

func loadFiles(kernel, initrd *os.File, options string) error {
	return unix.KexecFileLoad(int(kernel.Fd()), int(initrd.Fd()), options, 0)
}
