package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/propusk/propusk/storage/storagetest/servers"
	"github.com/propusk/propusk/ui/uitest"
)

// A need is a program that tests use, and the Debian package that brings it.
type need struct {
	pkg     string
	present func() bool
}

func needs() []need {
	return []need{
		{"postgresql", func() bool { _, _, err := servers.FindPostgres(); return err == nil }},
		{"redis-server", func() bool { _, err := servers.FindRedis(); return err == nil }},
		{"chromium", func() bool { return chromium() != "" }},
		// Letters and pages are looked at with a font that has Cyrillic.
		{"fonts-dejavu-core", func() bool {
			_, err := os.Stat("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf")
			return err == nil
		}},
		// Signatures are made and GOST is computed by OpenSSL.
		{"openssl", func() bool { _, err := exec.LookPath("openssl"); return err == nil }},
		{"libengine-gost-openssl", func() bool { return exec.Command("openssl", "engine", "-t", "gost").Run() == nil }},
		// The scripts of docs/post.md are run.
		{"jq", func() bool { _, err := exec.LookPath("jq"); return err == nil }},
		{"npm", func() bool { _, err := exec.LookPath("npm"); return err == nil }},
		{"gcc", func() bool { _, err := exec.LookPath("gcc"); return err == nil }},
		{"libc6-dev", func() bool { _, err := os.Stat("/usr/include/stdio.h"); return err == nil }},
	}
}

// chromium finds the browser that the browser tests drive.
func chromium() string {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

// install brings the missing packages.
func install(ctx context.Context) error {
	var missing []string
	for _, n := range needs() {
		if !n.present() {
			missing = append(missing, n.pkg)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	fmt.Println("installing", missing)
	apt := func(args ...string) error {
		name := "apt-get"
		if os.Getuid() != 0 {
			name, args = "sudo", append([]string{"-n", "apt-get"}, args...)
		}
		cmd := exec.CommandContext(ctx, name, args...)
		cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
		out, err := cmd.CombinedOutput()
		if err != nil {
			return fmt.Errorf("apt-get %v: %w\n%s", args, err, out)
		}
		return nil
	}
	if err := apt("update"); err != nil {
		return err
	}
	return apt(append([]string{"install", "-y", "--no-install-recommends"}, missing...)...)
}

// provide starts the servers and finds the browser; what is absent is left out, and the tests that need
// it skip themselves and say so.
func (m *maker) provide(ctx context.Context) (err error) {
	// Not under a private TMPDIR: PostgreSQL may run as another user.
	if m.dir, err = os.MkdirTemp("", "propusk-test-*"); err != nil {
		return err
	}
	add := func(variable string, s *servers.Server, err error) error {
		if errors.Is(err, servers.ErrMissing) {
			return nil
		}
		if err != nil {
			return err
		}
		m.running = append(m.running, s)
		m.env = append(m.env, variable+"="+s.URL)
		return nil
	}
	pg, err := servers.Postgres(ctx, m.dir, servers.Fast)
	if err := add("PROPUSK_TEST_POSTGRES", pg, err); err != nil {
		return err
	}
	rd, err := servers.Redis(ctx, m.dir, servers.Fast)
	if err := add("PROPUSK_TEST_REDIS", rd, err); err != nil {
		return err
	}
	if path := chromium(); path != "" {
		m.env = append(m.env, "CHROMIUM="+path)
	}
	if script, err := fetchAxe(ctx, filepath.Join(m.dir, "axe")); err != nil {
		fmt.Println("axe-core:", err)
	} else {
		m.env = append(m.env, uitest.AxeVariable+"="+script)
	}
	if m.require { // a test without its server fails at once, and says why
		m.env = append(m.env, "PROPUSK_REQUIRE=1")
	}
	return nil
}

// stop ends the servers and removes their files.
func (m *maker) stop() error {
	var errs []error
	for _, s := range m.running {
		errs = append(errs, s.Stop())
	}
	if m.dir != "" {
		errs = append(errs, os.RemoveAll(m.dir))
	}
	return errors.Join(errs...)
}
