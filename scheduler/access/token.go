package access

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"time"
)

// Prefix begins every token, so that people and programs that look for secrets in files recognise one.
const Prefix = "spw_"

// tokenText is what a token looks like: the prefix and the 130 random bits of rand.Text in base 32.
var tokenText = regexp.MustCompile(Prefix + `[A-Z2-7]{26}`)

// NewText makes the text of a new token.
func NewText() string { return Prefix + rand.Text() }

// Redact returns the text without the tokens in it.
func Redact(text string) string { return tokenText.ReplaceAllLiteralString(text, Prefix+"…") }

// Holds reports whether there is a token in the text.
func Holds(text string) bool { return tokenText.MatchString(text) }

// Hash is what is kept of a token. A token is random and long enough that neither salt nor a slow function would add
// anything: nobody finds 130 bits by trying.
type Hash [sha256.Size]byte

// HashOf returns the hash of a token's text.
func HashOf(text string) Hash { return sha256.Sum256([]byte(text)) }

// MarshalText writes the hash in hexadecimal digits.
func (h Hash) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, h[:]), nil }

// UnmarshalText reads 64 hexadecimal digits.
func (h *Hash) UnmarshalText(text []byte) error {
	b, err := hex.DecodeString(string(text))
	if err != nil || len(b) != len(h) {
		return fmt.Errorf("sha256 must be %d hexadecimal digits", 2*len(h))
	}
	copy(h[:], b)
	return nil
}

// Token is a token as the file keeps it: all but its text.
type Token struct {
	// Name by which people and the audit log know it; unique in the file.
	Name     string    `yaml:"name"`
	Role     Role      `yaml:"role"`
	Projects []string  `yaml:"projects,flow"`
	SHA256   Hash      `yaml:"sha256"`
	Created  time.Time `yaml:"created,omitempty"`
}

// Who returns who asks with this token.
func (t Token) Who() Who { return Who{Name: t.Name, Role: t.Role, Projects: t.Projects} }

// name is the form of a token's name; project that of a project's, as specs have it, or AllProjects.
var (
	nameForm    = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._@-]{0,62}$`)
	projectForm = regexp.MustCompile(`^(\*|[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)$`)
)

// check says what is wrong with a token. Somebody may have put a text where a name belongs; the message does not tell it.
func (t Token) check() error {
	if err := t.wrong(); err != nil {
		return errors.New(Redact(err.Error()))
	}
	return nil
}

func (t Token) wrong() error {
	if Holds(t.Name) {
		return errors.New("a token's name is the text of a token: give it a name that everybody may see")
	}
	if !nameForm.MatchString(t.Name) {
		return fmt.Errorf("token name %q: it must be of letters, digits and . _ @ -, begin with a letter or digit, and have 63 characters at most", t.Name)
	}
	if _, err := ParseRole(string(t.Role)); err != nil {
		return fmt.Errorf("token %s: %w", t.Name, err)
	}
	if len(t.Projects) == 0 {
		return fmt.Errorf("token %s: it has no project; name some, or * for all", t.Name)
	}
	for _, p := range t.Projects {
		if !projectForm.MatchString(p) {
			return fmt.Errorf("token %s: project %q is not a project's name, nor * for all", t.Name, p)
		}
	}
	if t.SHA256 == (Hash{}) {
		return fmt.Errorf("token %s: it has no sha256", t.Name)
	}
	return nil
}
