// Package io lies below a pure room and is as pure as it should be.
package io

import (
	"crypto/rand"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"sync"
)
