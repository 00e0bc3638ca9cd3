// Command voting runs the example site on its own, beside any Propusk provider.
package main

import (
	"context"
	"log"
	"os"
	"os/signal"

	"github.com/propusk/propusk/examples/relyingparty"
	"github.com/propusk/propusk/examples/voting"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	cfg, err := relyingparty.FromFlags("voting", "localhost:8084", os.Args[1:])
	if err == nil {
		err = voting.Run(ctx, cfg)
	}
	if err != nil {
		log.Fatal(err)
	}
}
