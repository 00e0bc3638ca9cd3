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

// sizeCommand asks whether costs stay flat as accounts grow.
type sizeCommand struct {
	rigCommand
	Many int `help:"How many accounts the second rig has; the first has --accounts." default:"1000000"`
}

func (c *sizeCommand) Run(ctx context.Context) error {
	many := c.rigCommand
	many.Accounts = c.Many
	ratios, err := c.byTurns(ctx, fmt.Sprintf("at %d", c.Accounts), fmt.Sprintf("at %d", c.Many), &many)
	if !c.Assert || err != nil {
		return err
	}
	var errs []error
	for name, ratio := range ratios {
		errs = append(errs, held(name+", cost with many accounts by that with few", ratio, mostGrowth*c.Slack))
	}
	return errors.Join(errs...)
}

// compareCommand asks what a change of the program brought.
type compareCommand struct {
	rigCommand
	With string `help:"Where the other build's propusk and propuskctl are." type:"existingdir" required:""`
}

func (c *compareCommand) Run(ctx context.Context) error {
	other := c.rigCommand
	other.Programs = c.With
	_, err := c.byTurns(ctx, "here", "with", &other)
	return err
}

// byTurns measures two rigs side by side, so that a neighbour's work on the machine meets both, and returns
// how many times the first's cost the second's is, by kind.
func (c *rigCommand) byTurns(ctx context.Context, first, second string, other *rigCommand) (ratios map[string]float64, err error) {
	chosen, err := c.chosen()
	if err != nil {
		return nil, err
	}
	ratios = map[string]float64{}
	var targets [2]*target
	var meters [2]meter
	for i, one := range []*rigCommand{c, other} {
		r, t, m, err2 := one.up(ctx)
		if r != nil {
			defer func() { err = errors.Join(err, r.close()) }()
		}
		if err2 != nil {
			return nil, err2
		}
		if err := c.ready(ctx, t); err != nil {
			return nil, err
		}
		targets[i], meters[i] = t, m
	}
	costs := map[string]*[2][]result{}
	for n := range c.Rounds {
		for _, k := range chosen {
			if costs[k.name] == nil {
				costs[k.name] = new([2][]result)
			}
			for turn := range targets {
				i := (turn + n) % 2 // neither always goes first
				ops, err := k.ready(ctx, targets[i], c.Workers)
				if err != nil {
					return nil, err
				}
				r, err := measure(ctx, k, ops, meters[i], bounds{c.Workers, c.Duration, c.Count})
				if err != nil {
					return nil, err
				}
				costs[k.name][i] = append(costs[k.name][i], r)
			}
			last := costs[k.name]
			fmt.Fprintf(os.Stderr, "round %d of %d: %s: %.1f and %.1f signatures\n", n+1, c.Rounds, k.name, last[0][n].beside(), last[1][n].beside())
		}
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "\noperation\tsignatures %s\t%s\tratio\tprovider CPU %s\t%s\tratio\t\n", first, second, first, second)
	for _, k := range chosen {
		a, b := median(costs[k.name][0]).beside(), median(costs[k.name][1]).beside()
		ratios[k.name] = b / a
		provider := func(rs []result) float64 {
			return middle(rs, func(r result) float64 { return float64(r.provider) / float64(max(r.ops, 1)) / 1e3 })
		}
		p, q := provider(costs[k.name][0]), provider(costs[k.name][1])
		fmt.Fprintf(w, "%s\t%.1f\t%.1f\t%.2f\t%.0fµs\t%.0fµs\t%.2f\t\n", k.name, a, b, b/a, p, q, q/p)
	}
	fmt.Fprintf(w, "\n")
	if err := w.Flush(); err != nil {
		return nil, err
	}
	fmt.Printf("Medians of %d interleaved rounds, %d workers; a full login is counted without its password hash.\n", c.Rounds, c.Workers)
	return ratios, nil
}

func middle(rs []result, of func(result) float64) float64 {
	var v []float64
	for _, r := range rs {
		v = append(v, of(r))
	}
	slices.SortFunc(v, cmp.Compare)
	return v[len(v)/2]
}
