package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"

	"github.com/spf13/pflag"

	"github.com/lisa-dpc/spillway/scheduler/access"
)

// accessFlags say who may ask, and how the scheduler proves that it is the one that is asked.
type accessFlags struct {
	tokens, tlsCert, tlsKey string
	audit                   string
	// local: only this machine may ask, whatever else is given.
	local bool
}

func (a *accessFlags) flags(f *pflag.FlagSet) {
	f.StringVar(&a.tokens, "tokens", "", "file of the tokens that may ask, made by `spillway token`; it is read again when it changes (default: on loopback nothing is asked)")
	f.StringVar(&a.tlsCert, "tls-cert", "", "certificate (PEM) under which requests are answered, with those that lead to its authority; read again when it changes")
	f.StringVar(&a.tlsKey, "tls-key", "", "key (PEM) of that certificate, which only its owner may read")
	f.StringVar(&a.audit, "audit-log", "", "file to which every change is written, with who asked for it (default: beside the store, with the ending .audit.log)")
}

// guard is what stands between the network and the scheduler.
type guard struct {
	listener    net.Listener
	tokens      *access.Tokens      // nil: nobody is asked who they are
	certificate *access.Certificate // nil: no TLS
	audit       *access.Audit
}

// check returns the address to listen on, if what is given is enough for it. It changes nothing.
func (a *accessFlags) check(listen string) (*net.TCPAddr, error) {
	addr, err := net.ResolveTCPAddr("tcp", listen)
	if err != nil {
		return nil, fmt.Errorf("listening for requests: %w (--listen names another address)", err)
	}
	if (a.tlsCert == "") != (a.tlsKey == "") {
		return nil, errors.New("--tls-cert and --tls-key belong together: give both, or none")
	}
	if addr.IP.IsLoopback() {
		return addr, nil
	}
	return addr, a.checkOpen(listen)
}

// checkOpen refuses an address that others reach without all that keeps strangers out.
func (a *accessFlags) checkOpen(listen string) error {
	if a.local {
		return fmt.Errorf("--listen %s: others reach this address, and `spillway dev` asks nobody who they are; listen on %s "+
			"and let others in by ssh -L 4400:%[2]s THIS-HOST, or run `spillway scheduler` with TLS and tokens", listen, defaultListen)
	}
	var missing []string
	if a.tokens == "" {
		missing = append(missing, "--tokens FILE (`spillway token new` makes it)")
	}
	if a.tlsCert == "" {
		missing = append(missing, "--tls-cert FILE and --tls-key FILE (a certificate for this host's name)")
	}
	if missing == nil {
		return nil
	}
	return fmt.Errorf("--listen %s: others reach this address, so it needs TLS and tokens; give %s as well, or listen on %s, which only this machine reaches",
		listen, strings.Join(missing, " and "), defaultListen)
}

// open reads the files and listens.
func (a *accessFlags) open(addr *net.TCPAddr, store string, log *slog.Logger) (g *guard, err error) {
	g = &guard{}
	if a.tokens != "" {
		if g.tokens, err = access.OpenTokens(a.tokens, log); err != nil {
			return nil, fmt.Errorf("--tokens: %w", err)
		}
	}
	if a.tlsCert != "" {
		if g.certificate, err = access.OpenCertificate(a.tlsCert, a.tlsKey, log); err != nil {
			return nil, fmt.Errorf("--tls-cert, --tls-key: %w", err)
		}
	}
	if g.audit, err = access.OpenAudit(firstOf(a.audit, auditFile(store))); err != nil {
		return nil, err
	}
	if g.listener, err = net.ListenTCP("tcp", addr); err != nil {
		return nil, errors.Join(fmt.Errorf("listening for requests: %w (--listen names another address)", err), g.audit.Close())
	}
	return g, nil
}

// serve answers requests until the server is shut down; http.ErrServerClosed then.
func (g *guard) serve(server *http.Server) error {
	if g.certificate == nil {
		return server.Serve(g.listener)
	}
	server.TLSConfig = g.certificate.Config()
	return server.ServeTLS(g.listener, "", "")
}

// close ends the listening, if the server has not, and closes the files.
func (g *guard) close() error {
	err := g.listener.Close()
	if errors.Is(err, net.ErrClosed) {
		err = nil
	}
	return errors.Join(err, g.audit.Close())
}

// auditFile is where the changes of a store's scheduler are written unless told otherwise.
func auditFile(store string) string { return strings.TrimSuffix(store, ".db") + ".audit.log" }
