package config

import "time"

// Centres are the rules of the service centres.
type Centres struct {
	TwoPersons TwoPersons `yaml:"two_persons"`
}

// TwoPersons says when an act at a window waits for a second operator. A deletion always does.
type TwoPersons struct {
	// Off makes one operator enough for everything else.
	Off bool `yaml:"off"`
	// Fresh is how long a changed contact or a restored access asks for two; 0: never.
	Fresh time.Duration `yaml:"fresh"`
	// Age is from how many years on two must look; 0: never.
	Age int `yaml:"age"`
}

func (c *Config) validateCentres(v *verdict) {
	v.between("centres.two_persons.fresh", c.Centres.TwoPersons.Fresh, 0, 90*24*time.Hour)
	v.want(c.Centres.TwoPersons.Age >= 0 && c.Centres.TwoPersons.Age <= 150, "centres.two_persons.age: want 0 to 150")
}
