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
	"clarityos/update/manifest"
	"clarityos/update/slots"
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

// unified adds the files of some slots, with a signed unified kernel image for each. Its
// command line does not name the disk by a GUID, which flashing would change in what is signed:
// the loader says which disk it is.
func (i *Image) unified(ctx context.Context, sys *system, kernel, initrd []byte, work string, o DiskOptions, of []slots.Slot) error {
	stub, err := i.systemdBoot(ctx, firmware[i.Arch].stub, o.Progress)
	if err != nil {
		return err
	}
	sys.add(manifest.File{Path: manifest.EntryPath, Text: true}, i.entryOf("efi        /"+kernelPath))
	for _, s := range of {
		o.Progress.say("signing the kernel of slot %v", s)
		made, err := uki.Image{
			OSRelease:   fmt.Sprintf("ID=clarityos\nPRETTY_NAME=\"%s, slot %v\"\nVERSION_ID=%s\n", i.Name, s, i.release()),
			CommandLine: i.options(s.String(), "", sys.tree),
			Release:     i.KernelRelease,
			Kernel:      kernel,
			Initramfs:   initrd,
		}.Make(stub)
		if err == nil {
			made, err = o.SecureBoot.sign(ctx, made, work)
		}
		if err != nil {
			return err
		}
		sys.add(manifest.File{Path: kernelPath, Slot: s.String()}, made)
	}
	return nil
}
