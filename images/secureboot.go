package images

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"clarityos/images/uki"
	"clarityos/update/loader"
	"clarityos/update/slots"
	"clarityos/update/verity"
)

// SecureBoot is what EFI programs are signed by: files, both in PEM, with a private key and
// with the certificate of it that the firmware trusts.
type SecureBoot struct{ Key, Certificate string }

// sign gives a program with a signature. That has the time at which it was made, so it is
// what differs between two disks of one image.
func (s *SecureBoot) sign(ctx context.Context, program []byte, work string) ([]byte, error) {
	in, out := filepath.Join(work, "unsigned.efi"), filepath.Join(work, "signed.efi")
	if err := os.WriteFile(in, program, 0o600); err != nil {
		return nil, err
	}
	text, err := exec.CommandContext(ctx, "sbsign", "--key", s.Key, "--cert", s.Certificate, "--output", out, in).CombinedOutput()
	switch {
	case errors.Is(err, exec.ErrNotFound):
		return nil, fmt.Errorf("sign for Secure Boot: %w; install it (Debian's package sbsigntool)", err)
	case err != nil:
		return nil, fmt.Errorf("sign for Secure Boot with key %s and certificate %s: sbsign: %w: %s", s.Key, s.Certificate, err, bytes.TrimSpace(text))
	}
	return os.ReadFile(out)
}

// unified gives the files of a slot, in the order of loader.Paths, with a signed unified
// kernel image. Its command line does not name the disk by a GUID, which flashing would change
// in what is signed: the loader says which disk it is.
func (i *Image) unified(ctx context.Context, s slots.Slot, tree *verity.Tree, kernel, initrd []byte, work string, o DiskOptions) (files [3][]byte, err error) {
	stub, err := i.systemdBoot(ctx, firmware[i.Arch].stub, o.Progress)
	if err != nil {
		return files, err
	}
	o.Progress.say("signing the kernel of slot %v", s)
	made, err := uki.Image{
		OSRelease:   fmt.Sprintf("ID=clarityos\nPRETTY_NAME=\"%s, slot %v\"\nVERSION_ID=%s\n", i.Name, s, i.ID[:12]),
		CommandLine: i.options(s, "", tree),
		Release:     i.KernelRelease,
		Kernel:      kernel,
		Initramfs:   initrd,
	}.Make(stub)
	if err != nil {
		return files, err
	}
	signed, err := o.SecureBoot.sign(ctx, made, work)
	return [...][]byte{i.entryOf(s, "efi        /"+loader.Paths(s)[1]), signed, nil}, err
}
