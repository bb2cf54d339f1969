package minimesos

import (
	"context"
	"errors"
)

func newDockerRunner(context.Context) (runner, error) { return nil, errors.New("no") }
func oomMessage(exit) string                          { return "" }
