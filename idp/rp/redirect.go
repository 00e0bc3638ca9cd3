package rp

import (
	"errors"
	"net"
	"net/url"
	"slices"
	"strings"
)

// Redirects tells whether an answer may go to an address: exactly one that is registered (RFC 9700
// section 2.1), or for native applications a registered loopback address with any port (RFC 8252 section
// 7.3). Nothing is decoded or normalised before comparing: what looks equal after decoding may not be
// equal to the browser.
func (p *Party) Redirect(address string) bool {
	if address == "" {
		return false
	}
	if slices.Contains(p.Redirects, address) {
		return true
	}
	if !p.Native {
		return false
	}
	bare, ok := withoutPort(address)
	return ok && slices.ContainsFunc(p.Redirects, func(r string) bool {
		registered, ok := withoutPort(r)
		return ok && registered == bare
	})
}

// withoutPort takes the port out of a loopback address, textually: the rest stays as it was written.
func withoutPort(address string) (string, bool) {
	rest, ok := strings.CutPrefix(address, "http://")
	if !ok {
		return "", false
	}
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	host, path := rest[:end], rest[end:]
	name, port := host, ""
	if i := strings.LastIndexByte(host, ':'); i > strings.LastIndexByte(host, ']') {
		name, port = host[:i], host[i+1:]
		if port == "" || len(port) > 5 || strings.Trim(port, "0123456789") != "" {
			return "", false
		}
	}
	if name != "localhost" && name != "127.0.0.1" && name != "[::1]" {
		return "", false
	}
	return "http://" + name + path, true
}

// After tells whether the browser may go to an address after signing out: exactly one that is registered.
func (p *Party) After(address string) bool {
	return address != "" && slices.Contains(p.PostLogout, address)
}

// checkAddress holds an address to the rules of registration.
func checkAddress(address string) error {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Host == "" || u.Opaque != "" || u.Hostname() == "":
		return errors.New("is not an absolute address")
	case u.Fragment != "" || strings.Contains(address, "#"):
		return errors.New("has a fragment")
	case strings.Contains(address, "*"):
		return errors.New("has a wildcard")
	case u.User != nil:
		return errors.New("names a user")
	case strings.ContainsFunc(address, func(r rune) bool { return r <= ' ' || r == 0x7f || r == '\\' }):
		return errors.New("has characters that addresses do not have")
	case u.Scheme == "https":
		return nil
	case u.Scheme == "http" && Loopback(u.Hostname()):
		return nil
	}
	return errors.New("is neither https nor http on this machine")
}

// Loopback tells whether a host is this machine, by its address or by a name that never leaves it: localhost
// and all below (RFC 6761 section 6.3).
func Loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || ip != nil && ip.IsLoopback()
}
