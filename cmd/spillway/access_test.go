package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lisa-dpc/spillway/scheduler/access"
	"github.com/lisa-dpc/spillway/scheduler/mesos/minimesos"
)

// stronghold is a scheduler that others reach: with TLS, tokens, and a secret for its master.
type stronghold struct {
	t       *testing.T
	dir     string // all that the scheduler writes is in it
	port    string
	url     string
	ca      *authority
	tokens  string            // file
	secrets map[string]string // what must be found nowhere, by what it is
	process *process
}

const masterSecret = "s3cret-0f-the-master"

func startSite(t *testing.T) *stronghold {
	t.Helper()
	cluster := startCluster(t, minimesos.Options{
		Runner: minimesos.Instant, Agents: make([]minimesos.AgentOptions, 1), AllocationInterval: 20 * time.Millisecond,
		Credentials: map[string]string{"spill": masterSecret},
	})
	s := &stronghold{t: t, dir: t.TempDir(), ca: newAuthority(t), secrets: map[string]string{"the master's secret": masterSecret}}
	_, s.port, _ = strings.Cut(freeAddress(t), ":")
	s.url, s.tokens = "https://127.0.0.1:"+s.port, filepath.Join(t.TempDir(), "tokens")
	certFile, keyFile := s.ca.sign(2)
	s.token("author-lisa", "author", "lisa")
	s.process = spawn(t, append(tenacious(cluster, filepath.Join(s.dir, "spillway.db"), "0.0.0.0:"+s.port),
		"--tls-cert", certFile, "--tls-key", keyFile, "--tokens", s.tokens, "--log-level", "debug",
		"--principal", "spill", "--secret-file", write(t, "secret", masterSecret))...)
	poll(t, "the scheduler answers", func() bool {
		return strings.Contains(s.process.stderr.String(), "answering requests") || s.process.hasEnded()
	})
	return s
}

// token makes a token and returns a file with its text.
func (s *stronghold) token(name, role string, projects ...string) (file string) {
	s.t.Helper()
	args := []string{"token", "new", "--tokens", s.tokens, "--name", name, "--role", role}
	for _, p := range projects {
		args = append(args, "--project", p)
	}
	got := command(s.t.Context(), "", args...)
	if got.status != 0 || !regexp.MustCompile(`^spw_[A-Z2-7]{26}\n$`).MatchString(got.stdout) {
		s.t.Fatalf("status %d: %s%s", got.status, got.stdout, got.stderr)
	}
	s.secrets[name] = strings.TrimSpace(got.stdout)
	return write(s.t, name, got.stdout)
}

// do runs a verb of the client with a token's file; "" for none.
func (s *stronghold) do(tokenFile, stdin string, args ...string) result {
	s.t.Helper()
	flags := []string{"--url", s.url, "--ca-file", s.ca.file}
	if tokenFile != "" {
		flags = append(flags, "--token-file", tokenFile)
	}
	return command(s.t.Context(), stdin, slices.Insert(args, 1, flags...)...)
}

const specOfLISA = "name: good\nproject: lisa\nsteps: {task: {run: work, image: busybox, resources: {cpus: 1, mem: 32MiB}}}\n"

// TestSite uses a scheduler on all addresses of this machine, as people do with their tokens, and looks at the end through
// everything that it has written and said for the tokens.
func TestSite(t *testing.T) {
	t.Parallel()
	s := startSite(t)
	author := s.token("author", "author", "lisa", "lpf")
	viewer := s.token("viewer", "viewer", "lisa")
	other := s.token("other", "author", "other")
	wrong := access.NewText()
	s.secrets["a wrong token"] = wrong

	for name, c := range map[string]struct {
		token  string
		args   []string
		status int
		says   string
	}{
		"author":         {author, nil, 0, "succeeded after"},
		"no token":       {"", nil, exitUsage, "needs a token of the role author"},
		"wrong token":    {write(t, "wrong", wrong), nil, exitUsage, "not known here"},
		"viewer":         {viewer, nil, exitUsage, `needs the role author; the token "viewer" has the role viewer in project lisa`},
		"other project":  {other, nil, exitUsage, `needs the role author in project lisa; the token "other" has the role author in project other`},
		"no authority":   {author, []string{"--ca-file", "/etc/ssl/certs/ca-certificates.crt"}, exitUsage, "--ca-file"},
		"another name":   {author, []string{"--url", "https://127.0.0.2:" + s.port}, exitUsage, "a name that its certificate is for"},
		"no TLS":         {author, []string{"--url", "http://127.0.0.1:" + s.port}, exitUsage, "HTTPS server"},
		"in clear":       {author, []string{"--url", "http://scheduler.example:" + s.port}, exitUsage, "use https://"},
		"no token file":  {"/nowhere/token", nil, exitUsage, "/nowhere/token"},
		"empty file":     {write(t, "empty", "\n"), nil, exitUsage, "there is none"},
		"file of more":   {write(t, "more", "a b\n"), nil, exitUsage, "one word"},
		"no certificate": {author, []string{"--ca-file", author}, exitUsage, "no certificate in PEM"},
	} {
		t.Run(name, func(t *testing.T) {
			got := s.do(c.token, specOfLISA, append([]string{"run", "-"}, c.args...)...)
			if got.status != c.status || !strings.Contains(got.stdout+got.stderr, c.says) {
				t.Errorf("status %d, want %d and %q: %s%s", got.status, c.status, c.says, got.stdout, got.stderr)
			}
			s.keeps(got.stdout + got.stderr)
		})
	}
	if got := command(t.Context(), "", "token", "revoke", "--tokens", s.tokens, "author"); got.status != 0 {
		t.Errorf("revoking: %s", got.stderr)
	}
	if got := s.do(author, specOfLISA, "run", "-"); got.status != exitUsage || !strings.Contains(got.stderr, "revoked") {
		t.Errorf("with the revoked token: status %d: %s%s", got.status, got.stdout, got.stderr)
	}
	s.checkAudit()
	s.ca.sign(3)
	if got := s.ca.serial("127.0.0.1:" + s.port); got != 3 {
		t.Errorf("after its files were replaced, the certificate is %d", got)
	}
	if status := s.process.interrupt(t); status != 0 {
		t.Errorf("status %d: %s", status, s.process.stderr.String())
	}
	s.keeps(s.process.stdout.String() + s.process.stderr.String())
	s.searchFiles()
}

// keeps looks for secrets in what was said.
func (s *stronghold) keeps(text string) {
	s.t.Helper()
	for what, secret := range s.secrets {
		if strings.Contains(text, secret) {
			s.t.Errorf("%s is in:\n%.2000s", what, text)
		}
	}
}

// searchFiles looks for secrets in everything that the scheduler wrote, and in the file of tokens.
func (s *stronghold) searchFiles() {
	s.t.Helper()
	files := []string{s.tokens}
	err := filepath.WalkDir(s.dir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			files = append(files, path)
		}
		return err
	})
	if err != nil || len(files) < 3 {
		s.t.Fatalf("only %v, %v", files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil || len(text) == 0 && strings.HasSuffix(file, ".log") {
			s.t.Errorf("%s: %d bytes, %v", file, len(text), err)
		}
		s.keeps(string(text))
	}
}

// checkAudit expects the lines of who submitted, and who did in vain.
func (s *stronghold) checkAudit() {
	s.t.Helper()
	text, err := os.ReadFile(filepath.Join(s.dir, "spillway.audit.log"))
	if err != nil {
		s.t.Fatal(err)
	}
	got := map[string]int{}
	for line := range strings.Lines(string(text)) {
		var e access.Entry
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			s.t.Errorf("%v in %s", err, line)
		}
		if e.Method == "POST" && e.Path == "/v1/runs" && e.From == "127.0.0.1" {
			got[fmt.Sprintln(e.Event, e.Who, e.Project, e.Status)]++
		}
	}
	for _, want := range []string{
		fmt.Sprintln("allowed author lisa 0"), fmt.Sprintln("answered author lisa 201"), fmt.Sprintln("denied viewer  403"),
		fmt.Sprintln("denied other lisa 403"), fmt.Sprintln("denied   401"),
	} {
		if got[want] == 0 {
			s.t.Errorf("the audit log has no %q:\n%s", want, text)
		}
	}
}

func TestSchedulerRefusesStrangers(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	certFile, keyFile := newAuthority(t).sign(2)
	tokens, open := filepath.Join(dir, "tokens"), filepath.Join(dir, "open")
	for _, file := range []string{tokens, open} {
		if got := command(t.Context(), "", "token", "new", "--tokens", file, "--name", "a", "--role", "viewer", "--project", "*"); got.status != 0 {
			t.Fatal(got.stderr)
		}
	}
	if err := os.Chmod(open, 0o644); err != nil {
		t.Fatal(err)
	}
	none := write(t, "none", "tokens: []\n")
	if err := os.Chmod(none, 0o600); err != nil {
		t.Fatal(err)
	}
	all := []string{"--tls-cert", certFile, "--tls-key", keyFile, "--tokens", tokens}
	for name, c := range map[string]struct {
		listen string
		args   []string
		says   []string
	}{
		"nothing":          {"0.0.0.0:0", nil, []string{"--tls-cert", "--tls-key", "--tokens", "token new", "127.0.0.1"}},
		"every address":    {":0", nil, []string{"--tls-cert", "--tokens"}},
		"IPv6":             {"[::]:0", nil, []string{"--tls-cert", "--tokens"}},
		"no tokens":        {"0.0.0.0:0", all[:4], []string{"give --tokens"}},
		"no TLS":           {"0.0.0.0:0", all[4:], []string{"give --tls-cert"}},
		"no key":           {"127.0.0.1:0", all[:2], []string{"--tls-key", "both"}},
		"no file":          {"127.0.0.1:0", []string{"--tokens", dir + "/nowhere"}, []string{"--tokens", "nowhere"}},
		"others read it":   {"127.0.0.1:0", []string{"--tokens", open}, []string{"chmod 600 " + open}},
		"nobody may":       {"127.0.0.1:0", []string{"--tokens", none}, []string{"token new"}},
		"no certificate":   {"127.0.0.1:0", []string{"--tls-cert", keyFile, "--tls-key", keyFile}, []string{"--tls-cert", keyFile}},
		"no place to tell": {"127.0.0.1:0", []string{"--audit-log", dir}, []string{"--audit-log", dir}},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), testTimeout)
			defer cancel()
			store := filepath.Join(t.TempDir(), "spillway.db")
			got := command(ctx, "", append([]string{"scheduler", "--master", "http://127.0.0.1:1", "--store", store, "--log-level", "error", "--listen", c.listen}, c.args...)...)
			if got.status != exitUsage {
				t.Errorf("status %d", got.status)
			}
			for _, what := range c.says {
				if !strings.Contains(got.stderr, what) {
					t.Errorf("it does not say %q: %s", what, got.stderr)
				}
			}
		})
	}
	if got := command(t.Context(), "", "dev", "--listen", "0.0.0.0:0"); got.status != exitUsage || !strings.Contains(got.stderr, "ssh -L") {
		t.Errorf("dev: status %d: %s", got.status, got.stderr)
	}
}

// TestTokenIsNotSentOn: a client that is sent elsewhere does not take its token there.
func TestTokenIsNotSentOn(t *testing.T) {
	t.Parallel()
	asked := make(chan string, 1)
	thief := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
		asked <- req.Header.Get("Authorization")
	}))
	defer thief.Close()
	lure := httptest.NewServer(http.RedirectHandler(thief.URL, http.StatusTemporaryRedirect))
	defer lure.Close()
	text := access.NewText()
	got := command(t.Context(), specOfLISA, "run", "-", "--url", lure.URL, "--token-file", write(t, "token", text))
	if got.status != exitUsage || !strings.Contains(got.stderr, "sends on to") || strings.Contains(got.stderr, text) {
		t.Errorf("status %d: %s", got.status, got.stderr)
	}
	select {
	case with := <-asked:
		t.Errorf("the other was asked, with %q", with)
	default:
	}
}

// TestTokensOnLoopback asks for tokens where that is not a must: behind a proxy of the same machine, say.
func TestTokensOnLoopback(t *testing.T) {
	t.Parallel()
	cluster := startCluster(t, minimesos.Options{Runner: minimesos.Instant, Agents: make([]minimesos.AgentOptions, 1), AllocationInterval: 20 * time.Millisecond})
	dir, address := t.TempDir(), freeAddress(t)
	tokens := filepath.Join(dir, "tokens")
	made := command(t.Context(), "", "token", "new", "--tokens", tokens, "--name", "me", "--role", "author", "--project", "lisa")
	p := spawn(t, append(tenacious(cluster, filepath.Join(dir, "spillway.db"), address), "--tokens", tokens, "--audit-log", filepath.Join(dir, "who"))...)
	poll(t, "the scheduler answers", func() bool { return strings.Contains(p.stderr.String(), "answering requests") || p.hasEnded() })
	if got := command(t.Context(), specOfLISA, "run", "-", "--url", "http://"+address); got.status != exitUsage || !strings.Contains(got.stderr, "needs a token") {
		t.Errorf("without a token: status %d: %s", got.status, got.stderr)
	}
	with := spawnWith(t, []string{"SPILLWAY_TOKEN=" + strings.TrimSpace(made.stdout), "SPILLWAY_URL=http://" + address + "/"}, "run", write(t, "spec.yaml", specOfLISA))
	if status := with.wait(t); status != 0 {
		t.Errorf("with a token: status %d: %s", status, with.stderr.String())
	}
	resp, err := http.Get("http://" + address + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Errorf("/healthz: %s, %s, %v", resp.Status, text, err)
	}
	if who, err := os.ReadFile(filepath.Join(dir, "who")); err != nil || !strings.Contains(string(who), `"who":"me"`) {
		t.Errorf("the audit log: %s, %v", who, err)
	}
}
