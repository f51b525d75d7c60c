package log

import (
	"context"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// follow goes on at the end of the store, for as long as the context lasts. If
// the store moves from began to another folder, it goes on there.
func (r *reader) follow(began string) error {
	w, err := watch(r.dir)
	if err != nil {
		return err
	}
	defer func() { w.close() }()
	for {
		// What was written between reading and watching is read first.
		if err := r.from(r.at); err != nil {
			return err
		}
		if r.ended || r.ctx.Err() != nil {
			return nil
		}
		if to := Locate(began); to != r.dir {
			r.dir, r.at, r.moved = to, cursor{}, true
			if r.boot == "" {
				r.boot, _ = CurrentBoot() // nothing was there yet
			}
			w.close()
			if w, err = watch(to); err != nil {
				return err
			}
			continue
		}
		if err := w.wait(r.ctx); err != nil {
			return err
		}
	}
}

// watcher waits for changes of a folder.
type watcher struct{ file *os.File }

func watch(dir string) (*watcher, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("watch %s: %w", dir, err)
	}
	w := &watcher{os.NewFile(uintptr(fd), "inotify")}
	if _, err := unix.InotifyAddWatch(fd, dir, unix.IN_MODIFY|unix.IN_CREATE|unix.IN_MOVED_TO|unix.IN_DELETE); err != nil {
		w.close()
		return nil, fmt.Errorf("watch %s: %w", dir, err)
	}
	return w, nil
}

// wait returns after a change, or nil when the context ends.
func (w *watcher) wait(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { w.file.Close() })
	defer stop()
	var buf [4096]byte
	_, err := w.file.Read(buf[:])
	if ctx.Err() != nil || errors.Is(err, os.ErrClosed) {
		return nil
	}
	return err
}

func (w *watcher) close() { w.file.Close() }
