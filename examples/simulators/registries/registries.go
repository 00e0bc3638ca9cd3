// Package registries plays the three state registries that the provider asks: the pension
// fund (does this SNILS belong to this person), the interior ministry (is this
// document this person's) and the tax service (which INN has this person).
//
// They answer like the real ones: not at once, sometimes slowly, sometimes
// not at all. A check asked is a check decided: its verdict is written down with
// its id before anything is answered, so repeats and restarts change nothing.
package registries

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

// The registries, as they stand in addresses.
const (
	Pension  = "pension"
	Interior = "interior"
	Tax      = "tax"
)

// Names lists the registries in the order in which the provider asks them.
func Names() []string { return []string{Pension, Interior, Tax} }

// A Mode is how a registry behaves.
type Mode struct {
	Mode  string        `json:"mode"`
	Delay time.Duration `json:"-"`
}

// Modes. Slow holds the connection for the delay, beyond the caller's patience
// perhaps; down answers 503; refuse refuses everything.
const (
	OK     = "ok"
	Slow   = "slow"
	Down   = "down"
	Refuse = "refuse"
)

// ErrMode reports a mode or registry that does not exist.
var ErrMode = errors.New("registries: no such registry, mode or delay")

// Office is the three registries over one database.
type Office struct {
	db    *sql.DB
	now   func() time.Time
	delay time.Duration
}

// Open makes the tables that are missing and enters the people given.
func Open(ctx context.Context, db *sql.DB, now func() time.Time, delay time.Duration, people []Person) (*Office, error) {
	o := &Office{db: db, now: now, delay: delay}
	for _, statement := range []string{
		`create table if not exists person (snils text primary key, document text not null, body text not null)`,
		`create table if not exists registry (name text primary key, mode text not null, delay integer not null)`,
		`create table if not exists inquiry (registry text not null, id text not null, answer text not null, ready_at integer not null, primary key (registry, id))`,
		`create table if not exists notice (seq integer primary key autoincrement, registry text not null, subject text not null, body text not null)`,
	} {
		if _, err := db.ExecContext(ctx, statement); err != nil {
			return nil, fmt.Errorf("registries: %w", err)
		}
	}
	for _, p := range people {
		if _, err := o.Add(ctx, p); err != nil {
			return nil, fmt.Errorf("registries: a person given at start: %w", err)
		}
	}
	return o, nil
}

// Add enters a person, in the place of one with the same SNILS. The error
// joins the names of the fields that are wrong.
func (o *Office) Add(ctx context.Context, p Person) (Person, error) {
	p, err := p.check()
	if err != nil {
		return p, err
	}
	body, err := json.Marshal(p)
	if err != nil {
		return p, err
	}
	_, err = o.db.ExecContext(ctx, `insert into person (snils, document, body) values (?, ?, ?)
		on conflict (snils) do update set document = excluded.document, body = excluded.body`,
		p.SNILS, p.Document.Type+" "+p.Document.Number, string(body))
	return p, err
}

// People lists everybody, in the order in which they were entered.
func (o *Office) People(ctx context.Context) ([]Person, error) {
	rows, err := o.db.QueryContext(ctx, `select body from person order by rowid`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	people := []Person{}
	for rows.Next() {
		var body string
		var p Person
		if err := errors.Join(rows.Scan(&body), json.Unmarshal([]byte(body), &p)); err != nil {
			return nil, err
		}
		people = append(people, p)
	}
	return people, rows.Err()
}

func (o *Office) person(ctx context.Context, where string, value string) (*Person, error) {
	var body string
	err := o.db.QueryRowContext(ctx, `select body from person where `+where+` = ? order by rowid desc limit 1`, value).Scan(&body)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	p := &Person{}
	return p, json.Unmarshal([]byte(body), p)
}

// Modes says how each registry behaves.
func (o *Office) Modes(ctx context.Context) (map[string]Mode, error) {
	modes := map[string]Mode{}
	for _, name := range Names() {
		m, err := o.mode(ctx, name)
		if err != nil {
			return nil, err
		}
		modes[name] = m
	}
	return modes, nil
}

func (o *Office) mode(ctx context.Context, name string) (Mode, error) {
	m := Mode{Mode: OK}
	err := o.db.QueryRowContext(ctx, `select mode, delay from registry where name = ?`, name).Scan(&m.Mode, &m.Delay)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return m, err
	}
	return m, nil
}

// SetMode changes how a registry behaves from now on; slow without a delay takes 30 s.
func (o *Office) SetMode(ctx context.Context, name string, m Mode) error {
	known := slices.Contains(Names(), name)
	switch m.Mode {
	case OK, Down, Refuse:
		m.Delay = 0
	case Slow:
		if m.Delay == 0 {
			m.Delay = 30 * time.Second
		}
	default:
		known = false
	}
	if !known || m.Delay < 0 || m.Delay > time.Hour {
		return ErrMode
	}
	_, err := o.db.ExecContext(ctx, `insert into registry (name, mode, delay) values (?, ?, ?)
		on conflict (name) do update set mode = excluded.mode, delay = excluded.delay`, name, m.Mode, m.Delay)
	return err
}
