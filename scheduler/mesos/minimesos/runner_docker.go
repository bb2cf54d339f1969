package minimesos

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/pkg/stdcopy"
	containerapi "github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
)

// dockerRunner runs tasks that want Docker in containers of the local engine,
// and all others as processes.
type dockerRunner struct {
	processRunner
	engine *client.Client
	owner  string // of the containers, see thisOwner
}

// pingTimeout is how long an engine may take to say that it is there.
const pingTimeout = 5 * time.Second

// newDockerRunner connects to the engine that DOCKER_HOST and its like name,
// by default the one behind /var/run/docker.sock.
func newDockerRunner(ctx context.Context) (runner, error) {
	engine, err := client.New(client.FromEnv)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	if _, err := engine.Ping(ctx, client.PingOptions{NegotiateAPIVersion: true}); err != nil {
		return nil, errors.Join(err, engine.Close())
	}
	r := &dockerRunner{engine: engine, owner: thisOwner()}
	r.sweep(ctx)
	return r, nil
}

func (r *dockerRunner) kind() Runner { return Docker }

func (r *dockerRunner) close() error { return r.engine.Close() }

// prepare fetches the URIs and, if it is absent or has to be, the image.
func (r *dockerRunner) prepare(ctx context.Context, spec *containerSpec) error {
	if err := r.processRunner.prepare(ctx, spec); err != nil || !spec.isDocker() {
		return err
	}
	image := withTag(spec.info.Docker.Image)
	if !spec.info.Docker.GetForcePullImage() {
		_, err := r.engine.ImageInspect(ctx, image)
		if err == nil {
			return nil
		}
		if !errdefs.IsNotFound(err) {
			return worded("Failed to run 'docker -H %s inspect %s': %v", r.engine.DaemonHost(), image, err)
		}
	}
	if err := r.pull(ctx, image); err != nil {
		return worded("Failed to run 'docker -H %s pull %s': exited with status 1; stderr='%s\n'",
			r.engine.DaemonHost(), image, err)
	}
	return nil
}

func (r *dockerRunner) pull(ctx context.Context, image string) error {
	progress, err := r.engine.ImagePull(ctx, image, client.ImagePullOptions{})
	if err != nil {
		return err
	}
	return errors.Join(progress.Wait(ctx), progress.Close())
}

// withTag names an image as Mesos does: ":latest" unless a tag or a digest is
// given.
func withTag(image string) string {
	last := image[strings.LastIndexByte(image, '/')+1:]
	if strings.ContainsAny(last, ":@") {
		return image
	}
	return image + ":latest"
}

func (r *dockerRunner) start(ctx context.Context, spec *containerSpec) (container, error) {
	if !spec.isDocker() {
		return r.processRunner.start(ctx, spec)
	}
	options, err := dockerOptions(spec)
	if err != nil {
		return nil, worded("Failed to create the Docker container: %v", err)
	}
	options.Config.Labels = r.owned(options.Config.Labels)
	// Not ctx: the engine goes on creating what nobody waits for, and then nobody would know of the container.
	created, err := r.engine.ContainerCreate(context.WithoutCancel(ctx), options)
	if err != nil {
		return nil, dockerRunFailure(spec, err)
	}
	c := &dockerContainer{engine: r.engine, id: created.ID, memory: options.HostConfig.Memory}
	if err := c.begin(ctx, spec); err != nil {
		return nil, errors.Join(dockerRunFailure(spec, err), c.remove())
	}
	return c, nil
}

// dockerRunFailure says what `docker run` would exit with: 127 for a command
// that is not there, 126 for one that may not be run, 125 for anything else.
// The engine's own words go to the sandbox's stderr.
func dockerRunFailure(spec *containerSpec, err error) error {
	if logErr := logToStderr(spec.sandbox, "docker: "+err.Error()); logErr != nil {
		return logErr
	}
	code, text := 125, err.Error()
	switch {
	case strings.Contains(text, "executable file not found"), strings.Contains(text, "no such file or directory"):
		code = 127
	case strings.Contains(text, "permission denied"):
		code = 126
	}
	return errors.New(exit{code: code}.describe("Container"))
}

// dockerContainer is a container of the engine.
type dockerContainer struct {
	engine  *client.Client
	id      string
	memory  int64
	details []byte // docker inspect's
	ip      string
	ended   client.ContainerWaitResult
	output  sync.WaitGroup

	mu       sync.Mutex
	gone     bool
	deadline time.Time // when it is made to end; zero before it is asked to
	stops    sync.WaitGroup
}

// begin starts the container with its output going to the sandbox.
func (c *dockerContainer) begin(ctx context.Context, spec *containerSpec) error {
	attached, err := c.engine.ContainerAttach(ctx, c.id, client.ContainerAttachOptions{Stream: true, Stdout: true, Stderr: true})
	if err != nil {
		return err
	}
	stdout, stderr, err := openOutputs(spec.sandbox)
	if err != nil {
		attached.Close()
		return err
	}
	c.output.Go(func() {
		defer attached.Close()
		defer stdout.Close()
		defer stderr.Close()
		copyOutput(stdout, stderr, attached.Reader)
	})
	// Not ctx: the end of a container has to be seen whatever else ends.
	c.ended = c.engine.ContainerWait(context.Background(), c.id, client.ContainerWaitOptions{Condition: containerapi.WaitConditionNextExit})
	if _, err := c.engine.ContainerStart(ctx, c.id, client.ContainerStartOptions{}); err != nil {
		return err
	}
	return c.look(ctx)
}

// copyOutput ends when the container does.
func copyOutput(stdout, stderr *os.File, source io.Reader) {
	if _, err := stdcopy.StdCopy(stdout, stderr, source); err != nil {
		_, _ = fmt.Fprintf(stderr, "minimesos: reading the container's output: %v\n", err)
	}
}

// look keeps what docker inspect says, in the form in which Mesos passes it
// on: a list of one, indented by four.
func (c *dockerContainer) look(ctx context.Context) error {
	inspected, err := c.engine.ContainerInspect(ctx, c.id, client.ContainerInspectOptions{})
	if err != nil {
		return err
	}
	var out bytes.Buffer
	list := append(append([]byte{'['}, inspected.Raw...), ']')
	if err := json.Indent(&out, list, "", "    "); err != nil {
		return err
	}
	out.WriteByte('\n')
	c.details = out.Bytes()
	if settings := inspected.Container.NetworkSettings; settings != nil {
		for _, network := range settings.Networks {
			if network != nil && network.IPAddress.IsValid() {
				c.ip = network.IPAddress.String()
			}
		}
	}
	return nil
}

func (c *dockerContainer) pid() uint32     { return 0 }
func (c *dockerContainer) address() string { return c.ip }
func (c *dockerContainer) inspect() []byte { return c.details }

func (c *dockerContainer) usage() (usage, bool) { return usage{}, false }

// wait also removes the container: its output is in the sandbox by then.
func (c *dockerContainer) wait() exit {
	var end exit
	select {
	case result := <-c.ended.Result:
		end.code = int(result.StatusCode)
		if result.Error != nil {
			end.err = errors.New(result.Error.Message)
		}
	case err := <-c.ended.Error:
		end.err = err
	}
	c.mu.Lock()
	c.gone = true
	c.mu.Unlock()
	if end.err == nil && end.code != 0 {
		end.oom, end.memory = c.ranOutOfMemory(), c.memory
	}
	c.stops.Wait()
	if err := c.remove(); err != nil && end.err == nil {
		end.err = err
	}
	c.output.Wait()
	return end
}

func (c *dockerContainer) ranOutOfMemory() bool {
	inspected, err := c.engine.ContainerInspect(context.Background(), c.id, client.ContainerInspectOptions{})
	return err == nil && inspected.Container.State != nil && inspected.Container.State.OOMKilled
}

func (c *dockerContainer) remove() error {
	_, err := c.engine.ContainerRemove(context.Background(), c.id, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
	if errdefs.IsNotFound(err) || errdefs.IsConflict(err) { // somebody else removes it
		return nil
	}
	return err
}

// stop does what `docker stop --time` does, which counts in whole seconds.
func (c *dockerContainer) stop(grace time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.gone {
		return
	}
	timeout := int((max(grace, 0) + time.Second - 1) / time.Second)
	deadline := time.Now().Add(time.Duration(timeout) * time.Second)
	if !c.deadline.IsZero() && c.deadline.Before(deadline) {
		return // asking again gives no more time
	}
	c.deadline = deadline
	c.stops.Go(func() {
		// An error means that the container has ended, which wait sees too.
		_, _ = c.engine.ContainerStop(context.Background(), c.id, client.ContainerStopOptions{Timeout: &timeout})
	})
}

// oomMessage is worded as by Mesos' memory isolator.
func oomMessage(e exit) string {
	size := fmt.Sprintf("%dMB", e.memory/(1024*1024))
	return fmt.Sprintf("Memory limit exceeded: Requested: %s Maximum Used: %s", size, size)
}
