package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"golang.org/x/sync/errgroup"

	"github.com/propusk/propusk/cmd/internal/config"
	"github.com/propusk/propusk/idp"
	"github.com/propusk/propusk/idp/edge"
)

type serveCommand struct {
	Config string `required:"" help:"The configuration; propusk.example.yaml explains it." type:"existingfile" placeholder:"FILE"`
	// Profile is for those who work on speed.
	Profile string `help:"Write a processor profile (pprof) of the whole run there." placeholder:"FILE"`
}

func (c *serveCommand) Run(ctx context.Context) (err error) {
	endProfile, err := startProfile(c.Profile)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, endProfile()) }()
	cfg, err := config.Load(c.Config, os.Environ())
	if err != nil {
		return err
	}
	log := newLogger(cfg.Log, cfg.LogLevel())
	slog.SetDefault(slog.New(edge.Logs(log.Handler()))) // for libraries that know no other logger
	metrics := prometheus.NewRegistry()
	metrics.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	built, err := configure(cfg, log, metrics)
	if err != nil {
		return err
	}
	// The ports come first: a busy one is found before anything is opened.
	public, err := listen("listen", cfg.Listen...)
	if err != nil {
		return err
	}
	defer closeAll(public)
	if cfg.TLS.Certificate != "" {
		pair, err := openCertificate(cfg.TLS, time.Now, log)
		if err != nil {
			return err
		}
		public = overTLS(public, serverTLS(pair.get))
	}
	var private []net.Listener
	if cfg.Admin.Listen != "" {
		if private, err = listen("admin.listen", cfg.Admin.Listen); err != nil {
			return err
		}
		defer closeAll(private)
	}
	presented, err := listen("certificates.listen", cfg.Certificates.Listen...)
	if err != nil {
		return err
	}
	defer closeAll(presented)
	if len(presented) > 0 {
		files := cfg.Certificates.TLS
		if files.Certificate == "" {
			files = cfg.TLS
		}
		pair, err := openCertificate(files, time.Now, log)
		if err != nil {
			return err
		}
		presented = overTLS(presented, askingTLS(pair.get))
	}
	stopTraces, err := startTraces(ctx, cfg.Tracing)
	if err != nil {
		return err
	}
	defer stopTraces()
	derive, endHashes, err := hashApart(ctx, cfg.Passwords, log)
	if err != nil {
		return err
	}
	defer endHashes()
	tuneMemory(cfg.Passwords, derive != nil)
	built.Passwords.Derive = derive
	p, err := idp.New(ctx, built)
	if err != nil {
		return err
	}
	log.InfoContext(ctx, "propusk is up", "issuer", cfg.Issuer, addresses(public))
	err = runProvider(ctx, p, log, traced(cfg.Tracing, p.Handler()), public, private, presented)
	log.InfoContext(context.WithoutCancel(ctx), "propusk is down")
	return err
}

func closeAll(ls []net.Listener) {
	for _, l := range ls {
		l.Close()
	}
}

func newLogger(l config.Log, level slog.Level) *slog.Logger {
	options := &slog.HandlerOptions{Level: level}
	if l.Format == "text" {
		return slog.New(slog.NewTextHandler(os.Stderr, options))
	}
	return slog.New(slog.NewJSONHandler(os.Stderr, options))
}

// drainFor is how long a node that is shutting down still takes requests, while those who send them learn
// that it is not ready; finishFor is how long the last requests may take.
const (
	drainFor  = 500 * time.Millisecond
	finishFor = 20 * time.Second
)

// runProvider serves until ctx ends, and then ends in order: not ready, no new requests, the last ones
// finished, the jobs finished, the stores closed.
func runProvider(ctx context.Context, p *idp.Provider, log *slog.Logger, handler http.Handler, public, private, presented []net.Listener) error {
	front, back, side := newServer(handler, log), newServer(p.AdminHandler(), log), newServer(p.CertificateHandler(), log)
	jobs, endJobs := context.WithCancel(context.WithoutCancel(ctx))
	defer endJobs()
	group, ctx := errgroup.WithContext(ctx)
	serve := func(s *http.Server, ls []net.Listener) {
		for _, l := range ls {
			group.Go(func() error {
				if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
					return err
				}
				return nil
			})
		}
	}
	serve(front, public)
	serve(back, private)
	serve(side, presented)
	ran := make(chan error, 1)
	group.Go(func() error {
		err := p.Run(jobs)
		ran <- err
		if jobs.Err() != nil {
			return nil // it ended because we asked
		}
		return err
	})
	group.Go(func() error {
		<-ctx.Done()
		finish, cancel := context.WithTimeout(context.WithoutCancel(ctx), finishFor)
		defer cancel()
		p.Drain()
		if len(private) > 0 { // somebody may be watching /readyz
			time.Sleep(drainFor)
		}
		err := errors.Join(front.Shutdown(finish), side.Shutdown(finish))
		endJobs()
		select {
		case <-ran:
		case <-finish.Done():
			log.WarnContext(finish, "jobs did not finish in time; they are run again after the next start")
		}
		return errors.Join(err, back.Shutdown(finish))
	})
	err := group.Wait()
	p.Close()
	return err
}

func newServer(h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler: h, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second, WriteTimeout: 60 * time.Second,
		IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 32 << 10, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}
