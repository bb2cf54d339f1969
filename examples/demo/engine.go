package main

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"

	"github.com/moby/moby/client"
)

// The ways in which tasks run, as `spillway dev --runner` calls them.
const (
	docker  = "docker"
	process = "process"
)

// way is how tasks run, and what the pipeline must know of it.
type way struct {
	runner string
	words  string
	params []string     // of the pipeline, name=value
	remove func() error // removes what was made for it
}

// prepare builds the analysis: in an image if an engine answers and takes it, else as a program of this machine.
func (d demo) prepare(ctx context.Context, work string) (way, error) {
	reason := "as was asked for"
	if d.runner != process {
		w, err := d.inDocker(ctx, work)
		if err == nil || d.runner == docker || ctx.Err() != nil {
			return w, err
		}
		reason = "because " + err.Error()
	}
	program, err := d.build(ctx, filepath.Join(work, "strain"), runtime.GOOS, runtime.GOARCH)
	return way{
		runner: process, words: "plain processes, " + reason,
		params: []string{"program=" + program}, remove: func() error { return nil },
	}, err
}

// build compiles the analysis into one static program.
func (d demo) build(ctx context.Context, program, system, architecture string) (string, error) {
	compiler := os.Getenv("GO")
	if compiler == "" {
		compiler = "go"
	}
	cmd := exec.CommandContext(ctx, compiler, "build", "-buildvcs=false", "-trimpath", "-ldflags=-s -w", "-o", program, "./examples/strain")
	cmd.Dir = d.tree
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+system, "GOARCH="+architecture)
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building examples/strain: %w\n%s", err, out)
	}
	return program, nil
}

// answerTimeout is how long an engine may take to say that it is there.
const answerTimeout = 5 * time.Second

// inDocker builds the image of the analysis, for the engine that `spillway dev` will use.
func (d demo) inDocker(ctx context.Context, work string) (way, error) {
	engine, err := client.New(client.FromEnv)
	if err != nil {
		return way{}, fmt.Errorf("no Docker engine can be asked: %w", err)
	}
	asked, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	version, err := engine.ServerVersion(asked, client.ServerVersionOptions{})
	if err != nil {
		return way{}, errors.Join(fmt.Errorf("no Docker engine answers: %w", err), engine.Close())
	}
	program, err := d.build(ctx, filepath.Join(work, "strain-"+version.Os), version.Os, version.Arch)
	if err != nil {
		return way{}, errors.Join(err, engine.Close())
	}
	image := d.image()
	remove := func(ctx context.Context) error {
		_, err := engine.ImageRemove(ctx, image, client.ImageRemoveOptions{PruneChildren: true})
		return err
	}
	_ = remove(ctx) // mostly there is none
	if err := d.buildImage(ctx, engine, image, program); err != nil {
		_ = remove(context.WithoutCancel(ctx)) // the engine may have been done when it was interrupted
		return way{}, errors.Join(fmt.Errorf("building the image: %w", err), engine.Close())
	}
	return way{
		runner: docker,
		words:  fmt.Sprintf("containers of Docker %s, from an image that holds nothing but the analysis", version.Version),
		params: []string{"image=" + image},
		remove: func() error { return errors.Join(remove(context.WithoutCancel(ctx)), engine.Close()) },
	}, nil
}

// image is the image's name. Each folder has its own, for demos that run at a time; what one left that was killed is removed
// by the next.
func (d demo) image() string {
	return fmt.Sprintf("spillway-demo-strain:%.8x", sha256.Sum256([]byte(d.out)))
}

// buildImage does what `docker build` does, without needing it.
func (d demo) buildImage(ctx context.Context, engine *client.Client, image, program string) error {
	files := map[string]string{"Dockerfile": filepath.Join(d.tree, "examples", "strain", "Dockerfile"), "strain": program}
	folder, err := pack(files)
	if err != nil {
		return err
	}
	built, err := engine.ImageBuild(ctx, folder, client.ImageBuildOptions{Tags: []string{image}, Remove: true, ForceRemove: true})
	if err != nil {
		return err
	}
	defer built.Body.Close()
	// The engine answers with a stream of what it does; that it went wrong stands in there.
	for messages := json.NewDecoder(built.Body); ; {
		var message struct{ Error string }
		if err := messages.Decode(&message); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if message.Error != "" {
			return errors.New(message.Error)
		}
	}
}

// pack makes an archive of files under the names that they are to have in it.
func pack(files map[string]string) (io.Reader, error) {
	var out bytes.Buffer
	archive := tar.NewWriter(&out)
	for name, path := range files {
		content, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		if err := archive.WriteHeader(&tar.Header{Name: name, Mode: 0o755, Size: int64(len(content))}); err != nil {
			return nil, err
		}
		if _, err := archive.Write(content); err != nil {
			return nil, err
		}
	}
	return &out, archive.Close()
}
