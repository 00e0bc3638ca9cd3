package flow

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// certificate has an authority of the outside world issue one.
func (r *Runner) certificate(ctx context.Context, args []string) error {
	order := map[string]string{"phone": args[0]}
	for _, pair := range args[2:] {
		name, value, _ := strings.Cut(pair, "=")
		order[name] = value
	}
	body, err := json.Marshal(order)
	if err != nil {
		return err
	}
	answer, err := r.world(ctx, http.MethodPost, "/api/certificates", string(body))
	if err != nil {
		return err
	}
	var issued struct{ Serial string }
	if err := json.Unmarshal(answer, &issued); err != nil || issued.Serial == "" {
		return fmt.Errorf("no certificate: %s", answer)
	}
	r.vars[args[1]] = issued.Serial
	return nil
}

// sign does what a person does between two pages: keep the file, sign it, choose the signature.
func (r *Runner) sign(ctx context.Context, b Browser, args []string) error {
	address, err := b.Link(ctx, args[0])
	if err != nil {
		return err
	}
	content, err := b.Fetch(ctx, address)
	if err != nil {
		return err
	}
	body, err := json.Marshal(map[string][]byte{"content": content})
	if err != nil {
		return err
	}
	answer, err := r.world(ctx, http.MethodPost, "/api/certificates/"+args[2]+"/sign", string(body))
	if err != nil {
		return err
	}
	var signed struct{ CMS []byte }
	if err := json.Unmarshal(answer, &signed); err != nil || len(signed.CMS) == 0 {
		return fmt.Errorf("no signature: %s", answer)
	}
	return b.Attach(ctx, args[1], "statement.txt.p7s", signed.CMS)
}
