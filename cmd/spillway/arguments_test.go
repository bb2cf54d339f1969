package main

import (
	"strings"
	"testing"
)

// TestNoSuchVerb: what is no verb is refused below other verbs, too; a group without a verb shows its help.
func TestNoSuchVerb(t *testing.T) {
	for _, args := range [][]string{{"registry", "bogus"}, {"help", "bogus"}, {"help", "runs", "bogus"}, {"completion", "tcsh"}} {
		got := command(t.Context(), "", args...)
		if got.status != exitUsage || !strings.Contains(got.stderr, args[len(args)-1]) || got.stdout != "" {
			t.Errorf("%v: status %d: %s%s", args, got.status, got.stdout, got.stderr)
		}
	}
	for _, args := range [][]string{{"registry"}, {"help"}, {"help", "runs"}, {"help", "pipelines", "put"}, {"completion"}} {
		if got := command(t.Context(), "", args...); got.status != 0 || !strings.Contains(got.stdout, "Usage:") {
			t.Errorf("%v: status %d: %s%s", args, got.status, got.stdout, got.stderr)
		}
	}
}
