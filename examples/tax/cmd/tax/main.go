// Command tax runs the example site on its own, beside any Propusk provider.
package main

import (
	"context"
	"log"
	"os"
	"os/signal"

	"github.com/propusk/propusk/examples/relyingparty"
	"github.com/propusk/propusk/examples/tax"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	cfg, err := relyingparty.FromFlags("tax", "localhost:8082", os.Args[1:])
	if err == nil {
		err = tax.Run(ctx, tax.Config{Config: cfg, Policy: os.Getenv("TAX_POLICY") != ""})
	}
	if err != nil {
		log.Fatal(err)
	}
}
