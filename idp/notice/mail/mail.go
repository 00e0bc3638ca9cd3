// Package mail hands messages to a mail server over SMTP: plain text in UTF-8, under a Message-ID that
// every attempt repeats.
package mail

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	gomail "github.com/wneessen/go-mail"

	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/notice"
)

// Config is the mail server and who we are to it.
type Config struct {
	// Address is host:port.
	Address string
	// From is the sender, "Name <mailbox@host>" or the mailbox alone.
	From string
	// TLS is "mandatory" (STARTTLS, the default), "opportunistic", "implicit" (TLS from the first byte) or
	// "none", which is for loopback.
	TLS string
	// User and Password sign in to the server; empty: it knows us by our address.
	User, Password string
	// Timeout bounds a whole hand-over; 0 means twenty seconds.
	Timeout time.Duration
	// Roots, if set, are the TLS settings in place of the system's.
	Roots *tls.Config
	// Domain stands at the right of the Message-ID; empty means "propusk".
	Domain string
}

// A Server carries mail.
type Server struct {
	config  Config
	host    string
	options []gomail.Option
}

// New checks the settings; nothing is connected yet.
func New(c Config) (*Server, error) {
	host, p, err := net.SplitHostPort(c.Address)
	port, err2 := strconv.Atoi(p)
	if err != nil || err2 != nil {
		return nil, fmt.Errorf("mail: the server's address is not host:port: %w", fault.Invalid)
	}
	if c.Timeout == 0 {
		c.Timeout = 20 * time.Second
	}
	if c.Domain == "" {
		c.Domain = "propusk"
	}
	options := []gomail.Option{gomail.WithTimeout(c.Timeout), gomail.WithPort(port), gomail.WithoutNoop()}
	switch c.TLS {
	case "", "mandatory":
		options = append(options, gomail.WithTLSPolicy(gomail.TLSMandatory))
	case "opportunistic":
		options = append(options, gomail.WithTLSPolicy(gomail.TLSOpportunistic))
	case "implicit":
		options = append(options, gomail.WithSSL())
	case "none":
		options = append(options, gomail.WithTLSPolicy(gomail.NoTLS))
	default:
		return nil, fmt.Errorf("mail: tls is none of mandatory, opportunistic, implicit, none: %w", fault.Invalid)
	}
	if c.Roots != nil {
		options = append(options, gomail.WithTLSConfig(c.Roots))
	}
	if c.User != "" {
		options = append(options, gomail.WithSMTPAuth(gomail.SMTPAuthAutoDiscover), gomail.WithUsername(c.User), gomail.WithPassword(c.Password))
	}
	if err := gomail.NewMsg().From(c.From); err != nil {
		return nil, fmt.Errorf("mail: the sender is not an address: %w", fault.Invalid)
	}
	if _, err := gomail.NewClient(host, options...); err != nil {
		return nil, fmt.Errorf("mail: %w", err)
	}
	return &Server{config: c, host: host, options: options}, nil
}

// Carry implements notice.Carrier. The server's permanent refusals (5xx) of the recipient or the message
// are refusals; a server that does not let us in is not.
func (s *Server) Carry(ctx context.Context, m notice.Message) error {
	msg := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	if err := msg.From(s.config.From); err != nil {
		return errors.New("mail: the sender is not an address")
	}
	if err := msg.To(m.To); err != nil {
		return notice.ErrRefused
	}
	msg.Subject(m.Subject)
	msg.SetMessageIDWithValue(m.ID + "@" + s.config.Domain)
	msg.SetDateWithValue(m.Created)
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	msg.SetBodyString(gomail.TypeTextPlain, m.Text)
	client, err := gomail.NewClient(s.host, s.options...)
	if err != nil {
		return fmt.Errorf("mail: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, s.config.Timeout)
	defer cancel()
	err = client.DialAndSendWithContext(ctx, msg)
	if err == nil {
		return nil
	}
	var refused *gomail.SendError
	if !errors.As(err, &refused) {
		return fmt.Errorf("mail: %w", fault.Unavailable) // the cause may name the recipient
	}
	switch refused.Reason {
	case gomail.ErrSMTPReset:
		return nil // the message was taken before the farewell went wrong
	case gomail.ErrSMTPRcptTo, gomail.ErrSMTPData, gomail.ErrSMTPDataClose:
		if !refused.IsTemp() && refused.ErrorCode() >= 500 {
			return notice.ErrRefused
		}
	}
	return fmt.Errorf("mail: the server answers %d: %w", refused.ErrorCode(), fault.Unavailable)
}
