package main

import (
	"os"

	"github.com/u-root/u-root/pkg/boot/linux"
)

// Debian's arm64 cloud kernels have no kexec_file_load: memory is laid out here.
func loadFiles(kernel, initrd *os.File, options string) error {
	return linux.KexecLoad(kernel, initrd, options, nil, nil)
}
