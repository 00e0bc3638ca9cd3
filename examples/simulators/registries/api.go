package registries

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"net/http"
	"time"
)

// Mount adds the registries' HTTP APIs.
func (o *Office) Mount(mux *http.ServeMux) {
	for registry, path := range map[string]string{Pension: "/pension/v1/checks", Interior: "/interior/v1/checks", Tax: "/tax/v1/inn"} {
		mux.HandleFunc("POST "+path, func(w http.ResponseWriter, r *http.Request) { o.ask(w, r, registry) })
		mux.HandleFunc("GET "+path+"/{id}", func(w http.ResponseWriter, r *http.Request) { o.poll(w, r, registry) })
	}
	for registry, path := range map[string]string{Pension: "/pension/v1/notices", Interior: "/interior/v1/notices"} {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) { o.feed(w, r, registry) })
	}
}

func (o *Office) ask(w http.ResponseWriter, r *http.Request, registry string) {
	m, err := o.mode(r.Context(), registry)
	if err != nil || m.Mode == Down {
		reply(w, http.StatusServiceUnavailable, map[string]string{"error": "unavailable"})
		return
	}
	var q inquiry
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 64<<10)).Decode(&q); err != nil || q.ID == "" || len(q.ID) > 200 {
		reply(w, http.StatusBadRequest, map[string]string{"error": "not an inquiry with an id"})
		return
	}
	repeated, err := o.write(r.Context(), registry, m, q)
	if err != nil {
		reply(w, http.StatusInternalServerError, map[string]string{"error": "internal"})
		return
	}
	if m.Mode == Slow && !repeated {
		select {
		case <-time.After(m.Delay):
		case <-r.Context().Done():
			return
		}
	}
	o.answer(w, r, registry, q.ID)
}

func (o *Office) poll(w http.ResponseWriter, r *http.Request, registry string) {
	m, err := o.mode(r.Context(), registry)
	if err != nil || m.Mode == Down {
		reply(w, http.StatusServiceUnavailable, map[string]string{"error": "unavailable"})
		return
	}
	o.answer(w, r, registry, r.PathValue("id"))
}

// write puts the verdict into the books unless the id is there already.
func (o *Office) write(ctx context.Context, registry string, m Mode, q inquiry) (repeated bool, err error) {
	a, err := o.decide(ctx, registry, m.Mode, q)
	if err != nil {
		return false, err
	}
	body, err := json.Marshal(a)
	if err != nil {
		return false, err
	}
	ready := o.now().Add(o.delay)
	if m.Mode == Slow {
		ready = o.now() // the held connection is the wait
	}
	result, err := o.db.ExecContext(ctx, `insert into inquiry (registry, id, answer, ready_at) values (?, ?, ?, ?) on conflict do nothing`,
		registry, q.ID, string(body), ready.UnixNano())
	if err != nil {
		return false, err
	}
	n, err := result.RowsAffected()
	return n == 0, err
}

func (o *Office) answer(w http.ResponseWriter, r *http.Request, registry, id string) {
	var body string
	var ready int64
	var a answer
	err := o.db.QueryRowContext(r.Context(), `select answer, ready_at from inquiry where registry = ? and id = ?`, registry, id).Scan(&body, &ready)
	if err == nil {
		err = json.Unmarshal([]byte(body), &a)
	}
	switch {
	case errors.Is(err, sql.ErrNoRows):
		reply(w, http.StatusNotFound, map[string]string{"error": "unknown id"})
	case err != nil:
		reply(w, http.StatusInternalServerError, map[string]string{"error": "internal"})
	case a.Never || o.now().UnixNano() < ready:
		reply(w, http.StatusAccepted, map[string]string{"id": id, "status": "pending"})
	default:
		done := map[string]any{"id": id, "status": "done", "verdict": a.Verdict}
		if registry == Tax {
			if a.INN != "" {
				done["inn"] = a.INN
			}
		} else {
			done["fields"] = append([]string{}, a.Fields...)
		}
		reply(w, http.StatusOK, done)
	}
}

func reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}
