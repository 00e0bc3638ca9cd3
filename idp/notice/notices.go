package notice

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"github.com/propusk/propusk/idp/account"
)

// Tell posts a message of a kind to the contacts of an account that the kind is for: all of them where
// somebody might be taking the account over, else one. The outbox is the transaction's, so that the
// message exists if and only if the change does.
func (n *Notices) Tell(ctx context.Context, tx Outbox, a *account.Account, kind Kind, w With) error {
	about, ok := kinds[kind]
	if !ok {
		return fmt.Errorf("notice: unknown kind %q", kind)
	}
	lang := w.Lang
	if lang == "" {
		lang = a.Lang
	}
	for _, c := range n.contacts(a, about.to) {
		if err := n.To(ctx, tx, a.ID, c, lang, kind, w); err != nil {
			return err
		}
	}
	return nil
}

// contacts chooses whom to tell.
func (n *Notices) contacts(a *account.Account, to audience) []account.Contact {
	if !a.Lock.Deceased.IsZero() {
		return nil // the contacts were the person's, and whoever holds them now is somebody else
	}
	order := []account.ContactKind{account.Phone, account.Email}
	if to == mailFirst {
		order = []account.ContactKind{account.Email, account.Phone}
	}
	var out []account.Contact
	for _, kind := range order {
		if to == everywhere || to == direct {
			for _, c := range a.Profile.Contacts {
				if c.Kind == kind {
					out = append(out, c)
				}
			}
		} else if c, ok := a.Profile.Contact(kind); ok {
			return []account.Contact{c}
		}
	}
	return out
}

// To posts a message to one contact, proved or not. id is 0 when nobody's account is concerned.
func (n *Notices) To(ctx context.Context, tx Outbox, id account.ID, to account.Contact, lang string, kind Kind, w With) error {
	channel := SMS
	if to.Kind == account.Email {
		channel = Mail
	}
	subject, text, err := n.Compose(kind, channel, lang, w)
	if err != nil {
		return err
	}
	m := Message{
		ID: rand.Text(), Account: id, Channel: channel, To: to.Value, Subject: subject, Text: text,
		Created: n.Now(), Expires: w.Expires, Patient: w.Patient,
	}
	if err := tx.PostMessage(ctx, m); err != nil {
		return fmt.Errorf("notice: post %s: %w", kind, err)
	}
	return nil
}

// Code posts a code by SMS: RegistrationCode, RecoveryCode, ContactCode. After expires it is not sent any
// more. Outside a transaction tx is the store itself.
func (n *Notices) Code(ctx context.Context, tx Outbox, id account.ID, phone, lang string, kind Kind, code string, expires time.Time) error {
	return n.To(ctx, tx, id, account.Contact{Kind: account.Phone, Value: phone}, lang, kind, With{Code: code, Expires: expires})
}

// Link posts a link by mail: RegistrationLink, RecoveryLink, ContactLink. path is on our own site.
func (n *Notices) Link(ctx context.Context, tx Outbox, id account.ID, email, lang string, kind Kind, path string, expires time.Time) error {
	return n.To(ctx, tx, id, account.Contact{Kind: account.Email, Value: email}, lang, kind, With{Link: n.Issuer + path, Until: expires, Expires: expires})
}
