package idp_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/idptest"
	"github.com/propusk/propusk/idp/partner"
)

// A contract is the description of the partner API as it is served.
type contract struct{ root map[string]any }

func served(t *testing.T, w *idptest.World) contract {
	t.Helper()
	resp, err := http.Get(w.Issuer.String() + "/partner/v1/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	c := contract{}
	if err != nil || resp.StatusCode != http.StatusOK || json.Unmarshal(text, &c.root) != nil {
		t.Fatalf("%d %s", resp.StatusCode, text)
	}
	return c
}

// at follows references and names.
func (c contract) at(v any, path ...string) any {
	for {
		m, ok := v.(map[string]any)
		if !ok {
			return v
		}
		if ref, ok := m["$ref"].(string); ok {
			v = c.at(c.root, strings.Split(strings.TrimPrefix(ref, "#/"), "/")...)
			continue
		}
		if len(path) == 0 {
			return v
		}
		v, path = m[path[0]], path[1:]
	}
}

// check tells how a value is not as its schema says. It knows the keywords that our description uses, and
// refuses those that it does not know.
func (c contract) check(where string, schema, v any) (wrong []string) {
	s, ok := c.at(schema).(map[string]any)
	if !ok {
		return []string{where + ": no schema"}
	}
	bad := func(format string, a ...any) { wrong = append(wrong, where+": "+fmt.Sprintf(format, a...)) }
	kinds := map[string]bool{}
	switch v := v.(type) {
	case string:
		kinds["string"] = true
		if p, ok := s["pattern"].(string); ok && !regexp.MustCompile(p).MatchString(v) {
			bad("%q is not %s", v, p)
		}
		if f, ok := s["format"].(string); ok && f == "date-time" {
			if _, err := time.Parse(time.RFC3339, v); err != nil {
				bad("%v", err)
			}
		}
	case float64:
		kinds["number"], kinds["integer"] = true, v == float64(int64(v))
		if low, ok := s["minimum"].(float64); ok && v < low {
			bad("%v is below %v", v, low)
		}
		if high, ok := s["maximum"].(float64); ok && v > high {
			bad("%v is above %v", v, high)
		}
	case bool:
		kinds["boolean"] = true
	case []any:
		kinds["array"] = true
		for i, item := range v {
			wrong = append(wrong, c.check(fmt.Sprintf("%s[%d]", where, i), s["items"], item)...)
		}
	case map[string]any:
		kinds["object"] = true
		properties, _ := c.at(s, "properties").(map[string]any)
		for name, member := range v {
			if schema, ok := properties[name]; ok {
				wrong = append(wrong, c.check(where+"."+name, schema, member)...)
			} else if s["additionalProperties"] == false {
				bad("%s is not described", name)
			}
		}
		required, _ := s["required"].([]any)
		for _, name := range required {
			if _, ok := v[name.(string)]; !ok {
				bad("%s is missing", name)
			}
		}
	}
	if kind, ok := s["type"].(string); ok && !kinds[kind] {
		bad("%v is no %s", v, kind)
	}
	if enum, ok := s["enum"].([]any); ok && !slices.Contains(enum, v) {
		bad("%v is none of %v", v, enum)
	}
	for keyword := range s {
		if !slices.Contains([]string{"type", "pattern", "format", "minimum", "maximum", "minLength", "maxLength", "items", "properties", "additionalProperties", "required", "enum", "description"}, keyword) {
			bad("the keyword %s is not known to this test", keyword)
		}
	}
	return wrong
}

// answers holds a reply against the description of an operation.
func (c contract) answers(t *testing.T, method, path string, r *idptest.Reply) {
	t.Helper()
	operation := c.at(c.root, "paths", path, strings.ToLower(method))
	if operation == nil {
		t.Fatalf("%s %s is not described", method, path)
	}
	response := c.at(operation, "responses", fmt.Sprint(r.Status))
	media := "application/json"
	if response == nil {
		response, media = c.at(operation, "responses", "default"), "application/problem+json"
	}
	if got := r.Header.Get("Content-Type"); got != media {
		t.Errorf("%s %s %d: content type %q, want %q", method, path, r.Status, got, media)
	}
	var v any
	if err := json.Unmarshal(r.Body, &v); err != nil {
		t.Fatalf("%s %s %d: %v: %s", method, path, r.Status, err, r.Body)
	}
	content, ok := c.at(response, "content").(map[string]any)
	if !ok {
		t.Fatalf("%s %s %d is not described", method, path, r.Status)
	}
	media0, ok := content[media].(map[string]any)
	if !ok {
		t.Fatalf("%s %s %d: %s is not described", method, path, r.Status, media)
	}
	for _, wrong := range c.check(method+" "+path, media0["schema"], v) {
		t.Errorf("%d: %s", r.Status, wrong)
	}
}

func TestTheDescriptionAndTheRoutesAreTheSame(t *testing.T) {
	w := idptest.New(t)
	c := served(t, w)
	if v := c.root["openapi"]; v != "3.1.0" {
		t.Errorf("openapi %v", v)
	}
	described := map[string]bool{}
	for path, item := range c.at(c.root, "paths").(map[string]any) {
		for method, operation := range item.(map[string]any) {
			described[strings.ToUpper(method)+" /partner/v1"+path] = true
			for _, p := range []string{"operationId", "summary", "responses"} {
				if c.at(operation, p) == nil {
					t.Errorf("%s %s has no %s", method, path, p)
				}
			}
		}
	}
	mounted := map[string]bool{}
	for _, route := range w.Routes() {
		method, path, _ := strings.Cut(route, " ")
		if !strings.HasPrefix(path, "/partner/v1/") {
			continue
		}
		parts := strings.Split(path, "/")
		for i, p := range parts {
			if name, ok := strings.CutPrefix(p, ":"); ok {
				parts[i] = "{" + name + "}"
			}
		}
		mounted[method+" "+strings.Join(parts, "/")] = true
	}
	for route := range mounted {
		if !described[route] {
			t.Errorf("%s is mounted and not described: add it to idp/partnerapi/openapi", route)
		}
	}
	for route := range described {
		if !mounted[route] {
			t.Errorf("%s is described and not mounted", route)
		}
	}
	// Every reference leads somewhere.
	text, err := json.Marshal(c.root)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`"\$ref":"(#[^"]+)"`).FindAllStringSubmatch(string(text), -1) {
		if c.at(map[string]any{"$ref": m[1]}) == nil {
			t.Errorf("%s leads nowhere", m[1])
		}
	}
}

// newcomer is a body of POST /registrations for somebody whom the registries know as the account's data says.
func newcomer(a *account.Account, reference string) map[string]any {
	body := idptest.Vouch(a, reference)
	p, who := a.Profile.Person, body["identity"].(map[string]any)
	who["sex"], who["birth_place"], who["citizenship"] = p.Sex.String(), p.BirthPlace, p.Citizenship.String()
	who["document"] = map[string]any{
		"type": p.Document.Type.String(), "number": p.Document.Number, "issued_on": p.Document.IssuedOn.String(), "issuer": p.Document.Issuer,
		"department_code": p.Document.DepartmentCode,
	}
	return body
}

func TestAnswersAreAsTheDescriptionSays(t *testing.T) {
	w := idptest.New(t)
	c, b, a := served(t, w), aBank(w), w.NewCitizen(account.Standard)
	stranger := idptest.Citizen(t, w.Clock.Now(), account.Standard)
	token := b.Token()
	n := 0
	send := func(path string, body any) *idptest.Reply {
		n++
		return b.Send(b.Request(token, path, fmt.Sprintf("key-%05d", n), body))
	}
	mismatch := idptest.Vouch(a, "ZR-0002")
	mismatch["identity"].(map[string]any)["given_name"] = "Зоя"
	wrong := idptest.Vouch(a, "ZR-0003")
	wrong["identity"].(map[string]any)["snils"] = "112-233-445 96"
	unknown := idptest.Vouch(a, "ZR-0004")
	unknown["colour"] = "red"
	extra := newcomer(stranger, "ZR-0006")
	delete(extra["identity"].(map[string]any)["document"].(map[string]any), "issued_on")
	for _, x := range []struct {
		path string
		body any
		want int
	}{
		{"/confirmations", idptest.Vouch(a, "ZR-0001"), http.StatusCreated}, {"/confirmations", mismatch, http.StatusCreated},
		{"/confirmations", wrong, http.StatusUnprocessableEntity}, {"/confirmations", unknown, http.StatusBadRequest},
		{"/confirmations", []byte("{"), http.StatusBadRequest}, {"/confirmations", []byte(`[1]`), http.StatusBadRequest},
		{"/confirmations", []byte(`{"reference":1}`), http.StatusBadRequest}, {"/confirmations", []byte("\"\xff\""), http.StatusBadRequest},
		{"/confirmations", []byte(`{"reference":"` + strings.Repeat("x", 70_000) + `"}`), http.StatusRequestEntityTooLarge},
		{"/confirmations", []byte(strings.Repeat("[", 5000)), http.StatusBadRequest},
		{"/confirmations", []byte(`{"reference":"<script>alert(1)</script>","identity":{}}`), http.StatusUnprocessableEntity},
		{"/confirmations", idptest.Vouch(a, "ZR-0001"), http.StatusConflict},
		{"/registrations", newcomer(stranger, "ZR-0005"), http.StatusAccepted}, {"/registrations", extra, http.StatusUnprocessableEntity},
		{"/registrations", newcomer(stranger, "ZR-0005"), http.StatusConflict},
	} {
		r := send(x.path, x.body)
		if r.Status != x.want {
			t.Errorf("POST %s %.80v: %d %s, want %d", x.path, x.body, r.Status, r.Body, x.want)
		}
		c.answers(t, "POST", x.path, r)
		if strings.Contains(string(r.Body), "<script>") {
			t.Errorf("markup came back: %s", r.Body)
		}
	}
	for _, x := range []struct {
		path, reference string
		want            int
	}{
		{"/confirmations", "ZR-0001", http.StatusOK}, {"/confirmations", "ZR-0002", http.StatusOK}, {"/confirmations", "ZR-7777", http.StatusNotFound},
		{"/confirmations", "%00", http.StatusNotFound}, {"/confirmations", strings.Repeat("x", 500), http.StatusNotFound},
		{"/registrations", "ZR-0005", http.StatusOK}, {"/registrations", "ZR-0001", http.StatusNotFound},
	} {
		r := b.Send(b.Request(token, x.path+"/"+x.reference, "", nil))
		if r.Status != x.want {
			t.Errorf("GET %s/%.20s: %d %s, want %d", x.path, x.reference, r.Status, r.Body, x.want)
		}
		if !strings.Contains(x.reference, "%") {
			c.answers(t, "GET", x.path+"/{reference}", r)
		}
	}
	// Without what every call needs.
	for name, change := range map[string]func(h http.Header){
		"no key": func(h http.Header) { h.Del("Idempotency-Key") }, "a short key": func(h http.Header) { h.Set("Idempotency-Key", "x") },
		"two keys": func(h http.Header) { h.Add("Idempotency-Key", "another-key") }, "a form": func(h http.Header) { h.Set("Content-Type", "application/x-www-form-urlencoded") },
		"two tokens": func(h http.Header) { h.Add("Authorization", "Bearer x") }, "no token": func(h http.Header) { h.Del("Authorization") },
	} {
		r := b.Request(token, "/confirmations", "key-"+name, idptest.Vouch(a, "ZR-0009"))
		change(r.Header)
		got := b.Send(r)
		if got.Status < 400 || got.Status >= 500 {
			t.Errorf("%s: %d %s", name, got.Status, got.Body)
		}
		c.answers(t, "POST", "/confirmations", got)
	}
	other := w.RegisterPartner(&partner.Partner{ID: "other", Kind: partner.Bank})
	refusal(t, other.Call("/confirmations/ZR-0001", "", nil), http.StatusNotFound) // another bank's
	for _, path := range []string{"/partner/v1", "/partner/v1/nothing", "/partner/v1/confirmations"} {
		resp, err := http.Get(w.Issuer.String() + path)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if got := resp.Header.Get("Content-Type"); got != "application/problem+json" {
			t.Errorf("GET %s: %d of %s", path, resp.StatusCode, got)
		}
	}
}
