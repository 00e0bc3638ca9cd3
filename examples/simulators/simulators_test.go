package simulators

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-pdf/fpdf"
	"github.com/pquerna/otp/totp"
)

const token = "the-provider's"

type served struct {
	t     *testing.T
	World string
	API   string
	Clock *Clock
	stop  func()
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func serve(t *testing.T, dir string) *served {
	t.Helper()
	clock, err := OpenClock(dir)
	if err != nil {
		t.Fatal(err)
	}
	world, mail, api := listen(t), listen(t), listen(t)
	s := &served{t: t, World: "http://" + world.Addr().String(), API: "http://" + api.Addr().String(), Clock: clock}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- Run(ctx, Config{
			World: []net.Listener{world}, SMTP: []net.Listener{mail}, API: []net.Listener{api}, PublicURL: s.World,
			Dir: dir, Token: token, Clock: clock,
			People: []Person{{Phone: "+79000000002", FamilyName: "Иванов", GivenName: "Иван", Sex: "m", BirthDate: "1980-01-02", BirthPlace: "Москва", Citizenship: "RUS",
				SNILS: "11223344595", Document: Document{Type: "ru_passport", Number: "4510123456", IssuedOn: "2000-02-03"}}},
			Seeds: map[string]any{"people": []any{}}, TOTP: map[string]string{"+79000000011": "JBSWY3DPEHPK3PXP"},
		})
	}()
	stopped := false
	s.stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the world ended with %v", err)
		}
	}
	t.Cleanup(s.stop)
	return s
}

func (s *served) do(method, address, contentType, body string, headers ...string) (int, string) {
	s.t.Helper()
	req, err := http.NewRequest(method, address, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			req.Host = headers[i+1]
		}
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return resp.StatusCode, string(data)
}

func (s *served) json(method, path, body string, into any) int {
	s.t.Helper()
	kind := ""
	if body != "" {
		kind = "application/json"
	}
	status, answer := s.do(method, s.World+path, kind, body)
	if into != nil {
		if err := json.Unmarshal([]byte(answer), into); err != nil {
			s.t.Fatalf("%s %s: %v in %s", method, path, err, answer)
		}
	}
	return status
}

func (s *served) api(method, path, body string) (int, string) {
	s.t.Helper()
	return s.do(method, s.API+path, "application/json", body, "Authorization", "Bearer "+token)
}

func page(t *testing.T, code string) []byte {
	t.Helper()
	pdf := fpdf.New("P", "mm", "A4", "")
	pdf.AddPage()
	pdf.SetFont("Courier", "B", 24)
	pdf.CellFormat(0, 20, code, "", 1, "", false, 0, "")
	var b bytes.Buffer
	if err := pdf.Output(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestTheProvidersTokenIsNeeded(t *testing.T) {
	s := serve(t, t.TempDir())
	for _, header := range []string{"", "Bearer wrong", "Basic " + token, token} {
		if status, _ := s.do("POST", s.API+"/sms/v1/messages", "application/json", `{}`, "Authorization", header); status != 401 {
			t.Errorf("Authorization %q: %d", header, status)
		}
	}
}

func TestMessagesLettersAndPeopleThroughTheWorldAPI(t *testing.T) {
	dir := t.TempDir()
	s := serve(t, dir)
	if status, _ := s.api("POST", "/sms/v1/messages", `{"id":"m","to":"+79000000002","text":"481 907 — код"}`); status != 202 {
		t.Fatalf("sms: %d", status)
	}
	pdf, err := json.Marshal(page(t, "7K3M-9QXT-4HP"))
	if err != nil {
		t.Fatal(err)
	}
	letter := fmt.Sprintf(`{"id":"l/1","to":{"name":"Иванов Иван","phone":"+79000000002","address":{"postal_code":"101000","locality":"Москва","street":"Мясницкая","house":"26","flat":"1"}},"pdf":%s}`, pdf)
	if status, body := s.api("POST", "/post/v1/letters", letter); status != 201 {
		t.Fatalf("letter: %d %s", status, body)
	}
	s.stop()
	s = serve(t, dir)

	var messages []map[string]any
	s.json("GET", "/api/messages?to="+url.QueryEscape("8 900 000 00 02"), "", &messages)
	if len(messages) != 1 || messages[0]["code"] != "481907" || messages[0]["channel"] != "sms" || messages[0]["at"] == nil {
		t.Errorf("messages after a restart: %v", messages)
	}
	for _, key := range []string{"id", "channel", "to", "subject", "text", "code", "link", "at"} {
		if _, ok := messages[0][key]; !ok {
			t.Errorf("a message lacks %s", key)
		}
	}
	var letters []map[string]any
	s.json("GET", "/api/letters?to=%2B79000000002", "", &letters)
	if len(letters) != 1 || letters[0]["code"] != "7K3M-9QXT-4HP" || letters[0]["status"] != "printed" || letters[0]["to"] != "+79000000002" || len(letters[0]["track"].(string)) != 14 {
		t.Fatalf("letters: %v", letters)
	}
	if status, body := s.do("GET", letters[0]["pdf"].(string), "", ""); status != 200 || !strings.HasPrefix(body, "%PDF-") {
		t.Errorf("pdf: %d", status)
	}
	var moved map[string]any
	path := "/api/letters/" + url.PathEscape(letters[0]["id"].(string)) + "/status"
	if status := s.json("POST", path, `{"status":"delivered"}`, &moved); status != 200 || moved["status"] != "delivered" {
		t.Errorf("moving: %d %v", status, moved)
	}
	if status := s.json("POST", path, `{"status":"printed"}`, nil); status != 409 {
		t.Errorf("moving back: %d", status)
	}
	if status := s.json("POST", "/api/letters/none/status", `{"status":"printed"}`, nil); status != 404 {
		t.Errorf("moving nothing: %d", status)
	}

	var people []Person
	s.json("GET", "/api/people", "", &people)
	if len(people) != 1 || people[0].FamilyName != "Иванов" || people[0].Document.Number != "4510123456" {
		t.Errorf("people: %+v", people)
	}
	var added Person
	if status := s.json("POST", "/api/people", `{"family_name":"Смит","given_name":"Джон","sex":"m","birth_date":"1970-05-06","birth_place":"Лондон","citizenship":"gbr","document":{"type":"foreign_passport","number":"AB 12345","issued_on":"2020-01-01","issuer":"HMPO"}}`, &added); status != 201 || len(added.SNILS) != 11 || added.Citizenship != "GBR" || added.Document.Number != "AB12345" {
		t.Errorf("adding: %d %+v", status, added)
	}
	for _, bad := range []string{`{}`, `{"unknown":1}`, `[]`, `{"family_name":`} {
		if status := s.json("POST", "/api/people", bad, nil); status != 400 {
			t.Errorf("adding %s: %d", bad, status)
		}
	}
}

func TestRegistriesSeedsAndTOTPThroughTheWorldAPI(t *testing.T) {
	s := serve(t, t.TempDir())
	var mode map[string]string
	if status := s.json("PUT", "/api/registries/pension", `{"mode":"slow","delay":"5s"}`, &mode); status != 200 || mode["mode"] != "slow" || mode["delay"] != "5s" {
		t.Errorf("setting: %d %v", status, mode)
	}
	var all map[string]map[string]string
	s.json("GET", "/api/registries", "", &all)
	if all["pension"]["mode"] != "slow" || all["interior"]["mode"] != "ok" || all["tax"]["mode"] != "ok" {
		t.Errorf("registries: %v", all)
	}
	for path, body := range map[string]string{"/api/registries/police": `{"mode":"ok"}`, "/api/registries/tax": `{"mode":"sleepy"}`, "/api/registries/interior": `{"mode":"slow","delay":"soon"}`} {
		if status := s.json("PUT", path, body, nil); status != 400 {
			t.Errorf("PUT %s %s: %d", path, body, status)
		}
	}
	var seeds map[string]any
	if s.json("GET", "/api/seeds", "", &seeds); seeds["people"] == nil {
		t.Errorf("seeds: %v", seeds)
	}
	var now struct{ Code string }
	s.json("GET", "/api/totp?phone=89000000011", "", &now)
	if !totp.Validate(now.Code, "JBSWY3DPEHPK3PXP") {
		t.Errorf("code %q is not the present one", now.Code)
	}
	if status := s.json("GET", "/api/totp?phone=89000000012", "", nil); status != 404 {
		t.Errorf("code of nobody: %d", status)
	}
	if status := s.json("GET", "/api/nothing", "", nil); status != 404 {
		t.Errorf("unknown call: %d", status)
	}
}

func TestTheClockMovesForwardAndStays(t *testing.T) {
	dir := t.TempDir()
	s := serve(t, dir)
	var shown struct{ Now, Offset string }
	if status := s.json("POST", "/api/clock", `{"advance":"720h"}`, &shown); status != 200 || shown.Offset != "720h0m0s" {
		t.Fatalf("advance: %d %+v", status, shown)
	}
	for _, bad := range []string{`{"advance":"-1h"}`, `{"advance":"soon"}`, `{"advance":""}`, `{"advance":"2000000h"}`} {
		if status := s.json("POST", "/api/clock", bad, nil); status != 400 {
			t.Errorf("%s: %d", bad, status)
		}
	}
	s.stop()
	again, err := OpenClock(dir)
	if err != nil || again.Offset() != 720*time.Hour {
		t.Fatalf("after a restart: %s, %v", again.Offset(), err)
	}
	if ahead := time.Until(again.Now()); ahead < 719*time.Hour || ahead > 721*time.Hour {
		t.Errorf("Now is %s ahead", ahead)
	}
}

func TestOtherPagesCannotChangeTheWorld(t *testing.T) {
	s := serve(t, t.TempDir())
	for _, kind := range []string{"application/x-www-form-urlencoded", "text/plain", ""} {
		if status, _ := s.do("POST", s.World+"/api/clock", kind, `{"advance":"1h"}`); status != 400 {
			t.Errorf("content type %q: %d", kind, status)
		}
	}
	if status, _ := s.do("POST", s.World+"/clock", "application/x-www-form-urlencoded", "advance=1h", "Origin", "http://evil.example", "Sec-Fetch-Site", "cross-site"); status != 403 {
		t.Errorf("a form of another site: %d", status)
	}
	for _, host := range []string{"evil.example", "evil.example:8090"} {
		if status, _ := s.do("GET", s.World+"/api/messages", "", "", "Host", host); status != 421 {
			t.Errorf("a rebound name: %d", status)
		}
	}
	if s.Clock.Offset() != 0 {
		t.Error("the clock moved")
	}
}

func TestTheWorldIsNotServedToOtherMachines(t *testing.T) {
	l, err := net.Listen("tcp", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	clock, err := OpenClock(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	cfg := Config{World: []net.Listener{l}, PublicURL: "http://localhost:1", Dir: t.TempDir(), Token: "x", Clock: clock}
	if err := Run(context.Background(), cfg); err == nil || !strings.Contains(err.Error(), "loopback") {
		t.Errorf("Run = %v", err)
	}
	cfg.Open = true
	if err := cfg.check(); err != nil {
		t.Errorf("opened by its owner: %v", err)
	}
}

func TestEveryPageInBothLanguagesAndItsForms(t *testing.T) {
	s := serve(t, t.TempDir())
	s.api("POST", "/sms/v1/messages", `{"id":"m","to":"+79000000002","text":"<script>alert(1)</script> http://localhost:8080/x"}`)
	pdf, err := json.Marshal(page(t, "7K3M-9QXT-4HP"))
	if err != nil {
		t.Fatal(err)
	}
	s.api("POST", "/post/v1/letters", fmt.Sprintf(`{"id":"l1","to":{"name":"<b>Иван","phone":"+79000000002","address":{"postal_code":"101000","locality":"Москва"}},"pdf":%s}`, pdf))
	for path, want := range map[string][2]string{
		"/outbox": {"Что пришло людям", "What people received"}, "/outbox?to=%2B79000000002": {"7 900 000-00-02</span></h2>", "7 900 000-00-02</span></h2>"},
		"/post": {"7K3M-9QXT-4HP", "Move the letter"}, "/registries": {"112-233-445 95", "Add a person"}, "/clock": {"Перевести вперёд", "Move forward"}, "/codes": {"7 900 000-00-11", "7 900 000-00-11"},
	} {
		for i, language := range []string{"ru", "en"} {
			status, body := s.do("GET", s.World+path, "", "", "Accept-Language", language)
			if status != 200 || !strings.Contains(body, want[i]) || strings.Contains(body, "<script>") || strings.Contains(body, "<b>") {
				t.Errorf("%s in %s: %d, want %q and no markup of strangers", path, language, status, want[i])
			}
		}
	}
	form := "application/x-www-form-urlencoded"
	for _, c := range []struct {
		path, body string
		status     int
		has        string
	}{
		{"/clock", "advance=24h", 200, "вперёд на 1 дн."},
		{"/clock", "advance=-24h", 400, "Часы не перевести"},
		{"/post/l1/status", "status=arrived", 200, "Прибыло в отделение"},
		{"/post/l1/status", "status=printed", 409, "Так не получится"},
		{"/post/none/status", "status=printed", 404, "Такой страницы нет"},
		{"/registries/tax/mode", "mode=slow&delay=5", 200, "Работает медленно"},
		{"/registries/tax/mode", "mode=slow&delay=x", 409, "Так не получится"},
		{"/registries/people", "family_name=Петров", 422, `aria-invalid="true"`},
		{"/registries/people", "family_name=Петров&given_name=Пётр&sex=m&birth_date=1990-01-01&citizenship=RUS&document_type=ru_passport&issued_on=2010-01-01", 200, "Петров Пётр"},
		{"/registries/people", strings.Repeat("x", 70<<10), 422, "Проверьте поля"},
	} {
		if status, body := s.do("POST", s.World+c.path, form, c.body, "Accept-Language", "ru"); status != c.status || !strings.Contains(body, c.has) {
			t.Errorf("POST %s %.60s: %d, want %d and %q", c.path, c.body, status, c.status, c.has)
		}
	}
}
