//go:build man

package main

import "clarityos/cmd/internal/manual"

func init() { manual.Write(newRoot()) }
