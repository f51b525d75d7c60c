package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"clarityos/update/backup"
	"clarityos/update/installed"
	"clarityos/update/state"
)

// backups does what `clarityctl backup` asks for: list, which prints a JSON list of
// index.Info, verify ID, and restore ID, which the next boot does.
func backups(ctx context.Context, args []string) error {
	switch {
	case len(args) == 1 && args[0] == "list":
		all, err := backup.List(backup.Dir)
		if err != nil {
			return err
		}
		return json.NewEncoder(os.Stdout).Encode(all)
	case len(args) == 2 && args[0] == "verify":
		return backup.Verify(ctx, backup.Dir, args[1])
	case len(args) == 2 && args[0] == "restore":
		return orderRestore(ctx, args[1])
	}
	return errors.New("usage: clarity-update backup list|verify ID|restore ID")
}

// orderRestore has the next boot restore a backup that it can read.
func orderRestore(ctx context.Context, id string) error {
	image, err := installed.Read()
	if err != nil {
		return err
	}
	if err := backup.Verify(ctx, backup.Dir, id); err != nil {
		return err
	}
	all, err := backup.List(backup.Dir)
	if err != nil {
		return err
	}
	n := state.Now{Version: image.Version, Schema: image.Schema, Order: id, Backups: all}
	if step := state.Decide(n); step.Do != state.Restore {
		return errors.New(step.Why)
	}
	if err := state.Order(state.OrderFile, id); err != nil {
		return fmt.Errorf("order it: %w", err)
	}
	return nil
}
