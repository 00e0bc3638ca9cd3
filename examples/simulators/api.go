package simulators

import (
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/propusk/propusk/examples/simulators/authority"
	"github.com/propusk/propusk/examples/simulators/gateway"
	"github.com/propusk/propusk/examples/simulators/post"
	"github.com/propusk/propusk/examples/simulators/registries"
)

// The World API. What is sent must be JSON by its content type: a page of
// another site can send a form here unasked, but not that.
func (w *world) mountAPI(mux *http.ServeMux) {
	for pattern, handle := range map[string]func(*http.Request) (int, any, error){
		"GET /api/seeds":                w.apiSeeds,
		"GET /api/totp":                 w.apiTOTP,
		"GET /api/messages":             w.apiMessages,
		"GET /api/letters":              w.apiLetters,
		"POST /api/letters/{id}/status": w.apiMoveLetter,
		"GET /api/people":               w.apiPeople,
		"POST /api/people":              w.apiAddPerson,
		"GET /api/registries":           w.apiRegistries,
		"GET /api/registries/{name}":    w.apiRegistry,
		"PUT /api/registries/{name}":    w.apiSetRegistry,

		"POST /api/registries/{name}/notices": w.apiTell,

		"GET /api/clock":  w.apiClock,
		"POST /api/clock": w.apiAdvance,

		"GET /api/certificates":                  w.apiCertificates,
		"POST /api/certificates":                 w.apiIssue,
		"POST /api/certificates/{serial}/revoke": w.apiRevoke,
		"POST /api/certificates/{serial}/sign":   w.apiSign,
		"GET /api/authority":                     w.apiAuthority,
		"PUT /api/authority":                     w.apiSetAuthority,
	} {
		mux.HandleFunc(pattern, func(rw http.ResponseWriter, r *http.Request) {
			status, body, err := handle(r)
			if err != nil {
				status, body = w.apiError(r, err)
			}
			answer(rw, status, body)
		})
	}
	mux.HandleFunc("/api/", func(rw http.ResponseWriter, _ *http.Request) {
		answer(rw, http.StatusNotFound, map[string]string{"error": "no such call"})
	})
}

// A badRequest is the caller's mistake, said in full.
type badRequest struct{ error }

func (w *world) apiError(r *http.Request, err error) (int, any) {
	status := http.StatusInternalServerError
	var bad badRequest
	switch {
	case errors.As(err, &bad), errors.Is(err, registries.ErrMode), errors.Is(err, registries.ErrNotice), errors.Is(err, authority.ErrOrder), errors.Is(err, authority.ErrMode):
		status = http.StatusBadRequest
	case errors.Is(err, post.ErrUnknown), errors.Is(err, errUnknown), errors.Is(err, authority.ErrUnknown):
		status = http.StatusNotFound
	case errors.Is(err, post.ErrMove):
		status = http.StatusConflict
	case errors.Is(err, authority.ErrNoGost):
		status = http.StatusNotImplemented
	default:
		w.cfg.Logger.ErrorContext(r.Context(), "world API", "error", err)
		return status, map[string]string{"error": "internal"}
	}
	return status, map[string]string{"error": err.Error()}
}

var errUnknown = errors.New("not known here")

func answer(rw http.ResponseWriter, status int, body any) {
	rw.Header().Set("Content-Type", "application/json")
	rw.WriteHeader(status)
	_ = json.NewEncoder(rw).Encode(body)
}

func take(r *http.Request, into any) error {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return badRequest{errors.New("the content type must be application/json")}
	}
	body := json.NewDecoder(http.MaxBytesReader(nil, r.Body, 64<<10))
	body.DisallowUnknownFields()
	if err := body.Decode(into); err != nil {
		return badRequest{fmt.Errorf("body: %w", err)}
	}
	return nil
}

func (w *world) apiSeeds(*http.Request) (int, any, error) {
	if w.cfg.Seeds == nil {
		return http.StatusOK, struct{}{}, nil
	}
	return http.StatusOK, w.cfg.Seeds, nil
}

// apiTOTP computes by the real time: the person's phone knows no other.
func (w *world) apiTOTP(r *http.Request) (int, any, error) {
	phone := gateway.Recipient(r.URL.Query().Get("phone"))
	for of, secret := range w.cfg.TOTP {
		if gateway.Recipient(of) != phone {
			continue
		}
		now := time.Now()
		code, err := totp.GenerateCode(secret, now)
		return http.StatusOK, map[string]any{"phone": phone, "code": code, "expires_in": secondsLeft(now)}, err
	}
	return 0, nil, errUnknown
}

// secondsLeft is how long the present TOTP code still stands.
func secondsLeft(now time.Time) int { return int(30 - now.Unix()%30) }

func (w *world) apiMessages(r *http.Request) (int, any, error) {
	messages, err := w.outbox.Messages(r.Context(), r.URL.Query().Get("to"))
	return http.StatusOK, messages, err
}

// A letter as the World API shows it.
type letter struct {
	ID      string       `json:"id"`
	To      string       `json:"to"`
	Name    string       `json:"name"`
	Address string       `json:"address"`
	Track   string       `json:"track"`
	Status  post.Status  `json:"status"`
	Code    string       `json:"code"`
	Events  []post.Event `json:"events"`
	PDF     string       `json:"pdf"`
}

func (w *world) shown(l post.Letter) letter {
	return letter{
		ID: l.ID, To: gateway.Recipient(l.To.Phone), Name: l.To.Name, Address: l.To.Address.String(), Track: l.Track,
		Status: l.Status(), Code: l.Code, Events: l.Events,
		PDF: strings.TrimSuffix(w.cfg.PublicURL, "/") + letterPath(l.ID),
	}
}

func (w *world) letters(r *http.Request, to string) ([]letter, error) {
	all, err := w.post.Letters(r.Context())
	shown := []letter{}
	for _, l := range all {
		if to == "" || l.To.Phone != "" && gateway.Recipient(l.To.Phone) == gateway.Recipient(to) || named(l.To.Name, to) {
			shown = append(shown, w.shown(l))
		}
	}
	return shown, err
}

// named tells whether a letter is addressed to that name, or to somebody with that surname: who registered
// by e-mail has given no telephone.
func named(addressee, to string) bool {
	surname, _, _ := strings.Cut(addressee, " ")
	return strings.EqualFold(addressee, to) || strings.EqualFold(surname, to)
}

func (w *world) apiLetters(r *http.Request) (int, any, error) {
	letters, err := w.letters(r, r.URL.Query().Get("to"))
	return http.StatusOK, letters, err
}

func (w *world) apiMoveLetter(r *http.Request) (int, any, error) {
	var body struct {
		Status post.Status `json:"status"`
	}
	if err := take(r, &body); err != nil {
		return 0, nil, err
	}
	l, err := w.post.Move(r.Context(), r.PathValue("id"), body.Status)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, w.shown(l), nil
}

func (w *world) apiPeople(r *http.Request) (int, any, error) {
	people, err := w.people.People(r.Context())
	return http.StatusOK, people, err
}

// apiAddPerson makes up the numbers that are left out.
func (w *world) apiAddPerson(r *http.Request) (int, any, error) {
	var p Person
	if err := take(r, &p); err != nil {
		return 0, nil, err
	}
	added, err := w.people.Add(r.Context(), p.NewNumbers())
	if err != nil {
		return 0, nil, badRequest{fmt.Errorf("wrong: %s", strings.ReplaceAll(err.Error(), "\n", ", "))}
	}
	return http.StatusCreated, added, nil
}

type behaviour struct {
	Mode  string `json:"mode"`
	Delay string `json:"delay"`
}

func (w *world) apiRegistries(r *http.Request) (int, any, error) {
	modes, err := w.people.Modes(r.Context())
	shown := map[string]behaviour{}
	for name, m := range modes {
		shown[name] = behaviour{m.Mode, m.Delay.String()}
	}
	return http.StatusOK, shown, err
}

func (w *world) apiRegistry(r *http.Request) (int, any, error) {
	modes, err := w.people.Modes(r.Context())
	m, ok := modes[r.PathValue("name")]
	if err == nil && !ok {
		err = errUnknown
	}
	return http.StatusOK, behaviour{m.Mode, m.Delay.String()}, err
}

func (w *world) apiSetRegistry(r *http.Request) (int, any, error) {
	var body behaviour
	if err := take(r, &body); err != nil {
		return 0, nil, err
	}
	m := registries.Mode{Mode: body.Mode}
	if body.Delay != "" {
		delay, err := time.ParseDuration(body.Delay)
		if err != nil {
			return 0, nil, registries.ErrMode
		}
		m.Delay = delay
	}
	if err := w.people.SetMode(r.Context(), r.PathValue("name"), m); err != nil {
		return 0, nil, err
	}
	return w.apiRegistry(r)
}

func (w *world) apiClock(*http.Request) (int, any, error) {
	return http.StatusOK, map[string]string{"now": w.clock.Now().UTC().Format(time.RFC3339), "offset": w.clock.Offset().String()}, nil
}

func (w *world) apiAdvance(r *http.Request) (int, any, error) {
	var body struct {
		Advance string `json:"advance"`
	}
	if err := take(r, &body); err != nil {
		return 0, nil, err
	}
	d, err := time.ParseDuration(body.Advance)
	if err == nil {
		err = w.clock.Advance(d)
	}
	if err != nil {
		return 0, nil, badRequest{err}
	}
	return w.apiClock(r)
}
