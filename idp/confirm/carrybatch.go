package confirm

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/job"
)

// queue lets a letter wait for the next batch.
func (m *Mail) queue(ctx context.Context, id string) error {
	now := m.Now()
	err := m.Atomically(ctx, func(tx Tx) error {
		if err := tx.QueueLetter(ctx, id, now); err != nil {
			return err
		}
		// All letters of one time name the same deadline, so none moves it.
		return tx.EnqueueAt(ctx, now.Truncate(m.Every).Add(m.Every), job.Job{Kind: JobGather, Ref: all})
	})
	if err != nil {
		return fmt.Errorf("confirm: wait for a batch: %w", err)
	}
	return nil
}

// gather makes a batch of the letters that wait. From then on a letter is in this batch and no other,
// whatever is broken off later.
func (m *Mail) gather(ctx context.Context, _ string) error {
	now := m.Now()
	b := &Batch{ID: now.In(m.Zone).Format(time.DateOnly) + "-" + rand.Text()[:8], Gathered: now}
	err := m.Atomically(ctx, func(tx Tx) error {
		ids, err := tx.BatchLetters(ctx, "", m.Largest+1)
		if err != nil {
			return err
		}
		if m.Printer == nil {
			return m.scatter(ctx, tx, ids)
		}
		more := len(ids) > m.Largest
		took := 0
		for _, id := range ids[:min(len(ids), m.Largest)] {
			l, err := tx.Letter(ctx, id)
			if err != nil && !errors.Is(err, fault.NotFound) {
				return err
			}
			if err != nil || l.Taken() || l.Code == "" { // cancelled meanwhile: it is never printed
				if err := tx.UnqueueLetter(ctx, id); err != nil {
					return err
				}
				continue
			}
			if err := tx.PutInBatch(ctx, id, b.ID); err != nil {
				return err
			}
			took++
		}
		if more {
			if err := tx.Enqueue(ctx, job.Job{Kind: JobGather, Ref: all}); err != nil {
				return err
			}
		}
		if took == 0 {
			return nil
		}
		if err := tx.SaveBatch(ctx, b); err != nil {
			return err
		}
		return tx.Enqueue(ctx, job.Job{Kind: JobBatch, Ref: b.ID})
	})
	if err != nil {
		return fmt.Errorf("confirm: gather a batch: %w", err)
	}
	return nil
}

// scatter gives letters back to the way that they go one by one: the installation has no printer any more.
func (m *Mail) scatter(ctx context.Context, tx Tx, ids []string) error {
	for _, id := range ids {
		if err := tx.UnqueueLetter(ctx, id); err != nil {
			return err
		}
		if err := tx.Enqueue(ctx, job.Job{Kind: JobPost, Ref: id}); err != nil {
			return err
		}
	}
	return nil
}

// write prints a batch, leaves it where the printer takes it, and then forgets its codes. What a crash breaks
// off is done again: the printer finds no half of a batch, and no letter in two.
func (m *Mail) write(ctx context.Context, id string) error {
	b, err := m.Store.Batch(ctx, id)
	if errors.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("confirm: write a batch: %w", err)
	}
	if b.Written.IsZero() {
		if err := m.put(ctx, b); err != nil {
			return fmt.Errorf("confirm: write a batch: %w", err)
		}
	}
	for some := range slices.Chunk(b.Letters, 25) {
		err := m.Atomically(ctx, func(tx Tx) error {
			for _, letter := range some {
				if err := m.taken(ctx, tx, letter, b.ID, ""); err != nil && !errors.Is(err, fault.NotFound) {
					return err
				}
				if err := tx.UnqueueLetter(ctx, letter); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("confirm: forget the codes of a batch: %w", err)
		}
	}
	return nil
}

// put prints a batch and leaves it with the printer. That it lies there is noted in one step, before any code
// is forgotten: until then all of it can be printed again.
func (m *Mail) put(ctx context.Context, b *Batch) error {
	ids, err := m.Store.BatchLetters(ctx, b.ID, m.Largest)
	if err != nil {
		return err
	}
	bundle := Bundle{ID: b.ID, Made: b.Gathered}
	if m.Printer == nil {
		return m.Atomically(ctx, func(tx Tx) error {
			if err := m.scatter(ctx, tx, ids); err != nil {
				return err
			}
			b.Written = m.Now()
			return tx.SaveBatch(ctx, b)
		})
	}
	for _, id := range ids {
		l, err := m.Store.Letter(ctx, id)
		if errors.Is(err, fault.NotFound) || err == nil && (l.Taken() || l.Code == "") {
			continue
		}
		if err != nil {
			return err
		}
		p, err := m.parcel(ctx, l)
		if err != nil {
			return err
		}
		bundle.Letters = append(bundle.Letters, p)
	}
	var there []string
	if len(bundle.Letters) > 0 {
		if there, err = m.Printer.Put(ctx, bundle); err != nil {
			return err
		}
	}
	b.Letters, b.Written = there, m.Now()
	return m.Atomically(ctx, func(tx Tx) error { return tx.SaveBatch(ctx, b) })
}

// watch takes what the printer reports, and looks again after a while.
func (m *Mail) watch(ctx context.Context, _ string) error {
	if m.Reports == nil {
		return nil
	}
	failed := m.Reports.Take(ctx, func(letter string, r Report) error {
		err := m.Report(ctx, letter, r)
		var wrong fault.Fields
		if errors.Is(err, fault.NotFound) || errors.Is(err, ErrNotPrinted) || errors.As(err, &wrong) {
			m.Log.WarnContext(ctx, "a report of the printer fits no letter", "letter", letter, "status", string(r.Status), "error", err)
			return nil // it will not fit later either
		}
		return err
	})
	if failed != nil {
		m.Log.WarnContext(ctx, "the printer's reports are not taken", "error", failed)
	}
	err := m.Atomically(ctx, func(tx Tx) error {
		return tx.EnqueueAt(ctx, m.Now().Add(m.Watch), job.Job{Kind: JobReports, Ref: all})
	})
	if err != nil {
		return fmt.Errorf("confirm: watch for reports: %w", err)
	}
	return nil
}
