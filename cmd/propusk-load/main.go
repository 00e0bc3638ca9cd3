// Command propusk-load puts a running provider under load and tells what an operation costs.
//
//	propusk-load run    drives a provider that is running on this machine
//	propusk-load rig    starts PostgreSQL, Redis and the provider as shipped, fills them and drives them
//	propusk-load size   does so twice, with few accounts and with many, and compares the costs
//	propusk-load compare   does so twice, with two builds of the programs
//
// It is a closed loop: each of N workers begins the next operation when the last has ended. Costs are
// processor time of the provider and of its stores, from the operating system's accounting, divided by
// the operations. Machines differ and drift, so the cost column is in ES256 signatures made on the same
// machine between the measurements: the one piece of work that a sign-in cannot do without.
//
// Only programs on this machine are driven: it refuses every address that is not loopback.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

type commandLine struct {
	Run runCommand `cmd:"" help:"Drive a provider that is running on this machine."`
	Rig rigCommand `cmd:"" help:"Start private servers and the provider as shipped, fill them and drive them."`
	// Size and Compare are Rig twice.
	Size    sizeCommand    `cmd:"" help:"Compare the costs with few accounts and with many."`
	Compare compareCommand `cmd:"" help:"Compare the costs of two builds."`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	var line commandLine
	todo := kong.Parse(&line, kong.Name("propusk-load"), kong.UsageOnError(),
		kong.Description("Puts a running provider under load and tells what an operation costs, in ES256 signatures of this machine."),
		kong.BindTo(ctx, (*context.Context)(nil)))
	err := todo.Run()
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "propusk-load:", err)
		os.Exit(1)
	}
}
