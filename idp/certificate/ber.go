package certificate

import (
	"bytes"
	"encoding/asn1"
	"errors"
)

// maxNesting is how deep a message may nest. A signed one with its certificates needs about twenty.
const maxNesting = 40

var errBER = errors.New("not BER")

// toDER gives a message the one form that parsers of DER read: programs that write signatures in one go
// leave lengths open and cut long contents in pieces (X.690 sections 8.1.3.6 and 8.7.3). What is DER comes
// back as it was.
func toDER(ber []byte) ([]byte, error) {
	out, rest, err := element(ber, 0)
	if err == nil && len(rest) > 0 {
		err = errBER
	}
	return out, err
}

// element converts the first element of in and returns what follows it.
func element(in []byte, depth int) (out, rest []byte, err error) {
	tag, content, rest, open, err := header(in)
	if err != nil || depth > maxNesting {
		return nil, nil, errBER
	}
	if tag&0x20 == 0 {
		return appendElement(tag, content), rest, nil
	}
	if open {
		content = rest
	}
	const octets, constructed = asn1.TagOctetString, 0x20
	var body []byte
	for open || len(content) > 0 {
		if open && bytes.HasPrefix(content, []byte{0, 0}) {
			rest = content[2:]
			break
		}
		child, left, err := element(content, depth+1)
		if err != nil {
			return nil, nil, err
		}
		if tag == octets|constructed { // pieces of one string
			if child[0] != octets {
				return nil, nil, errBER
			}
			_, child, _, _, _ = header(child)
		}
		body, content = append(body, child...), left
	}
	if tag == octets|constructed {
		tag = octets
	}
	return appendElement(tag, body), rest, nil
}

// header reads a tag and a length. Where the length is open the content is what follows, up to its end mark.
func header(in []byte) (tag byte, content, rest []byte, open bool, err error) {
	if len(in) < 2 || in[0]&0x1f == 0x1f || in[0] == 0 { // no message has high tags
		return 0, nil, nil, false, errBER
	}
	tag = in[0]
	size, in := int(in[1]), in[2:]
	switch {
	case size == 0x80:
		if tag&0x20 == 0 {
			return 0, nil, nil, false, errBER
		}
		return tag, nil, in, true, nil
	case size > 0x84:
		return 0, nil, nil, false, errBER
	case size > 0x80:
		n := size - 0x80
		if len(in) < n {
			return 0, nil, nil, false, errBER
		}
		size = 0
		for _, b := range in[:n] {
			size = size<<8 | int(b)
		}
		in = in[n:]
	}
	if size < 0 || size > len(in) {
		return 0, nil, nil, false, errBER
	}
	return tag, in[:size], in[size:], false, nil
}

func appendElement(tag byte, content []byte) []byte {
	out := make([]byte, 0, len(content)+6)
	out = append(out, tag)
	switch n := len(content); {
	case n < 0x80:
		out = append(out, byte(n))
	case n < 1<<8:
		out = append(out, 0x81, byte(n))
	case n < 1<<16:
		out = append(out, 0x82, byte(n>>8), byte(n))
	case n < 1<<24:
		out = append(out, 0x83, byte(n>>16), byte(n>>8), byte(n))
	default:
		out = append(out, 0x84, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
	}
	return append(out, content...)
}
