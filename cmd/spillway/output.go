package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/docker/go-units"
	"github.com/spf13/cobra"
	"gopkg.in/yaml.v3"

	"github.com/lisa-dpc/spillway/scheduler/httpapi"
	"github.com/lisa-dpc/spillway/scheduler/picture"
)

// Forms of output.
const (
	asTable = "table"
	asJSON  = "json"
	asYAML  = "yaml"
)

// formatFlag adds -o with the forms that a verb knows, the first of which it takes by itself.
func formatFlag(cmd *cobra.Command, format *string, forms ...string) {
	cmd.Flags().StringVarP(format, "output", "o", forms[0], "form of the output: "+strings.Join(forms, ", "))
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(forms, cobra.ShellCompDirectiveNoFileComp)) // the flag is there
	firstly(cmd, func() error {
		if !slices.Contains(forms, *format) {
			return fmt.Errorf("-o %s: there are %s", *format, strings.Join(forms, ", "))
		}
		return nil
	})
}

// printData writes what the API answered, in JSON or YAML.
func printData(w io.Writer, format string, answer []byte) error {
	if format == asYAML {
		return printYAML(w, answer)
	}
	var out bytes.Buffer
	if err := json.Indent(&out, bytes.TrimSpace(answer), "", "  "); err != nil {
		return fmt.Errorf("reading the answer: %w", err)
	}
	_, err := fmt.Fprintln(w, out.String())
	return err
}

// printYAML keeps the order of fields and the form of numbers: JSON is YAML in another style.
func printYAML(w io.Writer, answer []byte) error {
	var doc yaml.Node
	if err := yaml.Unmarshal(answer, &doc); err != nil {
		return fmt.Errorf("reading the answer: %w", err)
	}
	restyle(&doc)
	if _, err := io.WriteString(w, "---\n"); err != nil {
		return err
	}
	enc := yaml.NewEncoder(w)
	enc.SetIndent(2)
	if err := enc.Encode(&doc); err != nil {
		return err
	}
	return enc.Close()
}

func restyle(n *yaml.Node) {
	n.Style = 0
	for _, c := range n.Content {
		restyle(c)
	}
}

// counted is a number with its noun, in the singular or plural.
func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// span writes how long something took, to three digits or so.
func span(d time.Duration) string {
	switch {
	case d >= time.Hour:
		d = d.Round(time.Minute)
	case d >= 10*time.Second:
		d = d.Round(time.Second)
	case d >= time.Second:
		d = d.Round(100 * time.Millisecond)
	default:
		d = d.Round(time.Millisecond)
	}
	return picture.FormatDuration(d)
}

// since writes how long ago something was, in whole seconds; nothing if it never was.
func since(now, then time.Time) string {
	if then.IsZero() {
		return ""
	}
	d := max(now.Sub(then), 0)
	switch {
	case d >= 48*time.Hour:
		d = d.Round(time.Hour)
	case d >= time.Hour:
		d = d.Round(time.Minute)
	default:
		d = d.Round(time.Second)
	}
	return picture.FormatDuration(d)
}

// took is how long something that began took until it ended or, if it has not, until now.
func took(now time.Time, began time.Time, ended *time.Time) string {
	switch {
	case began.IsZero():
		return ""
	case ended != nil:
		return span(ended.Sub(began))
	}
	return since(now, began)
}

// size writes bytes with a unit.
func size(bytes int64) string { return units.BytesSize(float64(bytes)) }

// needs says what resources are, without what there is none of.
func needs(r httpapi.Resources) string {
	parts := []string{plural(r.CPUs, "cpu"), size(r.MemBytes)}
	if r.DiskBytes > 0 {
		parts = append(parts, size(r.DiskBytes)+" disk")
	}
	if r.GPUs > 0 {
		parts = append(parts, counted(int(r.GPUs), "gpu"))
	}
	if r.Ports > 0 {
		parts = append(parts, counted(int(r.Ports), "port"))
	}
	return strings.Join(parts, ", ")
}

func plural(n float64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return number(n) + " " + noun + "s"
}

// number writes a number without needless digits.
func number(n float64) string {
	return strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%.3f", n), "0"), ".")
}
