package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"clarityos/images"
)

func newDisk() *cobra.Command {
	var out, key string
	var secure images.SecureBoot
	c := &cobra.Command{
		Use:   "disk IMAGE [SECOND]",
		Short: "Write an image as a disk that firmware boots",
		Long: `Write an image as a disk that UEFI firmware boots: a partition for the loader,
systemd-boot, two slots for a read-only root that dm-verity checks, and one for /var
where the image wants that. Slot A has IMAGE. Slot B has SECOND, which is booted when
IMAGE cannot be, or room for what an update brings.

With --secure-boot, systemd-boot and one unified kernel image for each slot are signed by
sbsign, so that the disk boots under Secure Boot where the firmware trusts the certificate.
The signatures have the time at which they were made. That needs --key, which signs the roots.`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(c *cobra.Command, args []string) error {
			o := images.DiskOptions{Progress: func(line string) { fmt.Fprintln(os.Stderr, "  "+line) }}
			img, err := images.Open(args[0])
			if err == nil && len(args) == 2 {
				o.Second, err = images.Open(args[1])
			}
			if err == nil && key != "" {
				o.Key, err = images.ReadKey(key)
			}
			if err != nil {
				return err
			}
			if secure.Key != "" {
				o.SecureBoot = &secure
			}
			if err := img.WriteDisk(c.Context(), out, o); err != nil {
				return err
			}
			fmt.Println(out)
			return nil
		},
	}
	c.Flags().StringVarP(&out, "output", "o", "disk.raw", "the new file")
	c.Flags().StringVar(&key, "key", "", "sign the roots with the key in `FILE`, and have the machine boot no others")
	c.Flags().StringVar(&secure.Key, "secure-boot", "", "sign what firmware executes with the private key in `FILE`, PEM")
	c.Flags().StringVar(&secure.Certificate, "certificate", "", "the certificate of that key, in `FILE`, PEM")
	c.MarkFlagsRequiredTogether("secure-boot", "certificate")
	return c
}
