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

// whatWords name what waits, is set or is lifted.
var whatWords = map[string][2]string{
	WhatContact:        {"новый контакт", "a new contact"},
	WhatContactRemoval: {"удаление контакта", "the removal of a contact"},
	WhatConfirmation:   {"подтверждение личности", "a confirmation of identity"},
	WhatRecovery:       {"восстановление доступа с новым паролем", "recovery of access with a new password"},
	WhatFreeze:         {"снятие заморозки", "lifting the freeze"},
	WhatNever:          {"снятие запрета на способ подтверждения", "allowing a way of confirmation again"},
	WhatWait:           {"отмена срока ожидания", "removing the waiting period"},
}

// lockWords are whole sentences: what was shut off.
var lockWords = map[string][2]string{
	WhatNever: {"Один из способов подтвердить личность теперь запрещён.", "One way of confirming identity is now shut off."},
	WhatWait:  {"Изменения в учётной записи теперь вступают в силу не сразу.", "Changes of the account now take effect after a wait."},
}

// openWords are whole sentences: what was opened again.
var openWords = map[string][2]string{
	WhatFreeze: {"Заморозка снята, сайты снова пускают вас.", "The freeze was lifted, services let you in again."},
	WhatNever:  {"Запрет на способ подтверждения личности снят.", "A way of confirming identity is allowed again."},
	WhatWait:   {"Срок ожидания отменён, изменения действуют сразу.", "The waiting period was removed, changes take effect at once."},
}
