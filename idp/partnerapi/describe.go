package partnerapi

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"

	"github.com/goccy/go-yaml"
	"github.com/labstack/echo/v4"
)

//go:embed openapi/*.yaml
var descriptions embed.FS

// describe joins the files of openapi/ into one OpenAPI 3.1 document. Each file describes a group of routes;
// paths, and the entries of each kind of component, must be of one file only.
func describe(issuer string) ([]byte, error) {
	files, err := fs.Glob(descriptions, "openapi/*.yaml")
	if err != nil {
		return nil, err
	}
	whole := map[string]any{}
	for _, name := range files {
		text, err := descriptions.ReadFile(name)
		if err != nil {
			return nil, err
		}
		var part map[string]any
		if err := yaml.Unmarshal(text, &part); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if err := merge(whole, part); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	whole["servers"] = []any{map[string]any{"url": issuer + Root}}
	return json.MarshalIndent(whole, "", "  ")
}

// merge puts a part into the whole, object by object.
func merge(whole, part map[string]any) error {
	for k, v := range part {
		old, there := whole[k]
		if !there {
			whole[k] = v
			continue
		}
		a, ok := old.(map[string]any)
		b, also := v.(map[string]any)
		if !ok || !also {
			return fmt.Errorf("%s is described twice", k)
		}
		if err := merge(a, b); err != nil {
			return fmt.Errorf("%s: %w", k, err)
		}
	}
	return nil
}

// showDescription serves the description; it is no secret.
func (d *Door) showDescription(c echo.Context) error {
	h := c.Response().Header()
	h.Set("Cache-Control", "public, max-age=300")
	h.Set("Access-Control-Allow-Origin", "*")
	return c.Blob(http.StatusOK, "application/json", d.description)
}
