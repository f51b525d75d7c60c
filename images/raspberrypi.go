package images

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"

	"clarityos/images/fat"
	"clarityos/update/loader"
	"clarityos/update/manifest"
	"clarityos/update/slots"
)

// What boots a disk.
const (
	UEFI        = "uefi"
	UBoot       = "u-boot"
	RaspberryPi = "raspberrypi"
)

// deviceTrees is where an image has those of Raspberry Pis.
const deviceTrees = "usr/lib/dtb/broadcom"

// addDeviceTrees adds the kernel's device trees of Raspberry Pis to an image.
func addDeviceTrees(t *Tree, k Kernel) error {
	all, err := filepath.Glob(filepath.Join(k.DeviceTrees, "*.dtb"))
	if err == nil && len(all) == 0 {
		err = errors.New("the kernel has no device trees of Raspberry Pis; take one of Debian's for arm64")
	}
	for _, file := range all {
		b, wrong := os.ReadFile(file)
		err = errors.Join(err, wrong, t.File("device trees", RankOwn, path.Join(deviceTrees, filepath.Base(file)), 0o644, b))
	}
	if err != nil {
		return fmt.Errorf("device trees: %w", err)
	}
	return nil
}

// raspberryPiFirmware is what models up to 4 load from the card; a 5 has it in its EEPROM.
var raspberryPiFirmware = []string{"bootcode.bin", "start.elf", "fixup.dat", "start4.elf", "fixup4.dat"}

// raspberryPi gives the files of the first partition that are no slot's: Debian's package of
// the firmware, and what it is to boot.
func (i *Image) raspberryPi(ctx context.Context, progress Progress) ([]fat.File, error) {
	const name, dir = "raspi-firmware", "usr/lib/raspi-firmware/"
	progress.say("fetching the firmware of Raspberry Pis")
	packages, _, err := Unpack(ctx, bootSuite, i.Arch, []string{name}, progress)
	if err != nil {
		return nil, err
	}
	files := []fat.File{{Path: loader.RaspberryPiConfig, Data: []byte(loader.Config(slots.A))}}
	for _, f := range raspberryPiFirmware {
		e := packages.Get(dir + f)
		if e == nil {
			return nil, fmt.Errorf("%s of %s has no /%s", name, bootSuite, dir+f)
		}
		b, err := e.Bytes()
		if err != nil {
			return nil, err
		}
		files = append(files, fat.File{Path: f, Data: b})
	}
	return files, nil
}

// forRaspberryPi adds what only that firmware takes: device trees, and the command line of
// the slot's kernel.
func (s *system) forRaspberryPi(root *Tree, options string) error {
	for _, p := range root.Paths() {
		if path.Dir(p) != deviceTrees {
			continue
		}
		b, err := root.Get(p).Bytes()
		if err != nil {
			return err
		}
		s.add(manifest.File{Path: manifest.FolderPath + path.Base(p)}, b)
	}
	s.add(manifest.File{Path: manifest.FolderPath + "cmdline.txt", Text: true}, []byte(options+"\n"))
	return nil
}
