package qemu

import (
	"context"
	"encoding/json"
	"fmt"

	"clarityos/qemu/agent"
)

// Unit holds once a unit of the guest is in the state, such as "active".
func (m *Machine) Unit(name, state string) Condition { return unitState{m, name, state} }

type unitState struct {
	m           *Machine
	name, state string
}

func (c unitState) String() string { return fmt.Sprintf("%s to be %s", c.name, c.state) }

func (c unitState) Wait(ctx context.Context) error {
	return repeat(ctx, func() error {
		res, err := c.m.Run(ctx, agent.Command{Args: []string{"clarityctl", "status", "--json", c.name}})
		if err != nil {
			return err
		}
		state, err := stateOf(c.name, res.Stdout)
		switch {
		case !res.OK():
			return fmt.Errorf("clarityctl status: %v", res)
		case err != nil:
			return err
		case state != c.state:
			return fmt.Errorf("it is %s", state)
		}
		return nil
	})
}

// stateOf finds a unit's state in what `clarityctl status --json UNIT` prints.
func stateOf(name string, text []byte) (string, error) {
	var answer struct {
		State string `json:"state"`
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		return "", fmt.Errorf("clarityctl status %s: %w in %q", name, err, text)
	}
	return answer.State, nil
}
