package post

import (
	"bytes"
	"compress/zlib"
	"io"
	"regexp"
)

// The code as it stands on the page: three groups of 4, 4 and 3 characters,
// shown as one string.
var shownCode = regexp.MustCompile(`\(([0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{3})\)\s*Tj`)

// A page of text inflates to little; more is not a letter.
const maxStream = 4 << 20

// ReadCode finds the code on a printed page, or nothing. It looks at the file as
// it stands, then into every packed stream.
func ReadCode(pdf []byte) string {
	if code := shownCode.FindSubmatch(pdf); code != nil {
		return string(code[1])
	}
	for rest := pdf; ; {
		_, after, ok := bytes.Cut(rest, []byte("stream"))
		if !ok {
			return ""
		}
		content, next, ok := bytes.Cut(after, []byte("endstream"))
		if !ok {
			return ""
		}
		rest = next
		r, err := zlib.NewReader(bytes.NewReader(bytes.TrimLeft(content, "\r\n")))
		if err != nil {
			continue
		}
		// A stream that breaks off still shows what came before.
		page, _ := io.ReadAll(io.LimitReader(r, maxStream))
		if code := shownCode.FindSubmatch(page); code != nil {
			return string(code[1])
		}
	}
}
