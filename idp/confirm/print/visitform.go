package print

import (
	"fmt"
	"strings"

	"github.com/go-pdf/fpdf"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/civil"
	"github.com/propusk/propusk/idp/confirm"
)

var formDocuments = map[civil.DocumentType]string{
	civil.RuPassport:      "паспорт гражданина Российской Федерации",
	civil.ResidencePermit: "вид на жительство",
	civil.ForeignPassport: "паспорт иностранного гражданина",
}

// A formAct is what the form of a kind of visit says: what it is about, what is asked for, what was done.
type formAct struct{ about, ask, done string }

var formActs = map[confirm.VisitReason]formAct{
	confirm.ToConfirm:  {"о подтверждении личности владельца учётной записи", "Прошу подтвердить мою личность в системе «%s».", "Подтверждение записано"},
	confirm.ToHandCode: {"о выдаче кода активации", "Прошу выдать мне в конверте код, которым я сам подтвержу учётную запись в системе «%s».", "Код в закрытом конверте выдан"},
	confirm.ToRestore:  {"о восстановлении доступа к учётной записи", "Прошу восстановить доступ к моей учётной записи в системе «%s»: заменить номер телефона на указанный ниже и завершить все сеансы.", "Номер телефона заменён, прежние сеансы завершены"},
	confirm.ToCorrect:  {"об изменении данных учётной записи", "Прошу изменить мои данные в системе «%s» на указанные ниже и подтвердить личность.", "Данные направлены на проверку"},
	confirm.ToRegister: {"о создании учётной записи", "Прошу создать мне учётную запись в системе «%s» и подтвердить мою личность. Я даю согласие на обработку указанных ниже персональных данных для этой цели.", "Учётная запись создана, данные направлены на проверку"},
	confirm.ToDelete:   {"об удалении учётной записи", "Прошу удалить мою учётную запись в системе «%s». Я понимаю, что вернуть её нельзя.", "Заявление принято"},
}

// VisitForm prints the application form of a visit, two copies of one A4 page each. It is a paper of the
// centre's files, so it is in Russian whatever the citizen's language.
func (p Press) VisitForm(v confirm.VisitForm) ([]byte, error) {
	f := p.sheet("Заявление "+v.Number, v.At)
	f.SetLang("ru")
	p.formCopy(f, v, "Экземпляр 1 из 2. Остаётся в центре обслуживания.")
	f.AddPage()
	p.formCopy(f, v, "Экземпляр 2 из 2. Выдаётся заявителю.")
	return finish(f)
}

func (p Press) formCopy(f *fpdf.Fpdf, v confirm.VisitForm, whose string) {
	site, person := pick(p.Site, "ru", "Пропуск", ""), v.Person
	name := strings.Join(strings.Fields(person.FamilyName.Format()+" "+person.GivenName.Format()+" "+person.Patronymic.Format()), " ")
	line := func(size, height float64, style, text string) {
		f.SetFont("sans", style, size)
		f.MultiCell(170, height, text, "", "L", false)
	}

	line(9, 4.5, "", whose)
	f.SetXY(20, 30)
	line(10, 5, "B", v.Centre.Name["ru"])
	line(10, 5, "", strings.Trim(v.Centre.Town["ru"]+", "+v.Centre.Address["ru"], ", "))
	f.Ln(8)
	line(16, 8, "B", "Заявление № "+v.Number)
	words := formActs[v.Reason]
	line(11, 6, "", words.about)
	f.Ln(5)
	came := "пришёл лично и предъявил"
	if person.Sex == civil.Female {
		came = "пришла лично и предъявила"
	}
	line(11, 6, "", fmt.Sprintf(words.ask, site)+" Я "+came+" документ, указанный ниже. Сведения верны.")
	f.Ln(4)
	for _, row := range formRows(person, name, v.Phone) {
		if row[1] == "" {
			continue
		}
		room(f, 35)
		top := f.GetY()
		f.SetFont("sans", "", 9.5)
		f.MultiCell(55, 6, row[0], "", "L", false)
		f.SetXY(75, top)
		f.SetFont("sans", "B", 10.5)
		f.MultiCell(115, 6, row[1], "", "L", false)
		f.Line(20, f.GetY()+0.6, 190, f.GetY()+0.6)
		f.Ln(1.4)
	}
	f.Ln(8)
	room(f, 40)
	signature(f, "Заявитель", name)
	f.Ln(8)
	room(f, 50)
	at := v.At.Format("02.01.2006 15:04")
	line(11, 6, "", fmt.Sprintf("Личность заявителя установлена: лицо и каждая строка сверены с предъявленным документом. "+
		words.done+" %s.", at))
	f.Ln(8)
	operator := "№ " + v.Operator.String()
	if v.Window != "" {
		operator += ", окно " + v.Window
	}
	signature(f, "Оператор", operator)
	if v.Second != 0 {
		f.Ln(8)
		room(f, 20)
		signature(f, "Второй оператор", "№ "+v.Second.String())
	}
}

// room begins another page unless so much is left on this one: names and issuers may be long.
func room(f *fpdf.Fpdf, height float64) {
	if f.GetY()+height > 285 {
		f.AddPage()
	}
}

// formRows are the lines of the form; the empty ones are left out.
func formRows(p account.Person, name, phone string) [][2]string {
	rows := [][2]string{
		{"Фамилия, имя, отчество", name},
		{"Пол", map[civil.Sex]string{civil.Male: "мужской", civil.Female: "женский"}[p.Sex]},
		{"Дата рождения", p.BirthDate.Format()},
		{"Место рождения", p.BirthPlace},
		{"Гражданство", p.Citizenship.Name("ru")},
		{"СНИЛС", p.SNILS.Format()},
	}
	if d := p.Document; d != nil {
		rows = append(rows,
			[2]string{"Документ", formDocuments[d.Type]},
			[2]string{"Серия и номер", d.Format()},
			[2]string{"Дата выдачи", d.IssuedOn.Format()},
			[2]string{"Действует до", d.ExpiresOn.Format()},
			[2]string{"Кем выдан", d.Issuer},
			[2]string{"Код подразделения", d.DepartmentCode})
	}
	if n, err := civil.ParsePhone(phone); err == nil {
		rows = append(rows, [2]string{"Номер телефона", n.Format()})
	}
	return rows
}

// signature is a line to sign on, with who signs and the date.
func signature(f *fpdf.Fpdf, who, name string) {
	top := f.GetY()
	f.SetFont("sans", "B", 10.5)
	f.MultiCell(75, 5.5, who+": "+name, "", "L", false)
	end := f.GetY()
	f.Line(100, top+5.5, 145, top+5.5)
	f.Line(152, top+5.5, 190, top+5.5)
	f.SetFont("sans", "", 8)
	f.SetXY(100, top+6)
	f.CellFormat(45, 4, "подпись", "", 0, "C", false, 0, "")
	f.SetXY(152, top+6)
	f.CellFormat(38, 4, "дата", "", 0, "C", false, 0, "")
	f.SetXY(20, max(end, top+10))
}
