package ministack

import (
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// object is a JSON object that goes out.
type object = map[string]any

// request is a call that has been read; its token, if it needs one, is good.
type request struct {
	*http.Request
	kind  Kind
	body  []byte
	token *token // nil where a call needs none
	micro int    // Nova's microversion 2.x
	fault *Fault // what the server or deletion that it asks for has wrong
}

// answer is a whole response.
type answer struct {
	status int
	header [][2]string
	media  string // default application/json
	body   []byte
}

func respond(status int, body any) answer {
	encoded, err := json.Marshal(body)
	if err != nil { // only maps, structs and texts go out
		panic("ministack: an answer is no JSON: " + err.Error())
	}
	return answer{status: status, body: encoded}
}

func ok(body any) answer { return respond(http.StatusOK, body) }

func empty(status int) answer { return answer{status: status} }

func (a answer) with(header, value string) answer {
	a.header = append(a.header, [2]string{header, value})
	return a
}

func (a answer) write(w http.ResponseWriter) {
	h := w.Header()
	for _, pair := range a.header {
		h.Add(pair[0], pair[1])
	}
	if a.media == "" && len(a.body) > 0 {
		a.media = "application/json"
	}
	if a.media != "" {
		h.Set("Content-Type", a.media)
	}
	if a.status != http.StatusNoContent {
		h.Set("Content-Length", strconv.Itoa(len(a.body)))
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body) // the other side may be gone; nothing to do about it
}

// maxBody is more than any call has that Nova would take: its user-data has at
// most 65535 characters.
const maxBody = 4 << 20

func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	return io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
}

// service is one of the APIs; each has a form for its errors.
type service string

const (
	identity service = "identity"
	compute  service = "compute"
	image    service = "image"
	network  service = "network"
	volume   service = "volume"
)

// faultNames are the keys that Nova and Cinder put around an error.
var faultNames = map[int]string{
	400: "badRequest", 401: "unauthorized", 403: "forbidden", 404: "itemNotFound", 405: "badMethod",
	409: "conflictingRequest", 413: "overLimit", 415: "badMediaType", 429: "overLimit", 501: "notImplemented",
	503: "serviceUnavailable",
}

// refuse is an error as a service words it. kind is Neutron's name for it, and
// of no meaning to others.
func (s service) refuse(status int, kind, message string) answer {
	switch s {
	case identity:
		return respond(status, object{"error": object{"code": status, "message": message, "title": http.StatusText(status)}})
	case network:
		return respond(status, object{"NeutronError": object{"type": kind, "message": message, "detail": ""}})
	case image:
		page := "<html>\n <head>\n  <title>" + strconv.Itoa(status) + " " + http.StatusText(status) + "</title>\n </head>\n <body>\n  <h1>" +
			strconv.Itoa(status) + " " + http.StatusText(status) + "</h1>\n  " + message + "<br /><br />\n\n\n\n </body>\n</html>"
		return answer{status: status, media: "text/html; charset=UTF-8", body: []byte(page)}
	default:
		name := faultNames[status]
		if name == "" {
			name = "computeFault"
		}
		a := respond(status, object{name: object{"code": status, "message": message}})
		a.media = "application/json; charset=UTF-8"
		return a
	}
}

// Errors of Nova and Cinder.
func badRequest(message string) answer { return compute.refuse(http.StatusBadRequest, "", message) }
func forbidden(message string) answer  { return compute.refuse(http.StatusForbidden, "", message) }
func notFound(message string) answer   { return compute.refuse(http.StatusNotFound, "", message) }
func conflict(message string) answer   { return compute.refuse(http.StatusConflict, "", message) }

// stamp is a time as most services write it, to the second.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

// micros is a time without a zone, to the microsecond, or null.
func micros(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format("2006-01-02T15:04:05.000000")
}

// orNull is a text, or null for none.
func orNull(text string) any {
	if text == "" {
		return nil
	}
	return text
}

// decode reads a request's body into v.
func (r *request) decode(v any) error { return json.Unmarshal(r.body, v) }

// microversion is the x of the 2.x that a Nova call asks for; 1 without one.
func microversion(h http.Header) (int, bool) {
	asked := askedVersion(h)
	switch asked {
	case "":
		return 1, true
	case "latest":
		return maxMicroversion, true
	}
	major, minor, _ := strings.Cut(asked, ".")
	x, err := strconv.Atoi(minor)
	return x, err == nil && major == "2" && x >= 1 && x <= maxMicroversion
}

func askedVersion(h http.Header) string {
	for _, value := range h.Values("OpenStack-API-Version") {
		if rest, ok := strings.CutPrefix(strings.TrimSpace(value), "compute "); ok {
			return strings.TrimSpace(rest)
		}
	}
	return h.Get("X-OpenStack-Nova-API-Version")
}

// maxMicroversion is that of Nova in Zed, 2.93.
const maxMicroversion = 93
