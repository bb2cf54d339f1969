package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"time"

	"github.com/lisa-dpc/spillway/scheduler"
	"github.com/lisa-dpc/spillway/scheduler/httpapi"
	"github.com/lisa-dpc/spillway/scheduler/mesos"
	"github.com/lisa-dpc/spillway/scheduler/store"
)

// defaultListen is Chronos' own port, reachable from this machine only.
const defaultListen = "127.0.0.1:4400"

// service is a scheduler with its REST interface.
type service struct {
	listen string
	access accessFlags
	store  string
	config scheduler.Config
	driver mesos.Config
	images imageFlags
	logs   logFlags
	rest   restFlags
	log    *slog.Logger
}

// run serves until ctx ends. ready, if not nil, is called with the address when requests are answered.
func (s service) run(ctx context.Context, ready func(addr string)) (err error) {
	if err := s.config.Validate(); err != nil {
		return fmt.Errorf("flags: %w", err)
	}
	if err := errors.Join(s.rest.check(), s.logs.check()); err != nil {
		return err
	}
	interrupted := ctx
	defer func() {
		if interrupted.Err() != nil && errors.Is(err, context.Canceled) {
			err = nil // it was told to end before it had begun
		}
	}()
	addr, err := s.access.check(s.listen)
	if err != nil {
		return err
	}
	// The store comes last: a start that is refused has neither made nor migrated it.
	claim, err := store.Reserve(s.store)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, claim.Close()) }()
	s.log.Info("starting", "version", version, "pid", os.Getpid(), "store", s.store)
	meter := newMeter()
	s.driver.Logger, s.driver.Observe = s.log, meter.metrics.Observe
	driver, err := mesos.New(s.driver)
	if err != nil {
		return err
	}
	images, err := s.images.resolver(s.log)
	if err != nil {
		return err
	}
	guard, err := s.access.open(addr, s.store, s.log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, guard.close()) }()
	logs, err := s.logs.open(ctx, s.store, s.driver, s.log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, logs.close()) }()
	st, err := claim.Open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	if st.LogLost() {
		s.log.Warn("the store was not closed when it was last used, and its write-ahead log is missing: unless an sqlite3 shell"+
			" has folded the log into the file, what was last committed is lost", "store", s.store)
	}
	daemon := scheduler.NewDaemon(s.config, st, driver, s.log)
	daemon.Watch, daemon.History = logs.Watch, st
	daemon.Observer = meter.metrics
	meter.files(guard, logs)
	logs.start(ctx, st, daemon)
	defer logs.stop()
	server := httpapi.New(httpapi.Config{
		Daemon: daemon, Store: st, Logs: logs, Metrics: meter.handler(daemon, st, s.log), Images: images, Tokens: guard.tokens, Audit: guard.audit, Rate: s.rest.rate, Version: version, Log: s.log,
	}).HTTP()
	s.log.Info("answering requests", "listen", guard.listener.Addr().String(), "store", s.store,
		"tls", guard.certificate != nil, "tokens", guard.tokens != nil)
	if ready != nil {
		ready(guard.listener.Addr().String())
	}
	err = schedule(ctx, daemon, server, guard)
	if err == nil {
		s.log.Info("stopping, as it was told; tasks go on", "pid", os.Getpid())
	}
	return err
}

// schedule runs the daemon and answers requests until ctx or one of the two ends.
func schedule(ctx context.Context, daemon *scheduler.Daemon, server *http.Server, guard *guard) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	served := make(chan error, 1)
	go func() {
		served <- guard.serve(server)
		cancel()
	}()
	err := daemon.Run(ctx)
	shutdown, done := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer done()
	server.Shutdown(shutdown)
	if serveErr := <-served; !errors.Is(serveErr, http.ErrServerClosed) {
		err = errors.Join(err, fmt.Errorf("answering requests: %w", serveErr))
	}
	return err
}
