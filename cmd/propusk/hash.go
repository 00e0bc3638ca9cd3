package main

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/propusk/propusk/cmd/internal/config"
	"github.com/propusk/propusk/idp/authn/password"
	"github.com/propusk/propusk/idp/authn/password/apart"
)

// hashApart starts the processes that hash passwords. Where their program is missing the provider hashes
// itself, and says so: it works as well, only that single sign-on is slower while many sign in.
func hashApart(ctx context.Context, p config.Passwords, log *slog.Logger) (derive password.Deriver, end func(), err error) {
	if p.Helper == "" {
		return nil, func() {}, nil
	}
	path := p.Helper
	if filepath.Base(path) == path {
		self, err := os.Executable()
		if err != nil {
			return nil, nil, err
		}
		path = filepath.Join(filepath.Dir(self), path)
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		log.WarnContext(ctx, "passwords.helper is missing; propusk hashes passwords itself", "path", path)
		return nil, func() {}, nil
	}
	crew := apart.Start(apart.Config{
		Path: path, Workers: password.Limit{Concurrent: p.Admitted}.Turns(), Threads: p.Threads, Log: log,
	})
	return crew.Derive, crew.Close, nil
}
