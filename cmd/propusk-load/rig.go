package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/propusk/propusk/cmd/internal/config"
	"github.com/propusk/propusk/examples/simulators"
	"github.com/propusk/propusk/idp/authn/password"
	"github.com/propusk/propusk/storage/storagetest/servers"
)

// rigCommand measures the provider as shipped: the example configuration, with addresses, stores and files
// of its own; everything else as it stands there.
type rigCommand struct {
	load
	Config   string `help:"The configuration to measure." default:"propusk.example.yaml" type:"existingfile"`
	Accounts int    `help:"How many accounts there are." default:"1000"`
	SQLite   bool   `name:"sqlite" help:"SQLite instead of PostgreSQL and Redis."`
	Programs string `help:"Where propusk and propuskctl are; empty: beside this program." type:"path"`
	Profile  string `help:"Write a processor profile (pprof) of the provider there." type:"path" placeholder:"FILE"`
	Keep     bool   `help:"Leave the directory with data and logs."`
}

// A rig is what runs for the time of a measurement.
type rig struct {
	*rigCommand
	dir      string
	environ  []string
	issuer   string
	provider *exec.Cmd
	ended    chan error
	stores   []*servers.Server
	stop     []func() error
}

func (c *rigCommand) Run(ctx context.Context) (err error) {
	r, t, m, err := c.up(ctx)
	if r != nil {
		defer func() { err = errors.Join(err, r.close()) }()
	}
	if err != nil {
		return err
	}
	return c.drive(ctx, t, m, os.Stdout)
}

// up starts everything. What it returns has to be closed, on an error too.
func (c *rigCommand) up(ctx context.Context) (r *rig, t *target, m meter, err error) {
	if c.Accounts < c.Workers*perWorker {
		return nil, nil, m, fmt.Errorf("%d workers need at least %d accounts", c.Workers, c.Workers*perWorker)
	}
	r = &rig{rigCommand: c}
	if r.dir, err = os.MkdirTemp("", "propusk-load-*"); err != nil {
		return nil, nil, m, err
	}
	if err := r.neighbours(ctx); err != nil {
		return r, nil, m, err
	}
	if err := r.settings(ctx); err != nil {
		return r, nil, m, err
	}
	if t, err = r.prepare(ctx); err != nil {
		return r, nil, m, err
	}
	if err := r.start(ctx); err != nil {
		return r, nil, m, err
	}
	cfg, err := config.Load(c.Config, append(os.Environ(), r.environ...))
	if err != nil {
		return r, nil, m, err
	}
	t.stride = c.Accounts / (c.Workers * perWorker)
	m.provider = r.provider.Process.Pid
	for _, s := range r.stores {
		m.stores = append(m.stores, s.PID)
	}
	m.hash = password.Params{Memory: cfg.Passwords.MemoryKiB, Time: cfg.Passwords.Passes, Threads: cfg.Passwords.Threads}
	m.admitted = hashesAtOnce(cfg.Passwords.Admitted)
	return r, t, m, nil
}

// neighbours starts the outside world, whose work is not counted.
func (r *rig) neighbours(ctx context.Context) error {
	clock, err := simulators.OpenClock(filepath.Join(r.dir, "world"))
	if err != nil {
		return err
	}
	listener := func() (net.Listener, error) { return net.Listen("tcp", "127.0.0.1:0") }
	pages, err1 := listener()
	smtp, err2 := listener()
	api, err3 := listener()
	if err := errors.Join(err1, err2, err3); err != nil {
		return err
	}
	token := filepath.Join(r.dir, "token")
	if err := os.WriteFile(token, []byte("load\n"), 0o600); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() {
		done <- simulators.Run(ctx, simulators.Config{
			World: []net.Listener{pages}, SMTP: []net.Listener{smtp}, API: []net.Listener{api},
			PublicURL: "http://" + pages.Addr().String(), Dir: filepath.Join(r.dir, "world"), Token: "load", Clock: clock,
		})
	}()
	r.stop = append(r.stop, func() error { cancel(); return <-done })
	base := "http://" + api.Addr().String()
	for _, name := range []string{"REGISTRIES_PENSION", "REGISTRIES_INTERIOR", "REGISTRIES_TAX", "POST_URL", "SMS_URL"} {
		r.set(name, base)
	}
	for _, name := range []string{"REGISTRIES_TOKEN_FILE", "POST_TOKEN_FILE", "SMS_TOKEN_FILE"} {
		r.set(name, token)
	}
	r.set("MAIL_SERVER", smtp.Addr().String())
	r.set("MAIL_TLS", "none")
	r.set("MAIL_USER", "")
	r.set("MAIL_PASSWORD_FILE", "")
	return nil
}

func (r *rig) set(name, value string) { r.environ = append(r.environ, "PROPUSK_"+name+"="+value) }

// settings gives the provider addresses, stores and a master key of its own.
func (r *rig) settings(ctx context.Context) error {
	public, err1 := servers.FreePort()
	admin, err2 := servers.FreePort()
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	r.issuer = "http://localhost:" + strconv.Itoa(public)
	r.set("ISSUER", r.issuer)
	r.set("LISTEN", fmt.Sprintf("127.0.0.1:%d,[::1]:%d", public, public))
	r.set("ADMIN_LISTEN", "127.0.0.1:"+strconv.Itoa(admin))
	r.set("KEYS_MASTER", filepath.Join(r.dir, "master.key"))
	if r.SQLite {
		r.set("STORES_RECORDS", "sqlite:"+filepath.Join(r.dir, "records.db"))
		r.set("STORES_TRANSIENTS", "sqlite:"+filepath.Join(r.dir, "transients.db"))
		return nil
	}
	pg, err := servers.Postgres(ctx, r.dir, servers.Durable)
	if err != nil {
		return err
	}
	r.stores = append(r.stores, pg)
	redis, err := servers.Redis(ctx, r.dir, servers.Durable)
	if err != nil {
		return err
	}
	r.stores = append(r.stores, redis)
	r.set("STORES_RECORDS", pg.Local)
	r.set("STORES_TRANSIENTS", redis.URL)
	return nil
}

func (r *rig) program(name string) (string, error) {
	dir := r.Programs
	if dir == "" {
		self, err := os.Executable()
		if err != nil {
			return "", err
		}
		dir = filepath.Dir(self)
	}
	return filepath.Join(dir, name), nil
}

// control runs propuskctl and returns what it printed.
func (r *rig) control(ctx context.Context, args ...string) (string, error) {
	path, err := r.program("propuskctl")
	if err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env = append(os.Environ(), r.environ...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, os.Stderr
	if args[0] == "seed" {
		cmd.Stdout = io.MultiWriter(os.Stderr, &out)
	}
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("propuskctl %s: %w", args[0], err)
	}
	return out.String(), nil
}

// prepare makes the key, the tables, the accounts and the client.
func (r *rig) prepare(ctx context.Context) (*target, error) {
	at := "--config=" + r.Config
	if _, err := r.control(ctx, "keys", "create", filepath.Join(r.dir, "master.key")); err != nil {
		return nil, err
	}
	if _, err := r.control(ctx, "migrate", at); err != nil {
		return nil, err
	}
	if _, err := r.control(ctx, "seed", "--yes", "--accounts", strconv.Itoa(r.Accounts), at); err != nil {
		return nil, err
	}
	redirect := "http://127.0.0.1:9/callback"
	out, err := r.control(ctx, "rp", "add", "load", at, "--name-ru", "Нагрузка", "--name-en", "Load", "--redirect", redirect,
		"--grant", "authorization_code,refresh_token,client_credentials", "--scope", "openid,profile,email,phone,snils,offline_access")
	if err != nil {
		return nil, err
	}
	_, secret, ok := strings.Cut(out, "shown this once:\n")
	if !ok {
		return nil, errors.New("propuskctl rp add printed no secret")
	}
	return &target{issuer: r.issuer, clientID: "load", secret: strings.TrimSpace(secret), redirect: redirect}, nil
}

// start runs the provider and waits until it answers.
func (r *rig) start(ctx context.Context) error {
	path, err := r.program("propusk")
	if err != nil {
		return err
	}
	log, err := os.Create(filepath.Join(r.dir, "propusk.log"))
	if err != nil {
		return err
	}
	defer log.Close()
	args := []string{"serve", "--config", r.Config}
	if r.Profile != "" {
		args = append(args, "--profile", r.Profile)
	}
	r.provider = exec.Command(path, args...)
	r.provider.Env = append(os.Environ(), r.environ...)
	r.provider.Stdout, r.provider.Stderr = log, log
	r.provider.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := r.provider.Start(); err != nil {
		return err
	}
	r.ended = make(chan error, 1)
	go func() { r.ended <- r.provider.Wait() }()
	client := &http.Client{Transport: newTransport(1), Timeout: 2 * time.Second}
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); {
		resp, err := client.Get(r.issuer + "/.well-known/openid-configuration")
		if err == nil {
			resp.Body.Close()
			return nil
		}
		select {
		case err := <-r.ended:
			text, _ := os.ReadFile(log.Name())
			r.ended <- err
			return fmt.Errorf("the provider ended: %w\n%s", err, text)
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
	return errors.New("the provider does not answer")
}

// close ends everything, the provider first.
func (r *rig) close() error {
	var errs []error
	if r.provider != nil && r.provider.Process != nil {
		if err := r.provider.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
			errs = append(errs, err)
		}
		select {
		case <-r.ended:
		case <-time.After(30 * time.Second):
			errs = append(errs, r.provider.Process.Kill())
		}
	}
	for _, s := range r.stores {
		errs = append(errs, s.Stop())
	}
	for _, stop := range r.stop {
		errs = append(errs, stop())
	}
	if r.Keep {
		fmt.Fprintln(os.Stderr, "kept:", r.dir)
	} else {
		errs = append(errs, os.RemoveAll(r.dir))
	}
	return errors.Join(errs...)
}
