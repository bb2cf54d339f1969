package main

import (
	"runtime"
	"syscall"
)

func init() {
	// What a process asks for its parent's death happens when the thread dies that started it: so it is the main one.
	runtime.LockOSThread()
}

// tied has a process end in good order when demo is killed.
func tied() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM} }
