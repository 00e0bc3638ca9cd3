// Package post plays the postal service: it takes registered letters as printable pages,
// carries them, and reports where they are. Like a person who opens the envelope, it
// reads the code off the printed page; nobody tells it.
package post

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"
)

// A Status says where a letter is.
type Status string

// The statuses in the order of the way; a letter ends delivered or returned.
const (
	Accepted   Status = "accepted"
	Printed    Status = "printed"
	HandedOver Status = "handed_over"
	InTransit  Status = "in_transit"
	Arrived    Status = "arrived"
	Delivered  Status = "delivered"
	Returned   Status = "returned"
)

var way = []Status{Accepted, Printed, HandedOver, InTransit, Arrived, Delivered}

const day = 24 * time.Hour

// When a letter that moves by itself reaches a status, counted from acceptance.
var pace = map[Status]time.Duration{Printed: 0, HandedOver: day, InTransit: 2 * day, Arrived: 10 * day, Delivered: 14 * day}

// A Letter is one registered letter.
type Letter struct {
	ID     string
	Track  string
	To     Addressee
	Code   string
	Events []Event
}

// Status is the last one reached.
func (l Letter) Status() Status { return l.Events[len(l.Events)-1].Status }

// Ended reports whether the letter goes nowhere any more.
func (l Letter) Ended() bool { return l.Status() == Delivered || l.Status() == Returned }

// Next lists the statuses that the letter can still reach.
func (l Letter) Next() []Status {
	if l.Ended() {
		return nil
	}
	return append(slices.Clone(way[slices.Index(way, l.Status())+1:]), Returned)
}

// An Event is one line of the tracking.
type Event struct {
	Status Status    `json:"status"`
	At     time.Time `json:"at"`
	Place  string    `json:"place"`
}

// An Addressee is to whom and where.
type Addressee struct {
	Name    string  `json:"name"`
	Phone   string  `json:"phone"`
	Address Address `json:"address"`
}

// An Address is a postal one.
type Address struct {
	PostalCode string `json:"postal_code"`
	Region     string `json:"region"`
	Locality   string `json:"locality"`
	Street     string `json:"street"`
	House      string `json:"house"`
	Flat       string `json:"flat"`
}

// Errors of the post.
var (
	ErrUnknown = errors.New("post: no such letter")
	ErrMove    = errors.New("post: a letter cannot move there from where it is")
)

// Office keeps the letters in one database.
type Office struct {
	db        *sql.DB
	now       func() time.Time
	automatic bool
}

// Open makes the table if it is missing. An automatic office moves letters on
// as the clock goes; else only Move does, beyond the printing.
func Open(ctx context.Context, db *sql.DB, now func() time.Time, automatic bool) (*Office, error) {
	_, err := db.ExecContext(ctx, `create table if not exists letter (
		id text primary key, track text not null, phone text not null, addressee text not null,
		code text not null, events text not null, pdf blob not null)`)
	if err != nil {
		return nil, fmt.Errorf("post: %w", err)
	}
	return &Office{db: db, now: now, automatic: automatic}, nil
}

// Accept takes a letter; a repeat of its id changes nothing.
func (o *Office) Accept(ctx context.Context, id string, to Addressee, pdf []byte) (l Letter, repeated bool, err error) {
	addressee, err := json.Marshal(to)
	if err != nil {
		return l, false, err
	}
	now := o.now().UTC()
	events, err := json.Marshal([]Event{
		{Accepted, now, "Приём электронных писем"}, {Printed, now, "Центр печати, Подольск"},
	})
	if err != nil {
		return l, false, err
	}
	result, err := o.db.ExecContext(ctx, `insert into letter (id, track, phone, addressee, code, events, pdf)
		values (?, ?, ?, ?, ?, ?, ?) on conflict do nothing`,
		id, newTrack(now), to.Phone, string(addressee), ReadCode(pdf), string(events), pdf)
	if err != nil {
		return l, false, err
	}
	n, err := result.RowsAffected()
	if err != nil {
		return l, false, err
	}
	l, err = o.Letter(ctx, id)
	return l, n == 0, err
}

const columns = `id, track, addressee, code, events`

func scan(row interface{ Scan(...any) error }) (Letter, error) {
	var l Letter
	var addressee, events string
	err := row.Scan(&l.ID, &l.Track, &addressee, &l.Code, &events)
	if errors.Is(err, sql.ErrNoRows) {
		return l, ErrUnknown
	}
	if err != nil {
		return l, err
	}
	return l, errors.Join(json.Unmarshal([]byte(addressee), &l.To), json.Unmarshal([]byte(events), &l.Events))
}

// Letter gives the letter as it stands now.
func (o *Office) Letter(ctx context.Context, id string) (Letter, error) {
	return o.change(ctx, id, func(*Letter) error { return nil })
}

// Letters lists them, newest first.
func (o *Office) Letters(ctx context.Context) ([]Letter, error) {
	rows, err := o.db.QueryContext(ctx, `select id from letter order by rowid desc limit 500`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var ids []string
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return nil, err
	}
	letters := []Letter{}
	for _, id := range ids {
		l, err := o.Letter(ctx, id)
		if err != nil {
			return nil, err
		}
		letters = append(letters, l)
	}
	return letters, nil
}

// PDF gives the printed page.
func (o *Office) PDF(ctx context.Context, id string) ([]byte, error) {
	var pdf []byte
	err := o.db.QueryRowContext(ctx, `select pdf from letter where id = ?`, id).Scan(&pdf)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, ErrUnknown
	}
	return pdf, err
}

// Move brings a letter to a status now, through all those between.
func (o *Office) Move(ctx context.Context, id string, to Status) (Letter, error) {
	return o.change(ctx, id, func(l *Letter) error {
		if !slices.Contains(l.Next(), to) {
			return ErrMove
		}
		l.reach(to, o.now())
		return nil
	})
}

// change applies the clock and f to a letter, in one transaction.
func (o *Office) change(ctx context.Context, id string, f func(*Letter) error) (Letter, error) {
	tx, err := o.db.BeginTx(ctx, nil)
	if err != nil {
		return Letter{}, err
	}
	defer func() { _ = tx.Rollback() }()
	l, err := scan(tx.QueryRowContext(ctx, `select `+columns+` from letter where id = ?`, id))
	if err != nil {
		return l, err
	}
	before := len(l.Events)
	if o.automatic {
		l.travel(o.now())
	}
	if err := f(&l); err != nil {
		return l, err
	}
	if len(l.Events) == before {
		return l, nil
	}
	events, err := json.Marshal(l.Events)
	if err != nil {
		return l, err
	}
	if _, err := tx.ExecContext(ctx, `update letter set events = ? where id = ?`, string(events), id); err != nil {
		return l, err
	}
	return l, tx.Commit()
}

// travel lets the letter reach what is due by now.
func (l *Letter) travel(now time.Time) {
	for !l.Ended() {
		next := way[slices.Index(way, l.Status())+1]
		due := l.Events[0].At.Add(pace[next])
		if due.After(now) {
			return
		}
		l.reach(next, due)
	}
}

func (l *Letter) reach(to Status, at time.Time) {
	if last := l.Events[len(l.Events)-1].At; at.Before(last) {
		at = last
	}
	here := slices.Index(way, l.Status())
	there := slices.Index(way, to)
	if to == Returned {
		there = slices.Index(way, Arrived) // what comes back has been there
	}
	for i := here + 1; i <= there; i++ {
		l.Events = append(l.Events, Event{way[i], at.UTC(), l.place(way[i])})
	}
	if to == Returned {
		l.Events = append(l.Events, Event{Returned, at.UTC(), "Отправителю"})
	}
}

func (l *Letter) place(s Status) string {
	switch s {
	case Printed, HandedOver:
		return "Центр печати, Подольск"
	case InTransit:
		return "Сортировочный центр, Москва"
	case Arrived, Delivered:
		return "Отделение " + l.To.Address.PostalCode
	}
	return ""
}

// newTrack makes a track number: index of the office, month, running number,
// and a check digit over them.
func newTrack(now time.Time) string {
	limit := big.NewInt(100_000)
	n, _ := rand.Int(rand.Reader, limit) // never fails
	body := fmt.Sprintf("142100%02d%05d", (now.Year()*12+int(now.Month()))%100, n)
	sum := 0
	for i, r := range body {
		weight := 1
		if i%2 == 0 {
			weight = 3
		}
		sum += int(r-'0') * weight
	}
	return body + fmt.Sprint((10-sum%10)%10)
}

// String writes the address in one line, the index first.
func (a Address) String() string {
	var parts []string
	for _, p := range []string{a.PostalCode, a.Region, a.Locality, a.Street, a.House} {
		if p != "" && !slices.Contains(parts, p) {
			parts = append(parts, p)
		}
	}
	if a.Flat != "" {
		parts = append(parts, "кв. "+a.Flat)
	}
	return strings.Join(parts, ", ")
}
