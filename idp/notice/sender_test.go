package notice

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/propusk/propusk/idp/fault"
)

type shelf map[string]*Message

func (s shelf) PostMessage(_ context.Context, m Message) error { s[m.ID] = &m; return nil }
func (s shelf) Message(_ context.Context, id string) (*Message, error) {
	if m, ok := s[id]; ok {
		c := *m
		return &c, nil
	}
	return nil, fmt.Errorf("message: %w", fault.NotFound)
}
func (s shelf) MessageSent(_ context.Context, id string, at time.Time) error {
	s[id].Sent, s[id].Text, s[id].Subject = at, "", ""
	return nil
}

type carrier struct {
	err  error
	seen []string
}

func (c *carrier) Carry(_ context.Context, m Message) error {
	c.seen = append(c.seen, m.ID)
	return c.err
}

func TestSendHandsOverOnceAndForgets(t *testing.T) {
	for _, test := range []struct {
		name          string
		message       Message
		err           error
		tried         int
		done, retried bool
	}{
		{"sent", Message{Created: noon}, nil, 1, true, false},
		{"already sent", Message{Created: noon, Sent: noon}, nil, 0, true, false},
		{"carrier down", Message{Created: noon}, errors.New("down"), 1, false, true},
		{"refused for good", Message{Created: noon}, fmt.Errorf("x: %w", ErrRefused), 1, true, false},
		{"a code past its life", Message{Created: noon, Expires: noon}, nil, 0, true, false},
		{"tried for three days", Message{Created: noon.Add(-KeepTrying)}, nil, 0, true, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := test.message
			m.ID, m.Channel, m.To, m.Text = "m1", SMS, "+79000000001", "048213"
			s, c := shelf{"m1": &m}, &carrier{err: test.err}
			var log bytes.Buffer
			sender := &Sender{Store: s, Carriers: map[Channel]Carrier{SMS: c}, Now: func() time.Time { return noon }, Log: slog.New(slog.NewTextHandler(&log, nil))}
			err := sender.Send(t.Context(), "m1")
			if (err != nil) != test.retried || len(c.seen) != test.tried || s["m1"].Sent.IsZero() == test.done {
				t.Errorf("Send: %v, tried %d, sent %v", err, len(c.seen), s["m1"].Sent)
			}
			if strings.Contains(log.String(), "7900") || strings.Contains(log.String(), "048213") {
				t.Errorf("the log tells too much: %s", log.String())
			}
		})
	}
}

func TestSendOfAnErasedMessageIsDone(t *testing.T) {
	sender := &Sender{Store: shelf{}, Now: func() time.Time { return noon }, Log: slog.New(slog.DiscardHandler)}
	if err := sender.Send(t.Context(), "gone"); err != nil {
		t.Errorf("Send: %v", err)
	}
}
