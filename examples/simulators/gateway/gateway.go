// Package gateway plays the SMS gateway and the mail server. Nothing leaves the machine:
// every message lies in an outbox, to be read by whoever tries the system out.
// A message repeated under its id is accepted and not delivered twice.
package gateway

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Channels.
const (
	SMS  = "sms"
	Mail = "email"
)

// A Message is an SMS or a letter of e-mail as it arrived.
type Message struct {
	ID      string    `json:"id"`
	Channel string    `json:"channel"`
	To      string    `json:"to"`
	Subject string    `json:"subject"`
	Text    string    `json:"text"`
	Code    string    `json:"code"`
	Link    string    `json:"link"`
	At      time.Time `json:"at"`
}

// Outbox keeps the messages in one database.
type Outbox struct {
	db  *sql.DB
	now func() time.Time
}

// Open makes the table if it is missing.
func Open(ctx context.Context, db *sql.DB, now func() time.Time) (*Outbox, error) {
	_, err := db.ExecContext(ctx, `create table if not exists message (
		id text not null, channel text not null, recipient text not null, subject text not null, text text not null,
		at integer not null, primary key (channel, id, recipient))`)
	if err == nil {
		_, err = db.ExecContext(ctx, `create index if not exists message_recipient on message (recipient)`)
	}
	if err != nil {
		return nil, fmt.Errorf("gateway: %w", err)
	}
	return &Outbox{db: db, now: now}, nil
}

// Deliver puts a message into the outbox unless its id has been there for the
// same recipient.
func (o *Outbox) Deliver(ctx context.Context, m Message) error {
	_, err := o.db.ExecContext(ctx, `insert into message (id, channel, recipient, subject, text, at)
		values (?, ?, ?, ?, ?, ?) on conflict do nothing`,
		m.ID, m.Channel, Recipient(m.To), m.Subject, m.Text, o.now().UnixNano())
	return err
}

// Messages lists what came to a phone or an address, to everybody when it is
// empty, newest first.
func (o *Outbox) Messages(ctx context.Context, to string) ([]Message, error) {
	rows, err := o.db.QueryContext(ctx, `select id, channel, recipient, subject, text, at from message
		where ? = '' or recipient = ? order by rowid desc limit 300`, Recipient(to), Recipient(to))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	messages := []Message{}
	for rows.Next() {
		var m Message
		var at int64
		if err := rows.Scan(&m.ID, &m.Channel, &m.To, &m.Subject, &m.Text, &at); err != nil {
			return nil, err
		}
		m.At = time.Unix(0, at).UTC()
		m.Code, m.Link = FindCode(m.Text), FindLink(m.Text)
		messages = append(messages, m)
	}
	return messages, errors.Join(rows.Err())
}

// Recipient gives a phone or an address the one spelling that it is kept under:
// +79000000001 for 8 (900) 000-00-01, lower case for e-mail.
func Recipient(to string) string {
	to = strings.TrimSpace(to)
	if strings.Contains(to, "@") {
		return strings.ToLower(to)
	}
	digits := strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, to)
	switch {
	case digits == "":
		return to
	case len(digits) == 11 && digits[0] == '8' && !strings.HasPrefix(to, "+"):
		digits = "7" + digits[1:]
	case len(digits) == 10 && digits[0] == '9':
		digits = "7" + digits
	}
	return "+" + digits
}
