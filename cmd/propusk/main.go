// Command propusk is the identity provider: alone by a configuration file, or as a demo with the whole
// world around it. It reads flags and configuration, builds everything and waits for the end.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/alecthomas/kong"
)

type commandLine struct {
	Demo    demoCommand    `cmd:"" help:"Run the provider with relying parties, registries, post, SMS and mail on this machine; nothing else is needed."`
	Serve   serveCommand   `cmd:"" help:"Run the provider alone."`
	Version versionCommand `cmd:"" help:"Print the version."`
}

type versionCommand struct{}

func (versionCommand) Run() error {
	version, revision := "development", ""
	if info, ok := debug.ReadBuildInfo(); ok {
		if info.Main.Version != "" && info.Main.Version != "(devel)" {
			version = info.Main.Version
		}
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				revision = " " + s.Value
			}
		}
	}
	fmt.Printf("propusk %s%s\n", version, revision)
	return nil
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	var line commandLine
	todo := kong.Parse(&line, kong.Name("propusk"), kong.UsageOnError(),
		kong.Description("An OpenID Connect provider that says how sure it is who somebody is, and how that became known."),
		kong.BindTo(ctx, (*context.Context)(nil)))
	err := todo.Run()
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "propusk:", err)
		os.Exit(1)
	}
}
