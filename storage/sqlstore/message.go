package sqlstore

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/job"
	"github.com/propusk/propusk/idp/notice"
	"github.com/propusk/propusk/idp/seal"
)

// messagePurpose seals bodies of messages: under the ring, since somebody who registers has no account
// yet, and a body lives for minutes.
const messagePurpose seal.Purpose = "message"

// messageBody is what of a message is personal.
type messageBody struct {
	To      string `json:"to"`
	Subject string `json:"subject,omitempty"`
	Text    string `json:"text"`
}

var (
	messageAdd = both(`
		INSERT INTO message (id, account, channel, created, expires, sent, body) VALUES ($1, $2, $3, $4, $5, 0, $6)
		ON CONFLICT (id) DO NOTHING`)
	messageOne  = both(`SELECT id, account, channel, created, expires, sent, body FROM message WHERE id = $1`)
	messageSent = both(`UPDATE message SET sent = $2, body = NULL WHERE id = $1 AND sent = 0`)
)

// PostMessage keeps a message and enqueues its sending (notice.Outbox).
func (s *Stores) PostMessage(ctx context.Context, m notice.Message) error {
	plain, err := json.Marshal(messageBody{m.To, m.Subject, m.Text})
	if err != nil {
		return said("encode message", err)
	}
	body := s.r.vault.Ring.AppendSeal(nil, messagePurpose, plain, []byte(m.ID))
	return s.atomically(ctx, func(s *Stores) error {
		res, err := s.exec(ctx, messageAdd, m.ID, int64(m.Account), string(m.Channel), micros(m.Created), micros(m.Expires), body)
		if err := affected(res, err, "post message", fault.Exists); err != nil {
			return err
		}
		return s.Enqueue(ctx, job.Job{Kind: notice.JobSend, Ref: m.ID, Patient: m.Patient})
	})
}

// Message returns a message; one that was sent has no body any more (notice.Store).
func (s *Stores) Message(ctx context.Context, id string) (*notice.Message, error) {
	var m notice.Message
	var acc, created, expires, sent int64
	var channel string
	var body []byte
	if err := s.row(ctx, messageOne, id).Scan(&m.ID, &acc, &channel, &created, &expires, &sent, &body); err != nil {
		return nil, said("message", err)
	}
	m.Account, m.Channel = account.ID(acc), notice.Channel(channel)
	m.Created, m.Expires, m.Sent = moment(created), moment(expires), moment(sent)
	if len(body) == 0 {
		return &m, nil
	}
	plain, err := s.r.vault.Ring.OpenBytes(messagePurpose, body, []byte(m.ID))
	if err != nil {
		return nil, said("open message", err)
	}
	var b messageBody
	if json.Unmarshal(plain, &b) != nil {
		return nil, fmt.Errorf("sqlstore: message %s has another shape", id) // the cause may quote it
	}
	m.To, m.Subject, m.Text = b.To, b.Subject, b.Text
	return &m, nil
}

// MessageSent records the hand-over and forgets the body; the first time counts (notice.Store).
func (s *Stores) MessageSent(ctx context.Context, id string, at time.Time) error {
	_, err := s.exec(ctx, messageSent, id, micros(at))
	return said("message sent", err)
}
