package main

import (
	"strings"
	"testing"

	"clarityos/images"
)

func TestTrainWithoutDisk(t *testing.T) {
	_, err := (&training{img: &images.Image{Name: "x"}}).run(t.Context())
	if err == nil || !strings.Contains(err.Error(), "add [data] to its definition") {
		t.Error(err)
	}
}
