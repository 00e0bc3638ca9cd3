package ui

// exampleQuestion asks for a key of an address that is nobody's: a press in the gallery leads nowhere.
const exampleQuestion = `{"publicKey":{"challenge":"AQIDBAUGBwgJCgsMDQ4PEA","timeout":300000,"rpId":"id.example.org","allowCredentials":[{"type":"public-key","id":"AQIDBA"}],"userVerification":"required"}}`

func (OperatorKeys) examples() []Example {
	keys := []Passkey{
		{Name: "Ключ на связке", Since: at(3, 9, 10), Used: at(24, 9, 2), RemoveTo: "/operator/keys/AQIDBA"},
		{Name: "Рабочий ноутбук", Since: at(12, 18, 40), Synced: true, RemoveTo: "/operator/keys/AQIDBQ"},
		{Name: "Старый ключ", Since: at(1, 8, 0), Used: at(20, 8, 1), Doubted: at(21, 8, 30), RemoveTo: "/operator/keys/AQIDBg"},
	}
	form := Form{Action: "/operator/keys"}
	wrong := form
	wrong.Faults = []Fault{{Field: "key-name", Code: "key.name"}, {Field: "current-password", Code: "password.wrong"}, {Field: "code", Code: "totp.wrong"}}
	return []Example{
		{"some", OperatorKeys{Form: form, Keys: keys, App: true, Possible: true, Notice: "added"}},
		{"none yet", OperatorKeys{Form: form, App: true, Possible: true}},
		{"wrong", OperatorKeys{Form: wrong, Keys: keys[:1], App: true, Possible: true}},
		{"no app", OperatorKeys{Form: form, Keys: keys[:1], Possible: true}},
		{"no TLS", OperatorKeys{Form: form, App: true}},
		{"full", OperatorKeys{Form: form, Keys: keys, App: true, Possible: true, Full: true, Notice: "removed"}},
	}
}

func (OperatorKeyNew) examples() []Example {
	key := PasskeyForm{Action: "/operator/keys/new", Options: exampleQuestion, Alone: true, New: true}
	return []Example{{"asked", OperatorKeyNew{Key: key, Name: "Ключ на связке"}}}
}

func (OperatorKeyRemove) examples() []Example {
	k := Passkey{Name: "Ключ на связке", Since: at(3, 9, 10), Used: at(24, 9, 2)}
	form := Form{Action: "/operator/keys/AQIDBA"}
	last := form
	last.Faults = []Fault{{Code: "key.last"}}
	return []Example{
		{"asked", OperatorKeyRemove{Form: form, Key: k, App: true}},
		{"the last one", OperatorKeyRemove{Form: last, Key: k}},
	}
}
