// Package site is burst.yaml put to use: the files that it names are read, its clouds are connected, and the names in it are
// found there. What comes out is the Config of an agent.
//
// A cloud that cannot be reached keeps nobody from using the others: its calls fail until it can.
package site
