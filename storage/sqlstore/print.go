package sqlstore

import (
	"context"
	"encoding/json"
	"time"

	"github.com/propusk/propusk/idp/confirm"
)

var (
	printWait = both(`INSERT INTO letter_print (letter, batch, at) VALUES ($1, '', $2) ON CONFLICT (letter) DO NOTHING`)
	printPut  = both(`UPDATE letter_print SET batch = $2 WHERE letter = $1`)
	printDrop = both(`DELETE FROM letter_print WHERE letter = $1`)
	printIn   = both(`SELECT letter FROM letter_print WHERE batch = $1 ORDER BY at, letter LIMIT $2`)

	batchSave = both(`INSERT INTO letter_batch (id, at, body) VALUES ($1, $2, $3) ON CONFLICT (id) DO UPDATE SET body = excluded.body`)
	batchOne  = both(`SELECT body FROM letter_batch WHERE id = $1`)
	batchAll  = both(`SELECT body FROM letter_batch ORDER BY at DESC, id DESC LIMIT $1`)

	lettersLive = both(`SELECT id FROM letter WHERE live = 1 AND at >= $1 ORDER BY at, id LIMIT $2`)
)

// QueueLetter lets a letter wait for a batch; one that waits or is in one stays there (confirm.Store).
func (s *Stores) QueueLetter(ctx context.Context, id string, at time.Time) error {
	_, err := s.exec(ctx, printWait, id, micros(at))
	return said("queue a letter", err)
}

// PutInBatch takes a waiting letter into a batch (confirm.Store).
func (s *Stores) PutInBatch(ctx context.Context, id, batch string) error {
	_, err := s.exec(ctx, printPut, id, batch)
	return said("put a letter in a batch", err)
}

// UnqueueLetter takes a letter out of what is to be printed (confirm.Store).
func (s *Stores) UnqueueLetter(ctx context.Context, id string) error {
	_, err := s.exec(ctx, printDrop, id)
	return said("unqueue a letter", err)
}

// BatchLetters lists the letters of a batch, the first ordered first; those that wait are in batch "" (confirm.Store).
func (s *Stores) BatchLetters(ctx context.Context, batch string, limit int) ([]string, error) {
	out, err := list(ctx, s, scanText, printIn, batch, limit)
	return out, said("letters of a batch", err)
}

// SaveBatch writes a batch, new or changed (confirm.Store).
func (s *Stores) SaveBatch(ctx context.Context, b *confirm.Batch) error {
	body, err := json.Marshal(b)
	if err != nil {
		return said("encode batch", err)
	}
	_, err = s.exec(ctx, batchSave, b.ID, micros(b.Gathered), string(body))
	return said("save batch", err)
}

// Batch returns a batch; fault.NotFound (confirm.Store).
func (s *Stores) Batch(ctx context.Context, id string) (*confirm.Batch, error) {
	b, err := scanJSON[confirm.Batch](s.row(ctx, batchOne, id))
	return b, said("batch", err)
}

// Batches lists batches, the newest first (confirm.Store).
func (s *Stores) Batches(ctx context.Context, limit int) ([]*confirm.Batch, error) {
	out, err := list(ctx, s, scanJSON[confirm.Batch], batchAll, limit)
	return out, said("batches", err)
}

// LiveLetters lists the letters ordered since a time that are neither used nor cancelled, the oldest first (confirm.Store).
func (s *Stores) LiveLetters(ctx context.Context, since time.Time, limit int) ([]*confirm.Letter, error) {
	ids, err := list(ctx, s, scanText, lettersLive, micros(since), limit)
	if err != nil {
		return nil, said("live letters", err)
	}
	out := make([]*confirm.Letter, 0, len(ids))
	for _, id := range ids {
		l, err := s.Letter(ctx, id)
		if err != nil {
			return nil, err
		}
		out = append(out, l)
	}
	return out, nil
}

func scanText(row scanner) (string, error) {
	var s string
	err := row.Scan(&s)
	return s, err
}
