package discovery

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

const (
	// pace is how far apart the folder is written, however often sockets come and go.
	pace = 100 * time.Millisecond
	// again is when a write that failed is tried again.
	again = time.Second
)

// Keep keeps the folder at dir as the bus at path says, until ctx ends. The first of
// some troubles in a row is said.
func Keep(ctx context.Context, path, dir string, say func(string)) {
	latest := make(chan []Entry, 1)
	var following sync.WaitGroup
	defer following.Wait()
	following.Go(func() { feed(ctx, path, latest) })
	var folder *Folder
	var entries []Entry
	var retry <-chan time.Time
	told := false
	for {
		select {
		case <-ctx.Done():
			return
		case entries = <-latest:
		case <-retry:
		}
		retry = nil
		err := write(&folder, dir, Files(entries))
		if err != nil {
			if !told {
				say(fmt.Sprintf("%v; it is tried again every %v", err, again))
			}
			retry = time.After(again)
		}
		told = err != nil
		select {
		case <-ctx.Done():
			return
		case <-time.After(pace):
		}
	}
}

// write opens the folder where that has not been done, or has to be done anew.
func write(folder **Folder, dir string, files map[string]string) (err error) {
	if *folder == nil {
		if *folder, err = Open(dir); err != nil {
			return err
		}
	}
	if err = (*folder).Write(files); err != nil {
		*folder = nil
	}
	return err
}

// feed puts the newest entries in place of those that nobody has taken.
func feed(ctx context.Context, path string, latest chan []Entry) {
	table, err := Await(ctx, path)
	if err != nil {
		return // ctx has ended
	}
	changed := func() error {
		select {
		case <-latest:
		default:
		}
		latest <- table.Entries()
		return nil
	}
	_ = changed()
	_ = table.Follow(ctx, path, nil, changed) // it ends with ctx; that there is no bus others say
}

// Listed says whether the folder at dir has all of these entries that it can have.
func Listed(dir string, entries ...Entry) (bool, error) {
	text, err := os.ReadFile(filepath.Join(dir, List))
	if err != nil {
		return false, err
	}
	list := "\n" + string(text)
	for _, e := range entries {
		if l := line(e, maxList); l != "" && !strings.Contains(list, "\n"+l) {
			return false, nil
		}
	}
	return true, nil
}
