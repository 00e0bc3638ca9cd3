package main

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"
	"time"

	"github.com/propusk/propusk/cmd/internal/config"
)

// serverTLS is how the provider and the sites of the demo speak TLS: 1.3, or 1.2 with forward secrecy and
// authenticated encryption alone (BCP 195, RFC 9325 section 4.2).
func serverTLS(certificate func(*tls.ClientHelloInfo) (*tls.Certificate, error)) *tls.Config {
	return &tls.Config{
		GetCertificate: certificate, MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"},
		CipherSuites: []uint16{
			tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
			tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
			tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
		},
	}
}

// askingTLS also asks the client for a certificate, of whatever issuer; the provider judges it. Every
// connection is a handshake of its own, so that nobody is taken for whom an earlier one showed.
func askingTLS(certificate func(*tls.ClientHelloInfo) (*tls.Certificate, error)) *tls.Config {
	t := serverTLS(certificate)
	t.ClientAuth, t.NextProtos, t.SessionTicketsDisabled = tls.RequestClientCert, []string{"http/1.1"}, true
	return t
}

func overTLS(ls []net.Listener, t *tls.Config) []net.Listener {
	out := make([]net.Listener, len(ls))
	for i, l := range ls {
		out[i] = tls.NewListener(l, t)
	}
	return out
}

// lookAgain is how often a handshake looks whether the certificate's files have changed.
const lookAgain = time.Minute

// A siteCertificate is read from its files again after they have changed, so that whoever renews it need not
// restart anything. While the new files do not fit together, as in the middle of a renewal, the old one
// stays in use.
type siteCertificate struct {
	files config.TLS
	now   func() time.Time
	log   *slog.Logger

	mu      sync.Mutex
	pair    *tls.Certificate
	written [2]time.Time // when the files in use were changed last
	looked  time.Time
}

func openCertificate(files config.TLS, now func() time.Time, log *slog.Logger) (*siteCertificate, error) {
	c := &siteCertificate{files: files, now: now, log: log, looked: now()}
	if _, err := c.read(); err != nil {
		return nil, fmt.Errorf("tls: %w", err)
	}
	return c, nil
}

// get has the form of tls.Config.GetCertificate.
func (c *siteCertificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := c.now(); now.Sub(c.looked) >= lookAgain {
		c.looked = now
		switch changed, err := c.read(); {
		case err != nil:
			c.log.Warn("the certificate's files have changed and cannot be used; the old certificate stays", "error", err)
		case changed:
			c.log.Info("the certificate was read again", "until", c.pair.Leaf.NotAfter)
		}
	}
	return c.pair, nil
}

// read reads the files if they are not those in use.
func (c *siteCertificate) read() (changed bool, err error) {
	var written [2]time.Time
	for i, path := range []string{c.files.Certificate, c.files.Key} {
		info, err := os.Stat(path)
		if err != nil {
			return false, err
		}
		written[i] = info.ModTime()
	}
	if c.pair != nil && written == c.written {
		return false, nil
	}
	pair, err := tls.LoadX509KeyPair(c.files.Certificate, c.files.Key)
	if err != nil {
		return false, err
	}
	c.pair, c.written = &pair, written
	return true, nil
}
