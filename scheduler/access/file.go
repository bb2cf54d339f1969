package access

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"gopkg.in/yaml.v3"
)

// ErrNoToken: the file has no token of that name.
var ErrNoToken = errors.New("there is no such token")

// header begins a new file of tokens.
const header = "# Who may ask the scheduler. Made by `spillway token`; of each token only a hash is kept.\n"

// tokenFile is what the file of tokens holds.
type tokenFile struct {
	Tokens []Token `yaml:"tokens"`
}

// ReadTokens reads the file of tokens. A file that others may read or write is refused.
func ReadTokens(path string) ([]Token, error) {
	text, _, err := readPrivate(path)
	if err != nil {
		return nil, fmt.Errorf("reading the tokens: %w", err)
	}
	return parseTokens(path, text)
}

// parseTokens is strict: a misspelt field could let somebody in. An empty text is no list of tokens, but a file that is
// being written; "tokens: []" is one that lets nobody in.
func parseTokens(path string, text []byte) ([]Token, error) {
	var file tokenFile
	dec := yaml.NewDecoder(bytes.NewReader(text))
	dec.KnownFields(true)
	if err := dec.Decode(&file); errors.Is(err, io.EOF) || err == nil && file.Tokens == nil {
		return nil, fmt.Errorf("%s has no list of tokens; `spillway token new` makes one", path)
	} else if err != nil {
		return nil, fmt.Errorf("%s is not a file of tokens: %s", path, Redact(err.Error()))
	}
	names, hashes := map[string]bool{}, map[Hash]bool{}
	for _, t := range file.Tokens {
		if err := t.check(); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		if names[t.Name] || hashes[t.SHA256] {
			return nil, fmt.Errorf("%s: token %s is there twice", path, t.Name)
		}
		names[t.Name], hashes[t.SHA256] = true, true
	}
	return file.Tokens, nil
}

// AddToken adds a token to the file, which it makes if it is not there.
func AddToken(path string, token Token) error {
	if err := token.check(); err != nil {
		return err
	}
	return edit(path, func(list *yaml.Node) error {
		var entry yaml.Node
		if err := entry.Encode(token); err != nil {
			return err
		}
		list.Style &^= yaml.FlowStyle // of an empty list that was written as []
		list.Content = append(list.Content, &entry)
		return nil
	})
}

// RevokeToken takes the token of that name out of the file; ErrNoToken if it is not there.
func RevokeToken(path, name string) error {
	return edit(path, func(list *yaml.Node) error {
		before := len(list.Content)
		list.Content = slices.DeleteFunc(list.Content, func(entry *yaml.Node) bool {
			var t Token
			return entry.Decode(&t) == nil && t.Name == name
		})
		if len(list.Content) == before {
			return fmt.Errorf("%w: %s has no token %q", ErrNoToken, path, name)
		}
		return nil
	})
}

// edit changes the list of tokens and leaves the rest of the file, comments too, as it is. Who reads the file meanwhile
// sees the old or the new one; who edits it by `spillway token` at the same time waits.
func edit(path string, change func(list *yaml.Node) error) error {
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return fmt.Errorf("opening the tokens' folder: %w", err)
	}
	defer dir.Close() // which gives the lock back
	if err := syscall.Flock(int(dir.Fd()), syscall.LOCK_EX); err != nil {
		return fmt.Errorf("locking %s: %w", dir.Name(), err)
	}
	text, info, err := readPrivate(path)
	if errors.Is(err, fs.ErrNotExist) {
		text = []byte(header + "tokens: []\n")
	} else if err != nil {
		return fmt.Errorf("reading the tokens: %w", err)
	}
	if _, err := parseTokens(path, text); err != nil {
		return err
	}
	text, err = editText(text, change)
	if err != nil {
		return err
	}
	if _, err := parseTokens(path, text); err != nil {
		return err
	}
	return replace(path, info, text)
}

// editText applies a change to the list of tokens in a text that parseTokens has accepted.
func editText(text []byte, change func(list *yaml.Node) error) ([]byte, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return nil, err
	}
	list := doc.Content[0].Content[1] // of the only key, tokens
	if list.Kind != yaml.SequenceNode {
		return nil, errors.New("the tokens are written in a way that cannot be edited here; write them as a plain list")
	}
	if err := change(list); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	if err := errors.Join(enc.Encode(&doc), enc.Close()); err != nil {
		return nil, fmt.Errorf("writing the tokens: %w", err)
	}
	return b.Bytes(), nil
}

// replace puts a file with that text in the place of path at one blow, with the owner and the mode of the old one if
// there was one.
func replace(path string, old os.FileInfo, text []byte) (err error) {
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target // what a link leads to is replaced, not the link
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-") // with mode 0600
	if err != nil {
		return fmt.Errorf("writing the tokens: %w", err)
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("writing the tokens: %w", errors.Join(err, os.Remove(f.Name())))
		}
	}()
	_, err = f.Write(text)
	if old != nil {
		stat := old.Sys().(*syscall.Stat_t)
		err = errors.Join(err, f.Chown(int(stat.Uid), int(stat.Gid)), f.Chmod(old.Mode().Perm()))
	}
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
