package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
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
	store  string
	config scheduler.Config
	driver mesos.Config
	images imageFlags
	log    *slog.Logger
}

// run serves until ctx ends. ready, if not nil, is called with the address when requests are answered.
func (s service) run(ctx context.Context, ready func(addr string)) (err error) {
	st, err := store.Open(ctx, s.store)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	s.driver.Logger = s.log
	driver, err := mesos.New(s.driver)
	if err != nil {
		return err
	}
	images, err := s.images.resolver(s.log)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", s.listen)
	if err != nil {
		return fmt.Errorf("listening for requests: %w (--listen names another address)", err)
	}
	daemon := scheduler.NewDaemon(s.config, st, driver, s.log)
	server := httpapi.New(httpapi.Config{Daemon: daemon, Store: st, Images: images, Version: version, Log: s.log}).HTTP()
	if !isLoopback(listener.Addr()) {
		s.log.Warn("whoever reaches this address may run anything on the cluster: nobody is asked who they are", "listen", listener.Addr())
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	served := make(chan error, 1)
	go func() {
		served <- server.Serve(listener)
		cancel()
	}()
	s.log.Info("answering requests", "listen", listener.Addr().String(), "store", s.store)
	if ready != nil {
		ready(listener.Addr().String())
	}
	err = daemon.Run(ctx)
	shutdown, done := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer done()
	server.Shutdown(shutdown)
	if serveErr := <-served; !errors.Is(serveErr, http.ErrServerClosed) {
		err = errors.Join(err, fmt.Errorf("answering requests: %w", serveErr))
	}
	return err
}

func isLoopback(addr net.Addr) bool {
	tcp, isTCP := addr.(*net.TCPAddr)
	return isTCP && tcp.IP.IsLoopback()
}
