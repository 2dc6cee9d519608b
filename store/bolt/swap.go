package bolt

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Swap puts the store in the file at with, which is of the same folder, in the place of the file at path, and keeps what stood there
// under the name kept, which must be free. Whatever happens in between, also the end of the process, path
// names either the one store or the other, whole. When nothing stands at path, with takes the place, and kept is not made.
//
// The caller has both closed, or open with [OpenReadOnly]: that keeps a server from opening path until it is swapped.
func Swap(ctx context.Context, path, with, kept string) error {
	return swapping{link: os.Link, reached: func(string) error { return nil }}.swap(ctx, path, with, kept)
}

// swapping is what a swap uses of the world, for tests.
type swapping struct {
	link    func(from, to string) error
	reached func(step string) error // an error is the end of the process after that step
}

func (w swapping) swap(ctx context.Context, path, with, kept string) error {
	err := w.keep(ctx, path, kept)
	switch {
	case errors.Is(err, os.ErrNotExist):
		if err := publish(with, path); err != nil { // replaces nothing, should a server have begun a store meanwhile
			return fmt.Errorf("put the store in place: %w", err)
		}
		// Where there are no links it has been renamed.
		if err := os.Remove(with); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("put the store in place: %w", err)
		}
		return nil
	case err != nil:
		return fmt.Errorf("keep the present store: %w", err)
	}
	if err := w.reached("kept"); err != nil {
		return err
	}
	if err := os.Rename(with, path); err != nil {
		return fmt.Errorf("put the store in place: %w", err)
	}
	if err := w.reached("renamed"); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// keep gives the file a second name, or, where there are no links, makes a copy. os.ErrNotExist means that there is no file.
func (w swapping) keep(ctx context.Context, path, kept string) error {
	if _, err := os.Lstat(path); err != nil {
		return err
	}
	err := w.link(path, kept)
	if errors.Is(err, os.ErrExist) {
		return err
	}
	if err != nil {
		if err := copyFile(ctx, path, kept, w.reached); err != nil {
			return err
		}
	}
	return syncDir(filepath.Dir(kept))
}

// copyFile copies bytes: the file may be damaged. The copy appears under its name when it is whole.
func copyFile(ctx context.Context, path, to string, reached func(string) error) (err error) {
	from, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	temp, err := os.CreateTemp(filepath.Dir(to), "."+filepath.Base(to)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if gone := os.Remove(temp.Name()); gone != nil && !errors.Is(gone, os.ErrNotExist) {
			err = errors.Join(err, gone)
		}
	}()
	_, err = io.Copy(&endingWriter{ctx: ctx, w: temp}, from)
	if err == nil {
		err = temp.Sync()
	}
	if err = errors.Join(err, temp.Close()); err != nil {
		return err
	}
	if err := reached("copied"); err != nil {
		return err
	}
	return publish(temp.Name(), to)
}
