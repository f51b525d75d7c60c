package loader

import (
	"encoding/binary"
	"fmt"
	"slices"

	"clarityos/update/slots"
)

// bootNext is firmware that boots a slot's kernel by itself, by a boot option that is named
// as the slot's boot entry would be (UEFI 3.1).
type bootNext struct {
	variables
	options [2]uint16 // of A and B
}

// global is the vendor of the firmware's own variables.
const global = "8be4df61-93ca-11d2-aa0d-00e098032b8c"

// findBootNext gives the firmware when it has an option for each slot, else nil.
func findBootNext(v variables) Loader {
	l, found := bootNext{variables: v}, [2]bool{}
	for _, number := range v.numbered("Boot") {
		b, err := v.read(option(number), global)
		if err != nil || len(b) < 6 { // attributes (4) and the length of a path (2) come first
			continue
		}
		name, _, err := decodeText(b[6:])
		for i, s := range []slots.Slot{slots.A, slots.B} {
			if err == nil && name == Entry(s) && !found[i] {
				l.options[i], found[i] = number, true
			}
		}
	}
	if found != [2]bool{true, true} {
		return nil
	}
	return l
}

// option is the variable of a boot option.
func option(number uint16) string { return fmt.Sprintf("Boot%04X", number) }

func (bootNext) String() string { return "UEFI boot options" }

func (l bootNext) of(s slots.Slot) uint16 { return l.options[s-slots.A] }

func (l bootNext) ArmOnce(s slots.Slot) error {
	return l.write("BootNext", global, binary.LittleEndian.AppendUint16(nil, l.of(s)))
}

// Commit puts a slot's option in front of all others, whose order stays.
func (l bootNext) Commit(s slots.Slot) error {
	const name = "BootOrder"
	b, err := l.read(name, global)
	if err != nil {
		return err
	}
	order := binary.LittleEndian.AppendUint16(nil, l.of(s))
	for pair := range slices.Chunk(b, 2) {
		if len(pair) == 2 && binary.LittleEndian.Uint16(pair) != l.of(s) {
			order = append(order, pair...)
		}
	}
	return l.write(name, global, order)
}
