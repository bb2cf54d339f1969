//go:build !linux

package main

import "syscall"

// tied would have a process end when demo is killed, which only Linux can.
func tied() *syscall.SysProcAttr { return &syscall.SysProcAttr{} }
