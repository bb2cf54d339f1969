package main

// module is the path under which this repository's packages are imported.
const module = "github.com/lisa-dpc/spillway"

// pureRooms are the folders where the thinking is. All that they need comes in as arguments: no I/O, no clock, no
// randomness, no goroutines. So they can be tested by table and property, simulated, and replayed exactly.
var pureRooms = []string{
	"scheduler/strictyaml",
	"scheduler/spec",
	"scheduler/state",
	"scheduler/queue",
	"scheduler/placement",
	"scheduler/timetable",
	"scheduler/picture",
	"cloudburst/planner",
	"cloudburst/vm",
	"cloudburst/userdata",
	"manifests/ansible",
}

// pureLibraries are the libraries from outside that a pure room may import, with the packages below them: those that
// compute and do nothing else. A new one is added here after a look at what it does.
var pureLibraries = []string{
	"github.com/distribution/reference",
	"github.com/invopop/jsonschema",
	"github.com/robfig/cron/v3",
	"gopkg.in/yaml.v3",
}

// A pattern ends in "/..." when it means a package and all below it.

// A ban keeps some packages of the standard library out of the pure rooms.
type ban struct {
	packages []string // patterns
	reason   string
}

var pureBans = []ban{
	{[]string{"os/...", "syscall", "io/ioutil", "net/...", "database/...", "plugin"},
		"it does no I/O; what it reads comes in as an argument, what it decides goes out as a value"},
	{[]string{"context"},
		"it does nothing that could be waited for; cancellation belongs to the caller"},
	{[]string{"log/...", "expvar"},
		"it decides and returns; the caller logs what was decided"},
	{[]string{"math/rand/...", "crypto/rand", "hash/maphash"},
		"equal arguments must give equal answers; seeds and identifiers come in as arguments"},
	{[]string{"sync/...", "testing/...", "runtime"},
		"it starts no goroutine and shares nothing, so it has nothing to lock; one loop calls it"},
}

// A nameBan keeps some names of an otherwise harmless package out of the pure rooms.
type nameBan struct {
	pkg    string
	names  []string
	reason string
}

var pureNameBans = []nameBan{
	{"time", []string{"Now", "Since", "Until", "After", "AfterFunc", "Sleep", "NewTimer", "NewTicker", "Tick"},
		"it has no clock; the time comes in as an argument, timers belong to the reactor"},
	{"fmt", []string{"Print", "Printf", "Println", "Scan", "Scanf", "Scanln"},
		"it does no I/O; text goes out as a value"},
	{"path/filepath", []string{"Abs", "EvalSymlinks", "Glob", "Walk", "WalkDir"},
		"it does no I/O; it does not look at the disk"},
}

// A direction says that some of our packages are not to be imported by others of ours.
type direction struct {
	from   string   // pattern: who must not import
	to     string   // pattern: what
	except []string // patterns: who may all the same
	tests  bool     // test files may
	reason string
}

var oneWay = []direction{
	{from: "scheduler/mesos/...", to: "scheduler",
		reason: "the driver is a room below the reactor: it reports events and carries out calls, and knows no more of it"},
	{from: "scheduler/store/...", to: "scheduler",
		reason: "the store is a room below the reactor: it keeps what it is given"},
	{from: "scheduler/store/...", to: "scheduler/mesos/...",
		reason: "the store keeps the state; that there is a Mesos is not its concern"},
	{from: "scheduler/access/...", to: "scheduler/...", tests: true,
		reason: "access decides about names of people, roles and projects; what is done with the answer is for those who ask"},
	{from: "scheduler/tasklog/...", to: "scheduler",
		reason: "logs are beside the reactor: it tells what has ended, and waits for nothing that is done with it"},
	{from: "...", to: "cmd/...",
		reason: "commands are the outermost shell: what others need has its place in a room"},
	{from: "...", to: "scheduler/mesos/minimesos/...", tests: true,
		except: []string{"cmd/...", "scheduler/mesos/minimesos/...", "cloudburst/openstack/ministack/..."},
		reason: "the embedded master is for tests and for the dev command; the scheduler speaks to a Mesos over HTTP only"},
	{from: "cloudburst/openstack/...", to: "cloudburst", tests: true,
		reason: "a cloud is a room below the agent's loop: it does what it is asked for, and decides nothing"},
	{from: "...", to: "cloudburst/openstack/cloudtest", tests: true,
		reason: "it is made of tests"},
	{from: "...", to: "cloudburst/openstack/ministack/...", tests: true,
		except: []string{"cmd/...", "cloudburst/openstack/ministack/..."},
		reason: "the embedded OpenStack is for tests and for the dev command; the agent speaks to a cloud over HTTP only"},
}

// fixedMeaning are methods whose meaning is given by a well-known interface; they need no comment of their own.
var fixedMeaning = []string{
	"Error", "Unwrap", "Is", "As", "String", "LogValue", "Format",
	"Len", "Less", "Swap", "Push", "Pop",
	"Read", "Write", "Close", "ServeHTTP", "RoundTrip", "Scan", "Value",
	"MarshalJSON", "UnmarshalJSON", "MarshalText", "UnmarshalText", "MarshalYAML", "UnmarshalYAML",
	"JSONSchema", "JSONSchemaAlias", "JSONSchemaExtend", "ReadYAML",
}

// A reader keeps a file or a function of this length in mind; longer ones hide a second idea.
const (
	maxFileLines     = 600
	maxFunctionLines = 80
)
