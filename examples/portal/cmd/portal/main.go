// Command portal runs the example site on its own, beside any Propusk provider.
package main

import (
	"context"
	"log"
	"os"
	"os/signal"

	"github.com/propusk/propusk/examples/portal"
	"github.com/propusk/propusk/examples/relyingparty"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	cfg, err := relyingparty.FromFlags("portal", "localhost:8081", os.Args[1:])
	if err == nil {
		err = portal.Run(ctx, cfg)
	}
	if err != nil {
		log.Fatal(err)
	}
}
