package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"text/tabwriter"
)

// sizeCommand asks whether costs stay flat as accounts grow: two rigs side by side, measured by turns, so
// that a neighbour's work on the machine meets both.
type sizeCommand struct {
	rigCommand
	Many int `help:"How many accounts the second rig has; the first has --accounts." default:"1000000"`
}

func (c *sizeCommand) Run(ctx context.Context) (err error) {
	chosen, err := c.chosen()
	if err != nil {
		return err
	}
	var targets [2]*target
	var meters [2]meter
	for i, accounts := range []int{c.Accounts, c.Many} {
		one := c.rigCommand
		one.Accounts = accounts
		r, t, m, err2 := one.up(ctx)
		if r != nil {
			defer func() { err = errors.Join(err, r.close()) }()
		}
		if err2 != nil {
			return err2
		}
		if err := c.ready(ctx, t); err != nil {
			return err
		}
		targets[i], meters[i] = t, m
	}
	costs := map[string]*[2][]float64{}
	for n := range c.Rounds {
		for _, k := range chosen {
			for i, t := range targets {
				ops, err := k.ready(ctx, t, c.Workers)
				if err != nil {
					return err
				}
				r, err := measure(ctx, k, ops, meters[i], bounds{c.Workers, c.Duration, c.Count})
				if err != nil {
					return err
				}
				if costs[k.name] == nil {
					costs[k.name] = new([2][]float64)
				}
				costs[k.name][i] = append(costs[k.name][i], r.beside())
			}
			last := costs[k.name]
			fmt.Fprintf(os.Stderr, "round %d of %d: %s: %.1f and %.1f signatures\n", n+1, c.Rounds, k.name, last[0][n], last[1][n])
		}
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "\noperation\tsignatures at %d\tat %d\tratio\t\n", c.Accounts, c.Many)
	for _, k := range chosen {
		few, many := middle(costs[k.name][0]), middle(costs[k.name][1])
		fmt.Fprintf(w, "%s\t%.1f\t%.1f\t%.2f\t\n", k.name, few, many, many/few)
	}
	fmt.Fprintf(w, "\n")
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Printf("Medians of %d interleaved rounds, %d workers; a full login is counted without its password hash.\n", c.Rounds, c.Workers)
	return nil
}

func middle(v []float64) float64 {
	v = slices.Clone(v)
	slices.SortFunc(v, cmp.Compare)
	return v[len(v)/2]
}
