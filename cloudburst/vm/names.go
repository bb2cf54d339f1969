package vm

import (
	"encoding/base32"
	"strings"
)

// MaxIntent is how long an intent may be: it is part of names of servers, which are host names as well.
const MaxIntent = 40

// randomLetters is how many letters of an intent tell machines of one pool apart: 50 bits.
const randomLetters = 10

var letters = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// NewIntent makes the name of a machine for its whole life. random is at least 7 random bytes. The pool's name is cut where
// the intent would become too long: KeyPool tells the whole of it.
func NewIntent(pool string, random []byte) string {
	tail := letters.EncodeToString(random)[:randomLetters]
	return strings.TrimRight(pool[:min(len(pool), MaxIntent-randomLetters-1)], "-") + "-" + tail
}

// PoolOf reads the pool out of an intent, of which NewIntent may have cut the end.
func PoolOf(intent string) string {
	return intent[:max(0, strings.LastIndexByte(intent, '-'))]
}
