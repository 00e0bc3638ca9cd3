package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"syscall"
	"time"
)

// A port of the demo, counted from the base port.
type port int

// The ports that other programs rely on.
const (
	portProvider port = 0
	portPortal   port = 1
	portTax      port = 2
	portPension  port = 3
	portVoting   port = 4
	portBank     port = 5
	portPresent  port = 6 // where browsers present certificates
	portAdmin    port = 9
	portWorld    port = 10
	portSMTP     port = 11
	portAPI      port = 12
)

// opened are the listeners of a demo.
type opened map[port][]net.Listener

func (o opened) close() {
	for _, ls := range o {
		for _, l := range ls {
			l.Close()
		}
	}
}

// machine are the hosts of this machine alone: browsers try either for localhost.
var machine = []string{"127.0.0.1", "::1"}

// open takes ports of the demo on all hosts, all or none. A machine may lack IPv6.
func (o opened) open(base int, hosts []string, ports ...port) error {
	var errs []error
	for _, p := range ports {
		number := base + int(p)
		for _, host := range hosts {
			l, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(number)))
			switch {
			case err == nil:
				o[p] = append(o[p], l)
			case host == "::1" && !errors.Is(err, syscall.EADDRINUSE): // a machine without IPv6
			case errors.Is(err, syscall.EADDRINUSE):
				errs = append(errs, fmt.Errorf("port %d is busy", number))
			default:
				errs = append(errs, fmt.Errorf("%s, port %d: %w", host, number, err))
			}
			if err != nil {
				break
			}
		}
	}
	if len(errs) > 0 {
		o.close()
		return fmt.Errorf("%w\nstop what listens there, or choose other ports with --base-port: the demo takes %d to %d",
			errors.Join(errs...), base, base+int(portAPI))
	}
	return nil
}

// secure puts TLS before the listeners of some ports.
func (o opened) secure(t *tls.Config, ports ...port) {
	for _, p := range ports {
		o[p] = overTLS(o[p], t)
	}
}

// transport carries the calls of the demo's programs to each other. Their public name may lead nowhere
// from here, as in a container, so their addresses are dialled where they listen; everything else about a
// call, the name in the certificate too, is as for a stranger.
func (o opened) transport(publicHost string, first int, t *tls.Config) *http.Transport {
	here := map[string]string{}
	for p, ls := range o {
		at := ls[0].Addr().(*net.TCPAddr)
		ip := at.IP
		switch {
		case ip.Equal(net.IPv4zero):
			ip = net.IPv4(127, 0, 0, 1)
		case ip.IsUnspecified(): // :: takes IPv4 too
			ip = net.IPv6loopback
		}
		here[net.JoinHostPort(publicHost, strconv.Itoa(first+int(p)))] = net.JoinHostPort(ip.String(), strconv.Itoa(at.Port))
	}
	dialer := &net.Dialer{Timeout: 5 * time.Second}
	return &http.Transport{
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			if at, ok := here[address]; ok {
				address = at
			}
			return dialer.DialContext(ctx, network, address)
		},
		TLSClientConfig: t, TLSHandshakeTimeout: 5 * time.Second, ResponseHeaderTimeout: 10 * time.Second,
		MaxIdleConnsPerHost: 4, IdleConnTimeout: time.Minute, ForceAttemptHTTP2: true,
	}
}

// listen takes the addresses of a configuration.
func listen(setting string, addresses ...string) (out []net.Listener, err error) {
	for _, a := range addresses {
		l, err := net.Listen("tcp", a)
		if err != nil {
			for _, l := range out {
				l.Close()
			}
			if errors.Is(err, syscall.EADDRINUSE) {
				return nil, fmt.Errorf("%s is busy; stop what listens there, or change %s in the configuration", a, setting)
			}
			return nil, fmt.Errorf("%s: %w", setting, err)
		}
		out = append(out, l)
	}
	return out, nil
}

// logging attributes of listeners.
func addresses(ls []net.Listener) slog.Attr {
	var all []string
	for _, l := range ls {
		all = append(all, l.Addr().String())
	}
	return slog.Any("addresses", all)
}
