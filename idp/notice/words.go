package notice

// The names of things inside a sentence, by their spelling on the wire: Russian, English.

func word(words map[string][2]string, name, lang string) string {
	w, ok := words[name]
	if !ok {
		return name
	}
	if lang == "en" {
		return w[1]
	}
	return w[0]
}

// fieldWords name the fields that registries compare.
var fieldWords = map[string][2]string{
	"family_name":     {"фамилия", "family name"},
	"given_name":      {"имя", "given name"},
	"patronymic":      {"отчество", "patronymic"},
	"sex":             {"пол", "sex"},
	"birth_date":      {"дата рождения", "date of birth"},
	"birth_place":     {"место рождения", "place of birth"},
	"citizenship":     {"гражданство", "citizenship"},
	"snils":           {"СНИЛС", "SNILS"},
	"document_number": {"номер документа", "document number"},
	"issued_on":       {"дата выдачи", "date of issue"},
	"issuer":          {"кем выдан", "issuing authority"},
	"department_code": {"код подразделения", "department code"},
}

// methodWords complete "Identity confirmed: ...".
var methodWords = map[string][2]string{
	"service_center":      {"визит в центр обслуживания", "a visit to a service centre"},
	"qualified_signature": {"квалифицированная электронная подпись", "a qualified electronic signature"},
	"electronic_card":     {"электронная карта", "an electronic card"},
	"bank":                {"банк", "a bank"},
	"mail_code":           {"код из письма", "the code from a letter"},
}

var levelWords = map[string][2]string{
	"simplified": {"упрощённая", "simplified"},
	"standard":   {"стандартная", "standard"},
	"verified":   {"подтверждённая", "verified"},
}

// whyWords are whole sentences: why the level was lowered.
var whyWords = map[string][2]string{
	WhyWithdrawn: {"Подтверждение личности отозвано.", "A confirmation of your identity was withdrawn."},
	WhyData:      {"Ваши данные изменились и больше не подтверждены.", "Your data has changed and is no longer confirmed."},
	WhyDocument:  {"Ваш документ больше не действует.", "Your identity document is no longer valid."},
	WhyFraud:     {"Есть признаки, что учётной записью пользуется другой человек.", "There are signs that somebody else uses the account."},
	WhyOffice:    {"Так решил администратор.", "An administrator decided so."},
	WhyRecall: {"Мы перепроверяем подтверждения, сделанные там же, где ваше. Вы ни в чём не виноваты.",
		"We are reviewing the confirmations made where yours was. You have done nothing wrong."},
	WhyCitizen: {"Вы сообщили, что подтверждали не вы.", "You told us that it was not you who confirmed."},
}
