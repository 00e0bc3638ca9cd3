package config

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/goccy/go-yaml"
)

// prefix begins every variable that overrides a setting.
const prefix = "PROPUSK_"

// Variables under the same prefix that are no settings: what make test tells the tests.
const (
	forTests = "PROPUSK_TEST_"
	required = "PROPUSK_REQUIRE"
)

// override lays the environment over the configuration. A variable that names no setting is a mistake,
// as an unknown key is: a typing error must not silently leave a default in force.
func override(c *Config, environ []string) (mistakes []error) {
	settings := map[string]reflect.Value{}
	collect(prefix, reflect.ValueOf(c).Elem(), settings)
	for _, e := range environ {
		name, value, _ := strings.Cut(e, "=")
		if !strings.HasPrefix(name, prefix) || strings.HasPrefix(name, forTests) || name == required {
			continue
		}
		field, ok := settings[name]
		if !ok {
			mistakes = append(mistakes, fmt.Errorf("environment: %s names no setting", name))
			continue
		}
		if err := set(field, value); err != nil {
			mistakes = append(mistakes, fmt.Errorf("environment: %s: want %s", name, kind(field)))
		}
	}
	return mistakes
}

// collect maps the variables' names to the fields.
func collect(path string, v reflect.Value, into map[string]reflect.Value) {
	for i := range v.NumField() {
		name := path + strings.ToUpper(v.Type().Field(i).Tag.Get("yaml"))
		if v.Field(i).Kind() == reflect.Struct {
			collect(name+"_", v.Field(i), into)
			continue
		}
		into[name] = v.Field(i)
	}
}

func set(field reflect.Value, value string) error {
	switch field.Kind() {
	case reflect.String:
		field.SetString(value)
		return nil
	case reflect.Slice:
		var list []string
		for s := range strings.SplitSeq(value, ",") {
			if s = strings.TrimSpace(s); s != "" {
				list = append(list, s)
			}
		}
		field.Set(reflect.ValueOf(list))
		return nil
	}
	return yaml.Unmarshal([]byte(value), field.Addr().Interface())
}
