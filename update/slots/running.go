package slots

// RunningFile is where stage 1 says, as JSON of a Running, what it has chosen. Where it is
// missing, the machine has no slots.
const RunningFile = "/run/clarity/slot"

// Running is what a boot has chosen.
type Running struct {
	Slot   string `json:"slot"` // a or b
	Reason string `json:"reason"`
	Worse  bool   `json:"worse,omitempty"` // it is not the slot that the record wants
	Record string `json:"record"`          // the partition with the record, below /dev
	Loader string `json:"loader"`          // what has loaded the kernel, as far as it can be asked: systemd-boot, or none
}
