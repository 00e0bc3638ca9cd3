package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"net/url"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/propusk/propusk/cmd/internal/config"
	"github.com/propusk/propusk/idp"
	"github.com/propusk/propusk/idp/authn/password"
	"github.com/propusk/propusk/idp/certificate"
	"github.com/propusk/propusk/idp/confirm"
	"github.com/propusk/propusk/idp/notice/mail"
	"github.com/propusk/propusk/idp/seal"
	"github.com/propusk/propusk/idp/session"
)

// configure turns the configuration into what a provider is built from, reading the files of secrets.
func configure(c *config.Config, log *slog.Logger, metrics *prometheus.Registry) (idp.Config, error) {
	var errs []error
	secret := func(path string) string {
		s, err := config.Secret(path)
		if err != nil {
			errs = append(errs, err)
		}
		return s
	}
	issuer, err := url.Parse(c.Issuer)
	errs = append(errs, err)
	master, err := seal.LoadMaster(c.Keys.Master)
	errs = append(errs, err)
	var proxies []netip.Prefix
	for _, p := range c.TrustedProxies {
		prefix, err := netip.ParsePrefix(p)
		errs = append(errs, err)
		proxies = append(proxies, prefix)
	}
	keys := func(path string) []byte { return []byte(secret(path)) }
	api := func(a config.API) idp.API { return idp.API{URL: a.URL, Token: secret(a.TokenFile), Timeout: a.Timeout} }
	out := idp.Config{
		Issuer: issuer, Records: c.Stores.Records, Transients: c.Stores.Transients, Master: master,
		Now: time.Now, Wall: time.Now, Log: log, Metrics: metrics, Proxies: proxies,
		Registries: idp.Registries{
			Pension: c.Registries.Pension, Interior: c.Registries.Interior, Tax: c.Registries.Tax,
			Token: secret(c.Registries.TokenFile), Timeout: c.Registries.Timeout,
		},
		Post: api(config.API{URL: c.Post.URL, TokenFile: c.Post.TokenFile, Timeout: c.Post.Timeout}), SMS: api(c.SMS),
		Letters: idp.Letters{
			Mode: c.Post.Mode, Directory: c.Post.Directory, Reports: c.Post.Reports, Keys: keys(c.Post.ReportsKeys),
			Every: c.Post.Every, Largest: c.Post.Largest,
		},
		Mail: mail.Config{
			Address: c.Mail.Server, From: c.Mail.From, TLS: c.Mail.TLS, User: c.Mail.User,
			Password: secret(c.Mail.PasswordFile), Timeout: c.Mail.Timeout,
		},
		Passwords: idp.Passwords{
			Profile:  password.Profile(c.Passwords.Profile),
			Params:   password.Params{Memory: c.Passwords.MemoryKiB, Time: c.Passwords.Passes, Threads: c.Passwords.Threads},
			Limit:    password.Limit{Concurrent: c.Passwords.Admitted, Patience: c.Passwords.Wait},
			Breached: c.Passwords.Breached,
		},
		Sessions: map[session.Kind]session.Life{
			session.Ordinary: life(c.Sessions.Ordinary), session.Foreign: life(c.Sessions.Foreign), session.Operator: life(c.Sessions.Operator),
		},
		Tokens:         idp.Tokens{Access: c.Tokens.Access, JWT: c.Tokens.JWT, ID: c.Tokens.ID, Refresh: c.Tokens.Refresh},
		PrivateNetwork: c.PrivateNetwork, Help: c.Help,
		TwoPersons: twoPersons(c.Centres.TwoPersons),
		Certificates: idp.Certificates{
			Failure: certificate.Failure(c.Certificates.Revocation), OpenSSL: c.Certificates.OpenSSL,
			Rules: certificate.Rules{Qualified: c.Certificates.Qualified, Card: c.Certificates.Cards},
		},
	}
	if c.Certificates.PublicURL != "" {
		out.Certificates.PublicURL, err = url.Parse(c.Certificates.PublicURL)
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return out, fmt.Errorf("configuration: %w", err)
	}
	return out, nil
}

func life(l config.Life) session.Life { return session.Life{Whole: l.Lifetime, Idle: l.Idle} }

// twoPersons turns the rule for acts at a window: what never asks for two is negative there.
func twoPersons(t config.TwoPersons) confirm.RiskRules {
	out := confirm.RiskRules{Off: t.Off, Fresh: t.Fresh, Age: t.Age}
	if t.Fresh == 0 {
		out.Fresh = -1
	}
	if t.Age == 0 {
		out.Age = -1
	}
	return out
}
