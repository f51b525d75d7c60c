package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/godbus/dbus/v5"
)

// awaitBusName ends with success once a name has an owner on the system bus.
// PID 1 runs it for services of Type=dbus and bounds the wait.
func awaitBusName(ctx context.Context, args []string) error {
	if len(args) != 1 {
		return errors.New("usage: clarityd bus-name NAME")
	}
	name := args[0]
	bus, err := dbus.ConnectSystemBus(dbus.WithContext(ctx))
	if err != nil {
		return fmt.Errorf("system bus: %w", err)
	}
	defer bus.Close()
	changes := make(chan *dbus.Signal, 16)
	bus.Signal(changes)
	// The watch begins before the question, so that no change falls between.
	err = bus.AddMatchSignal(dbus.WithMatchSender("org.freedesktop.DBus"), dbus.WithMatchInterface("org.freedesktop.DBus"),
		dbus.WithMatchMember("NameOwnerChanged"), dbus.WithMatchArg(0, name))
	if err != nil {
		return fmt.Errorf("watch %s on the system bus: %w", name, err)
	}
	var owned bool
	if err := bus.BusObject().Call("org.freedesktop.DBus.NameHasOwner", 0, name).Store(&owned); err != nil {
		return fmt.Errorf("ask for %s on the system bus: %w", name, err)
	}
	for !owned {
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s did not appear on the system bus", name)
		case s, ok := <-changes:
			if !ok {
				return errors.New("the system bus closed the connection")
			}
			owned = len(s.Body) == 3 && s.Body[0] == name && s.Body[2] != ""
		}
	}
	return nil
}
