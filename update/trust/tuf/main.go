package tuf

import (
	"fmt"
	"io"
	"io/fs"

	"clarityos/update/trust"
)

// Main is the child that trust.Refresh talks to by in and out. It confines the process,
// so it has to be the process's whole purpose.
func Main(in io.Reader, out io.Writer) error {
	missing, err := confine()
	if err != nil {
		return fmt.Errorf("confine the reader of metadata: %w", err)
	}
	var req trust.Request
	if err := trust.Receive(in, &req); err != nil {
		return err
	}
	var broken error // of the conversation; then nobody waits for the result
	res := Refresh(req, func(name string, most int64) ([]byte, error) {
		if broken != nil {
			return nil, broken
		}
		var a trust.Answer
		if broken = trust.Send(out, trust.Call{Get: name, Most: most}); broken == nil {
			broken = trust.Receive(in, &a)
		}
		switch {
		case broken != nil:
			return nil, broken
		case a.Reason == trust.Missing:
			return nil, fs.ErrNotExist
		case a.Reason != "":
			return nil, trust.ErrTooLarge
		}
		return a.Bytes, nil
	})
	if broken != nil {
		return broken
	}
	res.Notices = append(res.Notices, missing...)
	return trust.Send(out, trust.Call{Result: &res})
}
