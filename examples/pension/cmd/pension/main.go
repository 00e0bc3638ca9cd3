// Command pension runs the example site on its own, beside any Propusk provider.
package main

import (
	"context"
	"log"
	"os"
	"os/signal"

	"github.com/propusk/propusk/examples/pension"
	"github.com/propusk/propusk/examples/relyingparty"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	cfg, err := relyingparty.FromFlags("pension", "localhost:8083", os.Args[1:])
	if err == nil {
		err = pension.Run(ctx, cfg)
	}
	if err != nil {
		log.Fatal(err)
	}
}
