package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"

	"github.com/google/renameio/v2"

	"clarityos/init/devices"
	"clarityos/init/network"
	"clarityos/init/setup"
	"clarityos/init/spawn"
	"clarityos/services/bus"
	"clarityos/services/bus/client"
	"clarityos/services/compile"
	"clarityos/services/plan"
	"clarityos/services/unit"
	"clarityos/update/slots/gate"
)

// thePlan reads the image's plan, or the copy of it.
func thePlan() (*plan.Plan, error) {
	var errs []error
	for _, path := range []string{plan.Path, plan.Spare} {
		b, err := os.ReadFile(path)
		if err == nil {
			var p *plan.Plan
			if p, err = plan.Decode(b, ""); err == nil {
				return p, nil
			}
		}
		errs = append(errs, fmt.Errorf("%s: %w", path, err))
	}
	return nil, errors.Join(errs...)
}

func runDevices(ctx context.Context, _ []string) error {
	p, err := thePlan()
	if err != nil {
		return err
	}
	publisher := client.NewPublisher(bus.Path, func(err error) { say(err.Error()) })
	go publisher.Run(ctx)
	var once sync.Once // a corrupt root has many blocks
	return devices.Run(ctx, p.System.Modules, say, func(e devices.Event) {
		publisher.Publish(&bus.HardwareChange{Action: e.Action, Subsystem: e.Subsystem, Device: e.Path})
		if e.Corrupt != "" {
			once.Do(func() { go corrupt(ctx, e.Corrupt, p.System.Trial.Restart) })
		}
	})
}

// corrupt tells of a block of the root that is not what it was.
func corrupt(ctx context.Context, block string, restart bool) {
	if err := gate.Corrupt(ctx, block, restart, say); err != nil {
		say(err.Error())
	}
}

func runSetup(ctx context.Context, args []string) error {
	if len(args) == 1 && args[0] == "--stop" {
		return setup.Stop()
	}
	p, err := thePlan()
	if err != nil {
		return err
	}
	err = setup.Run(ctx, p, say)
	takeOrder(ctx)
	return err
}

func runNetwork(ctx context.Context, _ []string) error {
	p, err := thePlan()
	if err != nil {
		return err
	}
	return network.Run(ctx, p.System.Network, say)
}

// machineValues is what the specifiers of the running machine stand for.
func machineValues() map[byte]string {
	values := map[byte]string{}
	for _, letter := range []byte(unit.Machine) {
		values[letter] = spawn.MachineValue(letter)
	}
	return values
}

// compilePlan compiles the units of the running root into the file it is given,
// with instances of templates that no unit names.
func compilePlan(_ context.Context, args []string) error {
	if len(args) < 1 {
		return errors.New("usage: clarityd compile FILE [INSTANCE…]")
	}
	old, err := thePlan()
	if err != nil {
		return err
	}
	next, err := compile.Again(os.DirFS("/"), old, machineValues(), args[1:])
	if err != nil {
		return fmt.Errorf("compile the units of this root: %w", err)
	}
	b, err := plan.Encode(next)
	if err != nil {
		return err
	}
	return renameio.WriteFile(args[0], b, 0o600)
}
