package vm

import "time"

// Facts are what is known of one machine now.
type Facts struct {
	// Intent names it; it stands in the server's metadata as well.
	Intent string
	// Server is what Nova says; nil: Nova knows no such server.
	Server *Server
	// Agent is what the master says; nil: it knows no agent of the machine.
	Agent *Agent
	// Missed is since when an agent that had registered has not been known to the master any more; zero: not.
	Missed time.Time
}

// Server is a server as Nova describes it.
type Server struct {
	ID string
	// Status is Nova's, such as ACTIVE, Task what it does with the server now, such as powering-off; "" for nothing.
	Status, Task string
	// Fault is what Nova says about an error.
	Fault string
	// Created is when Nova took the request, Updated when it last changed something, Launched when the server first ran.
	Created, Updated, Launched time.Time
	Zone                       string
	Addresses                  []string
	Metadata                   map[string]string
}

// Agent is a Mesos agent that says that it runs on the machine.
type Agent struct {
	ID string
	// Busy: tasks or executors of some framework hold resources there.
	Busy bool
	// Deactivated: the master offers nothing of it.
	Deactivated bool
}

// Deadlines are how long a machine may stay in a stage that it is to leave by itself. 0: for ever.
type Deadlines struct {
	// Requested is from the intent until Nova has a server.
	Requested time.Duration
	// Building is from then, or from the start of a kept machine, until Nova says that it runs.
	Building time.Duration
	// Active is from then until its agent has registered, and how long an agent may be away that had.
	Active time.Duration
	// Leaving is how long Nova may take to delete, stop or shelve it.
	Leaving time.Duration
}

// moment reads a time out of metadata. What is not a time counts as absent: an operator may write there, too.
func moment(metadata map[string]string, key string) time.Time {
	t, err := time.Parse(time.RFC3339, metadata[key])
	if err != nil {
		return time.Time{}
	}
	return t
}

// Moment writes a time as metadata has it.
func Moment(t time.Time) string { return t.UTC().Format(time.RFC3339) }
