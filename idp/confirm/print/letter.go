// Package print makes the papers that Propusk sends and hands out: PDF, with the code as plain text in a
// core font, so that a reader without our fonts, a person's or a machine's, finds it.
package print

import (
	"bytes"
	_ "embed"
	"fmt"
	"strings"
	"time"

	"github.com/go-pdf/fpdf"
	"github.com/skip2/go-qrcode"

	"github.com/propusk/propusk/idp/confirm"
)

//go:embed fonts/DejaVuSansCondensed.ttf
var regular []byte

//go:embed fonts/DejaVuSansCondensed-Bold.ttf
var bold []byte

// A Press prints with what an installation's papers have in common.
type Press struct {
	// Issuer is the provider's address: the QR code leads there.
	Issuer string
	// Site is the product's name by language; empty means Пропуск and Propusk.
	Site map[string]string
	// Sender is the return address by language; empty means the demo's.
	Sender map[string]string
	// Help is the telephone for help.
	Help string
	// Zone is the time zone of dates; nil means Moscow's.
	Zone *time.Location
}

func pick(m map[string]string, lang, ru, en string) string {
	if s := m[lang]; s != "" {
		return s
	}
	if lang == "en" {
		return en
	}
	return ru
}

// words are the letter's sentences. %s are filled in Letter.
type words struct {
	title, greeting, intro, code, steps, step1, step2, step3, qr, valid, alien, warn, number, to, from string
}

var letterWords = map[string]words{
	"ru": {
		title:    "Код для подтверждения личности",
		greeting: "Здравствуйте!",
		intro:    "Вы заказали это письмо, чтобы подтвердить личность в системе «%s». Введите код на сайте, и учётная запись станет подтверждённой.",
		code:     "Ваш код",
		steps:    "Что сделать",
		step1:    "1. Откройте %s и войдите.",
		step2:    "2. Введите код. Регистр и дефисы не важны, O и 0, I и 1 — одно и то же.",
		step3:    "3. Уровень начнёт действовать на сайтах при следующем входе.",
		qr:       "Или наведите камеру телефона.",
		valid:    "Код действует %d дней с того дня, когда письмо передано почте. После пяти неверных попыток он отменяется.",
		alien:    "Если вы не заказывали это письмо, не вводите код и позвоните: %s.",
		warn:     "Никому не сообщайте код. Налоговая служба и другие ведомства, которым нужна явка лично, такое подтверждение не принимают.",
		number:   "Заказ %s от %s",
		to:       "Кому",
		from:     "От кого",
	},
	"en": {
		title:    "Your identity confirmation code",
		greeting: "Hello!",
		intro:    "You ordered this letter to confirm your identity in %s. Enter the code on the site, and your account becomes verified.",
		code:     "Your code",
		steps:    "What to do",
		step1:    "1. Open %s and sign in.",
		step2:    "2. Enter the code. Case and hyphens do not matter; O and 0, I and 1 are the same.",
		step3:    "3. Sites will see the new level at your next sign-in.",
		qr:       "Or point your phone's camera here.",
		valid:    "The code is valid for %d days from the day when the post took the letter. Five wrong attempts make it void.",
		alien:    "If you did not order this letter, do not enter the code and call %s.",
		warn:     "Tell the code to nobody. The tax service, and others that ask you to come in person, do not accept this confirmation.",
		number:   "Order %s of %s",
		to:       "To",
		from:     "From",
	},
}

// letterPath is where a letter's code is entered.
const letterPath = "/account/confirm/letter"

// Letter prints the letter with a code, one A4 page that folds into a window envelope. The QR code holds
// the address of the page and the code after "#": a browser does not send that part to anybody.
func (p Press) Letter(l confirm.Sheet) ([]byte, error) {
	lang := l.Lang
	if _, ok := letterWords[lang]; !ok {
		lang = "ru"
	}
	w := letterWords[lang]
	zone := p.Zone
	if zone == nil {
		zone = time.FixedZone("MSK", 3*60*60)
	}
	help := p.Help
	if help == "" {
		help = "8 800 000-00-00"
	}
	url := strings.TrimSuffix(p.Issuer, "/") + letterPath

	f := p.sheet(w.title, l.Ordered)
	f.SetFont("sans", "", 9)
	f.MultiCell(85, 4.5, w.from+": "+pick(p.Sender, lang, "Оператор системы «Пропуск», 101000, г. Москва, а/я 1", "Propusk, PO box 1, Moscow 101000"), "", "L", false)
	f.SetXY(115, 20)
	f.SetFont("sans", "", 9)
	f.MultiCell(75, 4.5, w.to+":", "", "L", false)
	f.SetX(115)
	f.SetFont("sans", "B", 11)
	f.MultiCell(75, 5.5, l.Name, "", "L", false)
	f.SetX(115)
	f.SetFont("sans", "", 10)
	f.MultiCell(75, 5, l.Address.Format(), "", "L", false)

	f.SetXY(20, 75)
	f.SetFont("sans", "B", 17)
	f.MultiCell(170, 9, w.title, "", "L", false)
	f.SetFont("sans", "", 9)
	f.MultiCell(170, 5, fmt.Sprintf(w.number, l.Number, l.Ordered.In(zone).Format("02.01.2006")), "", "L", false)
	f.Ln(4)
	f.SetFont("sans", "", 11)
	f.MultiCell(170, 6, w.greeting, "", "L", false)
	f.MultiCell(170, 6, fmt.Sprintf(w.intro, pick(p.Site, lang, "Пропуск", "Propusk")), "", "L", false)
	f.Ln(4)

	top := f.GetY()
	f.SetFont("sans", "", 9)
	f.MultiCell(110, 5, w.code, "", "L", false)
	f.SetFont("Courier", "B", 26)
	f.CellFormat(110, 16, l.Code.Format(), "1", 1, "C", false, 0, "")
	f.Ln(2)
	f.SetFont("sans", "", 9)
	f.MultiCell(110, 5, w.qr, "", "R", false)
	qr, err := qrcode.Encode(url+"#"+l.Code.String(), qrcode.Medium, 360)
	if err != nil {
		return nil, fmt.Errorf("print: %w", err)
	}
	f.RegisterImageOptionsReader("qr", fpdf.ImageOptions{ImageType: "PNG"}, bytes.NewReader(qr))
	f.ImageOptions("qr", 145, top, 40, 40, false, fpdf.ImageOptions{ImageType: "PNG"}, 0, "")

	f.SetXY(20, top+48)
	f.SetFont("sans", "B", 11)
	f.MultiCell(170, 7, w.steps, "", "L", false)
	f.SetFont("sans", "", 11)
	for _, line := range []string{fmt.Sprintf(w.step1, url), w.step2, w.step3} {
		f.MultiCell(170, 6, line, "", "L", false)
	}
	f.Ln(4)
	for _, line := range []string{fmt.Sprintf(w.valid, l.Valid), w.warn, fmt.Sprintf(w.alien, help)} {
		f.MultiCell(170, 6, line, "", "L", false)
		f.Ln(2)
	}
	return finish(f)
}

// sheet begins an A4 page whose bytes depend on what is printed and nothing else.
func (p Press) sheet(title string, at time.Time) *fpdf.Fpdf {
	f := fpdf.New("P", "mm", "A4", "")
	f.SetCatalogSort(true)
	f.SetCreationDate(at.UTC())
	f.SetModificationDate(at.UTC())
	f.SetProducer("Propusk", true)
	f.SetTitle(title, true)
	f.AddUTF8FontFromBytes("sans", "", regular)
	f.AddUTF8FontFromBytes("sans", "B", bold)
	f.SetMargins(20, 20, 20)
	f.SetAutoPageBreak(false, 0)
	f.AddPage()
	return f
}

func finish(f *fpdf.Fpdf) ([]byte, error) {
	var b bytes.Buffer
	if err := f.Output(&b); err != nil {
		return nil, fmt.Errorf("print: %w", err)
	}
	return b.Bytes(), nil
}
