package access

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// settled is how old a file must be before an unchanged stamp is believed: a file system notes times in steps, of a few
// milliseconds on Linux' own and of two seconds on the coarsest, and a change within a step leaves no trace.
const settled = 3 * time.Second

// watchEvery is how often Watch looks at a token, so how long an answer may go on after it was revoked.
const watchEvery = time.Second

// Tokens knows the tokens of a file, and notices when the file changes. Its methods may be called by many at a time.
type Tokens struct {
	path string
	log  *slog.Logger

	mu   sync.Mutex
	who  map[Hash]Who
	seen stamp     // of the file that was last read
	read time.Time // when that was
	said string    // what was last said to be wrong with the file
}

// OpenTokens reads the file. One that has no token in it is refused too: it would let nobody in.
func OpenTokens(path string, log *slog.Logger) (*Tokens, error) {
	list, err := ReadTokens(path)
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("%s has no token: `spillway token new --tokens %[1]s` makes one", path)
	}
	k := &Tokens{path: path, log: log}
	k.refresh()
	return k, nil
}

// Who returns who has the token. The file is looked at each time, so that a revoked token is refused from the next call
// on. If the file cannot be read, or makes no sense, the tokens that it held before are those that count, and the log
// says what is wrong.
//
// The text is looked up by its hash, so that the time that it takes tells nothing about other tokens.
func (k *Tokens) Who(text string) (Who, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.refresh()
	who, known := k.who[HashOf(text)]
	return who, known
}

// Usable reports whether the file can be read and makes sense; if not, the tokens that it held before are those that count.
func (k *Tokens) Usable() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.refresh()
	return k.said == ""
}

// refresh reads the file if it has changed.
func (k *Tokens) refresh() {
	info, err := os.Stat(k.path)
	if err != nil {
		k.seen = stamp{} // so that it is read when it is there again
		k.complain(err)
		return
	}
	if now := stampOf(info); now == k.seen && k.read.Sub(info.ModTime()) > settled {
		return
	}
	started := time.Now()
	text, info, err := readPrivate(k.path)
	if info != nil {
		k.seen, k.read = stampOf(info), started
	}
	if err != nil {
		k.complain(err)
		return
	}
	list, err := parseTokens(k.path, text)
	if err != nil {
		k.complain(err)
		return
	}
	who := make(map[Hash]Who, len(list))
	for _, t := range list {
		who[t.SHA256] = t.Who()
	}
	if k.said != "" {
		k.log.Info("the file of tokens is in order again", "file", k.path)
		k.said = ""
	}
	if k.who != nil && len(who) != len(k.who) {
		k.log.Info("the file of tokens has changed", "file", k.path, "tokens", len(who))
	}
	k.who = who
}

// complain says once what is wrong.
func (k *Tokens) complain(err error) {
	if what := err.Error(); what != k.said {
		k.said = what
		k.log.Error("the file of tokens cannot be used, so the tokens that it held before still count", "file", k.path, "error", err)
	}
}

// Watch returns a context that ends soon after the token is revoked, or says something else of who has it: what an answer
// that goes on for long is given. To call the function ends the watch.
func (k *Tokens) Watch(ctx context.Context, text string, who Who) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	var timer *time.Timer
	timer = time.AfterFunc(watchEvery, func() {
		if now, known := k.Who(text); !known || !now.equal(who) {
			cancel()
		}
		if ctx.Err() == nil {
			timer.Reset(watchEvery)
		}
	})
	return ctx, func() {
		cancel()
		timer.Stop()
	}
}
