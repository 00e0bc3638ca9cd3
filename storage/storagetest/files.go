package storagetest

import (
	"crypto/rand"
	"os"
	"strings"
	"testing"

	"github.com/propusk/propusk/idp/notice"
)

func read(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	ok(t, "read", err)
	return string(b)
}

// filesWith lists the files that hold a word.
func filesWith(t *testing.T, files []string, word string) []string {
	t.Helper()
	var out []string
	for _, f := range files {
		if strings.Contains(read(t, f), word) {
			out = append(out, f)
		}
	}
	return out
}

func message(s *Stores, phone string) notice.Message {
	return notice.Message{ID: rand.Text(), Channel: notice.SMS, To: phone, Text: "Длинное письмо для Анна", Created: s.Clock.Now()}
}
