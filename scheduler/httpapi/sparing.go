package httpapi

import (
	"log/slog"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// What net/http says of single connections, such as a handshake that failed, is logged so many times a second in the long
// run, and so many times in a row: whoever reaches the port can cause as much of it as they like.
const (
	connectionsLogged = 1.0 / 30
	connectionsBurst  = 10
)

// sparing writes what it is given into a log, a line each, and leaves lines out when there are too many.
type sparing struct {
	log     *slog.Logger
	mu      sync.Mutex
	limit   *rate.Limiter
	omitted int // since the last line
}

func newSparing(log *slog.Logger, perSecond float64, burst int) *sparing {
	return &sparing{log: log, limit: rate.NewLimiter(rate.Limit(perSecond), burst)}
}

// Write logs a line, and how many were left out before it.
func (s *sparing) Write(line []byte) (int, error) {
	s.writeAt(time.Now(), strings.TrimSpace(string(line)))
	return len(line), nil
}

func (s *sparing) writeAt(now time.Time, line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.limit.AllowN(now, 1) {
		s.omitted++
		return
	}
	if s.omitted > 0 {
		s.log.Warn(line, "omitted_before", s.omitted)
	} else {
		s.log.Warn(line)
	}
	s.omitted = 0
}
