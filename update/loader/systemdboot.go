package loader

import (
	"strings"

	"clarityos/update/slots"
)

// systemdBoot is asked by the variables of the Boot Loader Interface
// (systemd.io/BOOT_LOADER_INTERFACE).
type systemdBoot struct{ variables }

// bootLoaderInterface is the vendor of these variables.
const bootLoaderInterface = "4a67b082-0a4c-41cf-b6c7-440b29bb8c4f"

func (systemdBoot) String() string { return "systemd-boot" }

// Entry is the name of a slot's boot entry, without its suffix.
func Entry(s slots.Slot) string { return "clarity-" + s.String() }

// loaded says whether it has loaded the kernel that runs.
func (l systemdBoot) loaded() bool {
	info, err := l.get("LoaderInfo")
	return err == nil && strings.HasPrefix(info, "systemd-boot")
}

func (l systemdBoot) ArmOnce(s slots.Slot) error {
	return l.set("LoaderEntryOneShot", Entry(s)+".conf")
}

func (l systemdBoot) Commit(s slots.Slot) error { return l.set("LoaderEntryDefault", Entry(s)+".conf") }

// partition is the GUID of the one that it lies on.
func (l systemdBoot) partition() string {
	guid, _ := l.get("LoaderDevicePartUUID")
	return guid
}

func (l systemdBoot) get(name string) (string, error) {
	b, err := l.read(name, bootLoaderInterface)
	if err != nil {
		return "", err
	}
	text, _, err := decodeText(b)
	return text, err
}

func (l systemdBoot) set(name, text string) error {
	return l.write(name, bootLoaderInterface, encodeText(text))
}
