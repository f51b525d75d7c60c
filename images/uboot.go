package images

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"strings"

	"clarityos/images/disk"
	"clarityos/images/fat"
	"clarityos/update/loader"
	"clarityos/update/slots"
	"clarityos/update/slots/bootdisk"
)

// uBootScript boots a slot by U-Boot's own commands. What was asked for once is removed before
// it is booted, and is not booted where that cannot be done; what cannot be loaded gives way to
// the next one. It keeps to what U-Boot's first shell understands.
const uBootScript = `setenv @SLOT a
setenv @ONCE
setenv clarity_disk "${devtype} ${devnum}:${distro_bootpart}"
${devtype} dev ${devnum}
part start ${devtype} ${devnum} @STATE clarity_at
setexpr clarity_at ${clarity_at} + @AT
if ${devtype} read ${kernel_addr_r} ${clarity_at} 1; then
  env import -t ${kernel_addr_r} @SIZE @SLOT @ONCE
fi
setenv clarity_try
if test -n "${@ONCE}"; then
  setenv clarity_try ${@ONCE}
  setenv @ONCE
  env export -t -s @SIZE ${kernel_addr_r} @SLOT
  if ${devtype} write ${kernel_addr_r} ${clarity_at} 1; then
    echo "clarity: slot ${clarity_try}, once"
  else
    setenv clarity_try
  fi
fi
for clarity_now in ${clarity_try} ${@SLOT} a b; do
  setenv clarity_path /@ENTRY${clarity_now}
  if load ${clarity_disk} ${kernel_addr_r} ${clarity_path}/boot.env; then
    env import -t ${kernel_addr_r} ${filesize} bootargs
    if load ${clarity_disk} ${kernel_addr_r} ${clarity_path}/vmlinuz; then
      if load ${clarity_disk} ${ramdisk_addr_r} ${clarity_path}/initrd; then
        echo "clarity: booting slot ${clarity_now}"
        booti ${kernel_addr_r} ${ramdisk_addr_r}:${filesize} ${fdtcontroladdr}
      fi
    fi
  fi
  echo "clarity: slot ${clarity_now} cannot be booted"
done
`

// uBoot gives the files of the loader's partition that are no slot's.
func (i *Image) uBoot() []fat.File {
	text := strings.NewReplacer("@SLOT", loader.UBootSlot, "@ONCE", loader.UBootOnce, "@STATE", bootdisk.State,
		"@AT", fmt.Sprintf("%x", loader.UBootAt/disk.Sector), "@SIZE", fmt.Sprintf("%x", loader.UBootSize),
		"@ENTRY", strings.TrimSuffix(loader.Entry(slots.A), slots.A.String())).Replace(uBootScript)
	return []fat.File{{Path: "boot.scr", Data: scriptImage(text, i.Epoch)}}
}

// scriptImage wraps a script as U-Boot's command source takes it (include/image.h there,
// struct legacy_img_hdr; a script has a list of lengths before its text).
func scriptImage(text string, epoch int64) []byte {
	const magic, linux, arm64, script, headerSize = 0x27051956, 5, 22, 6, 64
	data := binary.BigEndian.AppendUint32(nil, uint32(len(text)))
	data = append(append(data, 0, 0, 0, 0), text...)
	header := func(sum uint32) []byte {
		b := bytes.NewBuffer(nil)
		for _, word := range []uint32{magic, sum, uint32(epoch), uint32(len(data)), 0, 0, crc32.ChecksumIEEE(data)} {
			b.Write(binary.BigEndian.AppendUint32(nil, word))
		}
		b.Write([]byte{linux, arm64, script, 0})
		b.WriteString("ClarityOS")
		return append(b.Bytes(), make([]byte, headerSize-b.Len())...)
	}
	return append(header(crc32.ChecksumIEEE(header(0))), data...)
}
