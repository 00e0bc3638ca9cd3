package registries

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"
)

// The kinds of notices. The interior ministry tells of annulled documents, the pension fund of deaths.
const (
	DocumentAnnulled = "document_annulled"
	PersonDeceased   = "person_deceased"
)

// ErrNotice reports a notice of a kind that the registry does not give, or about nobody it knows.
var ErrNotice = errors.New("registries: the registry gives no such notice, or does not know the person")

// A Notice is a line of a registry's feed. A line can be given again: it keeps its id.
type Notice struct {
	ID       string          `json:"id"`
	Kind     string          `json:"kind"`
	At       string          `json:"at"`
	Document *NoticeDocument `json:"document,omitempty"`
	SNILS    string          `json:"snils,omitempty"`
	Birth    string          `json:"birth_date,omitempty"`
}

// A NoticeDocument names a document.
type NoticeDocument struct {
	Type   string `json:"type"`
	Number string `json:"number"`
}

// Tell puts a notice about the person with a SNILS into a registry's feed. With an id that was used before
// the same notice is told once more, at the feed's end: real feeds do that too.
func (o *Office) Tell(ctx context.Context, registry, kind, id, snils string) (Notice, error) {
	if id == "" {
		id = rand.Text()
	}
	p, err := o.person(ctx, "snils", digits(snils))
	if err != nil {
		return Notice{}, err
	}
	n := Notice{ID: id, Kind: kind, At: o.now().UTC().Format(time.RFC3339)}
	subject := ""
	switch {
	case p == nil:
		return n, ErrNotice
	case registry == Interior && kind == DocumentAnnulled:
		n.Document = &NoticeDocument{p.Document.Type, p.Document.Number}
		subject = p.Document.Type + " " + p.Document.Number
	case registry == Pension && kind == PersonDeceased:
		n.SNILS, n.Birth, subject = p.SNILS, p.BirthDate, p.SNILS
	default:
		return n, ErrNotice
	}
	body, err := json.Marshal(n)
	if err != nil {
		return n, err
	}
	_, err = o.db.ExecContext(ctx, `insert into notice (registry, subject, body) values (?, ?, ?)`, registry, subject, string(body))
	return n, err
}

// annulled tells whether a document was annulled: it is nobody's from then on.
func (o *Office) annulled(ctx context.Context, document string) (bool, error) {
	var n int
	err := o.db.QueryRowContext(ctx, `select count(*) from notice where registry = ? and subject = ?`, Interior, document).Scan(&n)
	return n > 0, err
}

const feedPage = 100

// feed answers what is new after the caller's cursor, which is a place in our books.
func (o *Office) feed(w http.ResponseWriter, r *http.Request, registry string) {
	m, err := o.mode(r.Context(), registry)
	if err != nil || m.Mode == Down {
		reply(w, http.StatusServiceUnavailable, map[string]string{"error": "unavailable"})
		return
	}
	if m.Mode == Slow {
		select {
		case <-time.After(m.Delay):
		case <-r.Context().Done():
			return
		}
	}
	after, err := int64(0), error(nil)
	if cursor := r.URL.Query().Get("after"); cursor != "" {
		if after, err = strconv.ParseInt(cursor, 10, 64); err != nil {
			reply(w, http.StatusBadRequest, map[string]string{"error": "not a cursor of this feed"})
			return
		}
	}
	notices, last, err := o.notices(r.Context(), registry, after)
	if err != nil {
		reply(w, http.StatusInternalServerError, map[string]string{"error": "internal"})
		return
	}
	reply(w, http.StatusOK, map[string]any{"notices": notices, "next": strconv.FormatInt(last, 10), "more": len(notices) == feedPage})
}

func (o *Office) notices(ctx context.Context, registry string, after int64) (out []json.RawMessage, last int64, err error) {
	rows, err := o.db.QueryContext(ctx, `select seq, body from notice where registry = ? and seq > ? order by seq limit ?`, registry, after, feedPage)
	if err != nil {
		return nil, 0, err
	}
	defer rows.Close()
	out, last = []json.RawMessage{}, after
	for rows.Next() {
		var body string
		if err := rows.Scan(&last, &body); err != nil {
			return nil, 0, err
		}
		out = append(out, json.RawMessage(body))
	}
	return out, last, rows.Err()
}
