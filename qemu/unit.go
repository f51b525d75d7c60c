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
		state, err := stateOf(res.Stdout)
		switch {
		case err != nil: // its exit code also tells of units that failed
			return fmt.Errorf("clarityctl status %s: %w; %v", c.name, err, res)
		case state != c.state:
			return fmt.Errorf("it is %s", state)
		}
		return nil
	})
}

// stateOf finds the unit's state in what `clarityctl status --json UNIT` prints.
func stateOf(text []byte) (string, error) {
	var answer struct {
		Units []struct {
			Active string `json:"active"`
		} `json:"units"`
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		return "", err
	}
	if len(answer.Units) != 1 {
		return "", fmt.Errorf("it tells of %d units", len(answer.Units))
	}
	return answer.Units[0].Active, nil
}
