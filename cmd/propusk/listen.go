package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"syscall"
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

// open takes the ports, all or none, on 127.0.0.1 and ::1: browsers try either for localhost.
func open(base int, ports ...port) (opened, error) {
	out := opened{}
	var errs []error
	for _, p := range ports {
		number := base + int(p)
		for _, host := range []string{"127.0.0.1", "::1"} {
			l, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(number)))
			switch {
			case err == nil:
				out[p] = append(out[p], l)
			case host == "::1" && !errors.Is(err, syscall.EADDRINUSE): // a machine without IPv6
			case errors.Is(err, syscall.EADDRINUSE):
				errs = append(errs, fmt.Errorf("port %d is busy", number))
			default:
				errs = append(errs, fmt.Errorf("port %d: %w", number, err))
			}
			if err != nil {
				break
			}
		}
	}
	if len(errs) > 0 {
		out.close()
		return nil, fmt.Errorf("%w\nstop what listens there, or choose other ports with --base-port: the demo takes %d to %d",
			errors.Join(errs...), base, base+int(portAPI))
	}
	return out, nil
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
