package minimesos

import (
	"net/http"
	"strconv"
	"strings"
)

// answer is a whole HTTP response without a stream.
type answer struct {
	status int
	media  string // Content-Type; none when empty
	header [][2]string
	body   []byte
}

func text(status int, body string) answer {
	return answer{status: status, media: "text/plain; charset=utf-8", body: []byte(body)}
}

func badRequest(body string) answer { return text(http.StatusBadRequest, body) }

func accepted() answer { return answer{status: http.StatusAccepted} }

func (a answer) write(w http.ResponseWriter) {
	h := w.Header()
	for _, pair := range a.header {
		h.Set(pair[0], pair[1])
	}
	if a.media != "" {
		h.Set("Content-Type", a.media)
	}
	h.Set("Content-Length", strconv.Itoa(len(a.body)))
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body) // the other side may be gone; nothing to do about it
}

func methodNotAllowed(got string) answer {
	a := text(http.StatusMethodNotAllowed, "405 Method Not Allowed. Expecting one of { 'POST' }, but received '"+got+"'.")
	a.header = [][2]string{{"Allow", "POST"}}
	return a
}

// contentType reads the request's media type; a non-nil answer refuses it.
func contentType(r *http.Request) (mediaType, *answer) {
	var refusal answer
	switch media := mediaType(r.Header.Get("Content-Type")); media {
	case mediaJSON, mediaProtobuf:
		return media, nil
	case "":
		refusal = badRequest("Expecting 'Content-Type' to be present")
	default:
		refusal = text(http.StatusUnsupportedMediaType, "Expecting 'Content-Type' of application/json or application/x-protobuf")
	}
	return "", &refusal
}

// acceptedMedia chooses the response's media type, JSON where both will do.
func acceptedMedia(r *http.Request) (mediaType, *answer) {
	switch {
	case accepts(r, mediaJSON):
		return mediaJSON, nil
	case accepts(r, mediaProtobuf):
		return mediaProtobuf, nil
	}
	refusal := text(http.StatusNotAcceptable, "Expecting 'Accept' to allow 'application/x-protobuf' or 'application/json'")
	return "", &refusal
}

func accepts(r *http.Request, media mediaType) bool {
	values := r.Header.Values("Accept")
	if len(values) == 0 {
		return true
	}
	family, _, _ := strings.Cut(string(media), "/")
	for _, value := range values {
		for _, part := range strings.Split(value, ",") {
			name, _, _ := strings.Cut(part, ";")
			if name = strings.TrimSpace(name); name == string(media) || name == "*/*" || name == family+"/*" {
				return true
			}
		}
	}
	return false
}
