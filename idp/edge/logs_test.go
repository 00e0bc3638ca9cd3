package edge_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"

	"github.com/propusk/propusk/idp/edge"
)

func TestLinesOfLibrariesCarryTheRequest(t *testing.T) {
	var out bytes.Buffer
	log := slog.New(edge.Logs(slog.NewTextHandler(&out, nil))).With("a", 1)
	log.InfoContext(edge.With(context.Background(), "7F3K-92QD", "192.0.2.1"), "request error")
	if !strings.Contains(out.String(), "id=7F3K-92QD") || strings.Contains(out.String(), "192.0.2.1") {
		t.Errorf("the line is %q", out.String())
	}
	out.Reset()
	log.Info("start")
	if strings.Contains(out.String(), "id=") {
		t.Errorf("outside of a request: %q", out.String())
	}
}
