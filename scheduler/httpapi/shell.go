package httpapi

import (
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/lisa-dpc/spillway/scheduler/access"
)

// Handler returns the routes. A browser may not use them on behalf of a page of another origin: whoever reaches a
// scheduler on their own machine would otherwise lend it to every page that they look at.
func (s *Server) Handler() http.Handler {
	mux := s.mux()
	inner := http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if err := checkHost(req); err != nil {
			s.fail(w, req, err)
			return
		}
		known := s.identify(req)
		if err := s.rates.take(s.client(known)); err != nil {
			s.fail(w, known, err)
			return
		}
		mux.ServeHTTP(w, known)
	})
	origins := http.NewCrossOriginProtection()
	origins.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		writeProblem(w, newProblem(http.StatusForbidden, "a page of another origin may not change anything here"))
	}))
	return s.recovered(origins.Handler(inner))
}

// client tells whose requests count together towards the limits: those of one caller, or of one address.
func (s *Server) client(req *http.Request) string {
	if name := s.caller(req.Context()); name != "" {
		return "token " + name
	}
	return addressOf(req)
}

// checkHost refuses what reached this machine's own address under another name: so a page of a stranger's would read
// what is answered here, after its name was made to lead to this machine (DNS rebinding).
func checkHost(req *http.Request) error {
	local, isTCP := req.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	if !isTCP || !local.IP.IsLoopback() {
		return nil
	}
	name := req.Host
	if host, _, err := net.SplitHostPort(name); err == nil {
		name = host
	}
	name = strings.ToLower(strings.Trim(name, "[]"))
	if ip := net.ParseIP(name); ip != nil && ip.IsLoopback() || name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return nil
	}
	return newProblem(http.StatusMisdirectedRequest,
		fmt.Sprintf("this address is asked as localhost, 127.0.0.1 or [::1], not as %q; a proxy must set the header Host to one of these", name))
}

// recovered answers what panics with a 500, and tells the log what happened and where.
func (s *Server) recovered(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		out := &begun{ResponseWriter: w}
		defer func() {
			what := recover()
			if what == nil {
				return
			}
			if what == http.ErrAbortHandler {
				panic(what)
			}
			s.log.Error("a request met a mistake in the scheduler", "method", req.Method, "path", access.Redact(req.URL.Path),
				"panic", fmt.Sprint(what), "at", panicked())
			if out.yes {
				panic(http.ErrAbortHandler) // half an answer must not look like a whole one
			}
			writeProblem(out, internalProblem())
		}()
		next.ServeHTTP(out, req)
	})
}

// begun knows whether an answer has begun.
type begun struct {
	http.ResponseWriter
	yes bool
}

// WriteHeader notes that the answer has begun.
func (b *begun) WriteHeader(status int) {
	b.yes = true
	b.ResponseWriter.WriteHeader(status)
}

func (b *begun) Write(p []byte) (int, error) {
	b.yes = true
	return b.ResponseWriter.Write(p)
}

// Unwrap is for http.ResponseController.
func (b *begun) Unwrap() http.ResponseWriter { return b.ResponseWriter }

// panicked gives the place of the code that panicked, called by what recovers.
func panicked() string {
	pcs := make([]uintptr, 32)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs)])
	for {
		frame, more := frames.Next()
		if !strings.HasPrefix(frame.Function, "runtime.") || !more {
			return fmt.Sprintf("%s:%d", filepath.Base(frame.File), frame.Line)
		}
	}
}
