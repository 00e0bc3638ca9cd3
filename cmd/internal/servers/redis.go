package servers

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
)

// FindRedis returns the path of the Redis server, or ErrMissing.
func FindRedis() (string, error) { return Find("redis-server") }

// Redis starts a Redis server with its files under dir.
func Redis(ctx context.Context, dir string, d Durability) (*Server, error) {
	program, err := FindRedis()
	if err != nil {
		return nil, err
	}
	port, err := FreePort()
	if err != nil {
		return nil, err
	}
	home := filepath.Join(dir, "redis")
	if err := os.MkdirAll(home, 0o700); err != nil {
		return nil, err
	}
	args := []string{"--bind", "127.0.0.1", "--port", strconv.Itoa(port), "--dir", home, "--save", ""}
	if d == Durable {
		args = append(args, "--appendonly", "yes", "--appendfsync", "everysec")
	}
	s, err := start(ctx, exec.Command(program, args...), port, syscall.SIGTERM, filepath.Join(dir, "redis.log"))
	if err != nil {
		return nil, err
	}
	s.Dir = home
	s.URL = fmt.Sprintf("redis://127.0.0.1:%d/0", port)
	return s, nil
}
