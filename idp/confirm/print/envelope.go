package print

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/go-pdf/fpdf"
	"github.com/skip2/go-qrcode"

	"github.com/propusk/propusk/idp/confirm"
)

type envelopeWords struct {
	title, fold, intro, code, step1, step2, valid, warn, to, number, open string
}

var envelopeTexts = map[string]envelopeWords{
	"ru": {
		title: "Код активации",
		fold:  "Сложите лист по двум линиям: верхняя треть закрывает код, нижняя остаётся снаружи. Заклейте край.",
		intro: "Ваша личность сверена с документом. Введите код, и учётная запись в системе «%s» станет подтверждённой.",
		code:  "Ваш код",
		step1: "1. Откройте %s и войдите.",
		step2: "2. Введите код или наведите камеру телефона. O и 0, I и 1 — одно и то же.",
		valid: "Код действует до %s. После пяти неверных попыток он отменяется.",
		warn:  "Никому не сообщайте код. Сотрудники центра его не знают и не спрашивают.",
		to:    "Кому", number: "Обращение %s от %s", open: "Вскройте сами. Если край вскрыт до вас, не вводите код и вернитесь в центр.",
	},
	"en": {
		title: "Activation code",
		fold:  "Fold along the two lines: the upper third covers the code, the lower one stays outside. Seal the edge.",
		intro: "You were compared with your document. Enter the code, and your account in %s becomes verified.",
		code:  "Your code",
		step1: "1. Open %s and sign in.",
		step2: "2. Enter the code, or point your phone's camera here. O and 0, I and 1 are the same.",
		valid: "The code is valid until %s. Five wrong attempts make it void.",
		warn:  "Tell the code to nobody. The staff of the centre neither know nor ask for it.",
		to:    "To", number: "Case %s of %s", open: "Open it yourself. If the edge was opened before you, do not enter the code and come back.",
	},
}

// envelopePath is where an activation code is entered.
const envelopePath = "/account/confirm/visit"

const third = 99.0 // millimetres: a third of A4

// Envelope prints one A4 sheet that is folded in three. The upper third lies on the code and is covered with a
// pattern, so that the code cannot be read against the light; the lower third is the outside, with the name.
func (p Press) Envelope(e confirm.EnvelopeSheet) ([]byte, error) {
	w, lang := envelopeTexts[e.Lang], e.Lang
	if w.title == "" {
		w, lang = envelopeTexts["ru"], "ru"
	}
	url := strings.TrimSuffix(p.Issuer, "/") + envelopePath
	f := p.sheet(w.title+" "+e.Number, e.Made)
	f.SetLang(lang)
	line := func(x, y, width, size, height float64, style, text string) {
		f.SetXY(x, y)
		f.SetFont("sans", style, size)
		f.MultiCell(width, height, text, "", "L", false)
	}

	// Above: the pattern, mirrored over the fold where the code lies.
	line(20, 10, 170, 9, 4.5, "", w.fold)
	pattern(f, 15, 26, 180, 66)
	dashes(f, third)

	// In the middle: the code.
	line(20, third+8, 170, 14, 7, "B", w.title)
	line(20, third+17, 120, 10, 5, "", fmt.Sprintf(w.intro, pick(p.Site, lang, "Пропуск", "Propusk")))
	line(20, third+33, 110, 9, 5, "", w.code)
	f.SetXY(20, third+38)
	f.SetFont("Courier", "B", 24)
	f.CellFormat(105, 14, e.Code.Format(), "1", 1, "C", false, 0, "")
	qr, err := qrcode.Encode(url+"#"+e.Code.String(), qrcode.Medium, 360)
	if err != nil {
		return nil, fmt.Errorf("print: %w", err)
	}
	f.RegisterImageOptionsReader("qr", fpdf.ImageOptions{ImageType: "PNG"}, bytes.NewReader(qr))
	f.ImageOptions("qr", 148, third+14, 38, 38, false, fpdf.ImageOptions{ImageType: "PNG"}, 0, "")
	line(20, third+57, 170, 10, 5, "", fmt.Sprintf(w.step1, url)+"\n"+w.step2+"\n"+fmt.Sprintf(w.valid, e.Until.Format("02.01.2006"))+"\n"+w.warn)
	dashes(f, 2*third)

	// Below: what is outside.
	if e.Centre != nil {
		line(20, 2*third+10, 85, 9, 4.5, "", strings.Trim(pick(e.Centre.Name, lang, e.Centre.Name["ru"], e.Centre.Name["ru"]), " "))
	}
	line(20, 2*third+20, 85, 9, 4.5, "", fmt.Sprintf(w.number, e.Number, e.Made.Format("02.01.2006")))
	line(105, 2*third+35, 85, 9, 4.5, "", w.to+":")
	line(105, 2*third+41, 85, 13, 6.5, "B", e.Name)
	line(20, 2*third+75, 170, 9, 4.5, "", w.open)
	return finish(f)
}

// dashes are a line to fold along.
func dashes(f *fpdf.Fpdf, y float64) {
	f.SetLineWidth(0.2)
	f.SetDashPattern([]float64{2, 2}, 0)
	f.Line(5, y, 205, y)
	f.SetDashPattern(nil, 0)
}

// pattern fills a place with capitals, close and grey, that a code behind them is lost among.
func pattern(f *fpdf.Fpdf, x, y, width, height float64) {
	f.SetTextColor(70, 70, 70)
	f.SetFont("Courier", "B", 13)
	const letters = "A8K4X0M7R3B9T5H2W6E1N8Y4C7P3V0D5J9S2G6F1"
	row := 0
	for at := y + 3; at < y+height; at += 3.4 {
		f.Text(x, at, strings.Repeat(letters[row%len(letters):]+letters[:row%len(letters)], 2)[:int(width/2.76)])
		row += 7
	}
	f.SetTextColor(0, 0, 0)
}
