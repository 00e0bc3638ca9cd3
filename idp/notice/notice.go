// Package notice tells citizens what happened and carries their codes and links: by SMS and by mail,
// in their language, at least once under one stable id.
package notice

import (
	"context"
	"time"

	"github.com/propusk/propusk/idp/account"
)

// A Channel carries messages.
type Channel string

// The channels.
const (
	SMS  Channel = "sms"
	Mail Channel = "mail"
)

// A Message is one text to one contact. Its body and address are encrypted at rest.
type Message struct {
	ID      string // stable; gateways deduplicate by it
	Account account.ID
	Channel Channel
	To      string
	Subject string // mail only
	Text    string
	Created time.Time // Now
	// Expires is when it is no longer worth sending (a code past its life); zero: never.
	Expires time.Time
	Sent    time.Time
	Patient bool // one of very many: sent by workers of their own; not kept
}

// JobSend is the kind of the job that sends a message; its ref is the message's id.
const JobSend = "notice_send"

// An Outbox takes messages in the transaction they belong to.
type Outbox interface {
	// PostMessage keeps the message and enqueues JobSend for it, in the same transaction.
	PostMessage(ctx context.Context, m Message) error
}

// A Store is the sending side of the outbox.
type Store interface {
	Outbox
	// Message returns a message; fault.NotFound.
	Message(ctx context.Context, id string) (*Message, error)
	// MessageSent records the hand-over and forgets the body.
	MessageSent(ctx context.Context, id string, at time.Time) error
}
