package servers

import (
	"context"
	"fmt"
	"strconv"
)

// FindRedis returns the path of the Redis server, or ErrMissing.
func FindRedis() (string, error) { return find("redis-server") }

// Redis starts a Redis server with its files in a directory under dir; "" is the system's place for
// temporary ones, and then they go with the server.
func Redis(ctx context.Context, dir string, d Durability) (*Server, error) {
	program, err := FindRedis()
	if err != nil {
		return nil, err
	}
	at, err := settle(dir, "redis")
	if err != nil {
		return nil, err
	}
	port, err := FreePort()
	if err != nil {
		return nil, err
	}
	args := []string{"--bind", "127.0.0.1", "--port", strconv.Itoa(port), "--dir", at.home, "--save", ""}
	if d == Durable {
		args = append(args, "--appendonly", "yes", "--appendfsync", "everysec")
	}
	s, err := start(ctx, at, port, "TERM", program, args...)
	if err != nil {
		return nil, err
	}
	s.URL = fmt.Sprintf("redis://127.0.0.1:%d/0", port)
	return s, nil
}
