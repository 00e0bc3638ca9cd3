// Command bank runs the example online bank on its own, beside any Propusk provider.
package main

import (
	"context"
	"log"
	"os"
	"os/signal"

	"github.com/propusk/propusk/examples/bank"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	cfg, err := bank.FromFlags("localhost:8085", os.Args[1:])
	if err == nil {
		err = bank.Run(ctx, cfg)
	}
	if err != nil {
		log.Fatal(err)
	}
}
