package images

import (
	"fmt"
	"os"
	"reflect"
)

// overlay reads the definition in path and lays it over d: its lists are added
// to d's, and any other key that it has replaces d's, a table as a whole. Paths
// of its sources are relative to d's folder, like those of d.
func (d *Definition) overlay(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read overlay: %w", err)
	}
	over, err := parseDefinition(path, text)
	if err != nil {
		return err
	}
	from, to := reflect.ValueOf(*over), reflect.ValueOf(d).Elem()
	for i := range from.NumField() {
		switch f := from.Field(i); {
		case f.IsZero():
		case f.Kind() == reflect.Slice:
			to.Field(i).Set(reflect.AppendSlice(to.Field(i), f))
		default:
			to.Field(i).Set(f)
		}
	}
	return nil
}
