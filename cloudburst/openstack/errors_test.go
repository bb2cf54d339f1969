package openstack

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gophercloud/gophercloud/v2"
)

// answers are what clouds say, and what comes next. The bodies are those of the services, except where a proxy is named.
var answers = []struct {
	name    string
	what    deed
	status  int
	body    string
	header  string // Retry-After
	kind    Kind
	after   time.Duration
	message string
}{
	{"instances", create, 403, `{"forbidden": {"code": 403, "message": "Quota exceeded for instances: Requested 1, but already used 10 of 10 instances"}}`, "", Quota, 0, "Quota exceeded for instances"},
	{"ports", create, 409, `{"NeutronError": {"type": "OverQuota", "message": "Quota exceeded for resources: ['port'].", "detail": ""}}`, "", Quota, 0, "['port']"},
	{"volumes", create, 413, `{"overLimit": {"code": 413, "message": "VolumeLimitExceeded: Maximum number of volumes allowed (10) exceeded for quota 'volumes'.", "retryAfter": "0"}}`, "0", Quota, 0, "Maximum number"},
	{"volumes' size", create, 413, `{"overLimit": {"code": 413, "message": "VolumeSizeExceedsAvailableQuota: Requested volume or snapshot exceeds allowed gigabytes quota."}}`, "", Quota, 0, "gigabytes"},
	{"group members", create, 403, `{"forbidden": {"code": 403, "message": "Quota exceeded, too many servers in group"}}`, "", Quota, 0, "too many servers in group"},
	{"policy", look, 403, `{"forbidden": {"code": 403, "message": "Policy doesn't allow os_compute_api:os-simple-tenant-usage:show to be performed."}}`, "", Denied, 0, "Policy"},
	{"token", look, 401, `{"error": {"code": 401, "message": "The request you have made requires authentication.", "title": "Unauthorized"}}`, "", Denied, 0, "requires authentication"},
	{"no host at once", create, 500, `{"computeFault": {"code": 500, "message": "No valid host was found. There are not enough hosts available."}}`, "", NoCapacity, 0, "not enough hosts"},
	{"no address", create, 409, `{"NeutronError": {"type": "IpAddressGenerationFailure", "message": "No more IP addresses available on network 6207096a.", "detail": ""}}`, "", NoCapacity, 0, "No more IP"},
	{"image", create, 400, `{"badRequest": {"code": 400, "message": "Can not find requested image"}}`, "", NotFound, 0, "image"},
	{"flavor", create, 400, `{"badRequest": {"code": 400, "message": "Flavor 77 could not be found."}}`, "", NotFound, 0, "77"},
	{"key pair", create, 400, `{"badRequest": {"code": 400, "message": "Invalid key_name provided."}}`, "", NotFound, 0, "key_name"},
	{"network", create, 404, `{"NeutronError": {"type": "NetworkNotFound", "message": "Network x could not be found.", "detail": ""}}`, "", NotFound, 0, "Network x"},
	{"zone", create, 400, `{"badRequest": {"code": 400, "message": "The requested availability zone is not available"}}`, "", Invalid, 0, "zone"},
	{"server", look, 404, `{"itemNotFound": {"code": 404, "message": "Instance x could not be found."}}`, "", NotFound, 0, "Instance x"},
	{"server to change", change, 404, `{"itemNotFound": {"code": 404, "message": "Instance x could not be found."}}`, "", Gone, 0, "Instance x"},
	{"deleted", change, 410, ``, "", Gone, 0, "Gone"},
	{"busy", change, 409, `{"conflictingRequest": {"code": 409, "message": "Cannot 'stop' instance x while it is in task_state powering-off"}}`, "", Conflict, 0, "task_state"},
	{"rate", look, 429, `{"error": {"message": "Too many requests"}}`, "7", RateLimit, 7 * time.Second, "Too many"},
	{"rate, without a time", create, 429, ``, "", RateLimit, 0, "Too Many Requests"},
	{"rate, until a date", create, 429, ``, "Mon, 02 Jan 2006 15:04:15 GMT", RateLimit, 0, "Too Many"},
	{"rate of old services", create, 413, `{"overLimit": {"code": 413, "message": "This request was rate-limited.", "details": "Only 10 POST request(s) can be made to * every minute."}}`, "42", RateLimit, 42 * time.Second, "rate-limited"},
	{"rate, absurd", look, 429, ``, "99999999", RateLimit, time.Hour, "Too Many"},
	{"proxy", create, 503, "<html><head><title>x</title></head><body><h1>503 Service Unavailable</h1>\nNo server is available to handle this request.\n</body></html>\n", "3", Unclear, 3 * time.Second, "503 Service Unavailable No server is available to handle this request."},
	{"proxy's time", create, 504, `Gateway Time-out`, "", Unclear, 0, "Gateway Time-out"},
	{"service", create, 500, `{"computeFault": {"code": 500, "message": "Unexpected API Error. Please report this"}}`, "", Unclear, 0, "Unexpected API Error"},
	{"request's time", create, 408, ``, "", Unclear, 0, "Request Timeout"},
	{"nonsense", create, 422, `nonsense`, "", Invalid, 0, "nonsense"},
	{"long", create, 400, `{"badRequest": {"message": "` + strings.Repeat("é", 2000) + `"}}`, "", Invalid, 0, strings.Repeat("é", 500) + "…"},
	{"text", look, 404, `{"NeutronError": "as old ones say it"}`, "", NotFound, 0, "as old ones say it"},
}

func TestAnswers(t *testing.T) {
	for _, each := range answers {
		t.Run(each.name, func(t *testing.T) {
			answer := gophercloud.ErrUnexpectedResponseCode{Actual: each.status, Body: []byte(each.body), ResponseHeader: http.Header{}}
			if each.header != "" {
				answer.ResponseHeader.Set("Retry-After", each.header)
			}
			err := failure(each.what, "doing it", fmt.Errorf("wrapped: %w", answer))
			var typed *Error
			if !errors.As(err, &typed) || typed.Kind != each.kind || typed.After != each.after || !strings.Contains(typed.Message, each.message) || typed.Doing != "doing it" {
				t.Errorf("%+v", typed)
			}
			if !errors.As(err, new(gophercloud.ErrUnexpectedResponseCode)) {
				t.Error("the cause is lost")
			}
		})
	}
}

func TestSilences(t *testing.T) {
	for _, each := range []struct {
		name string
		err  error
		kind Kind
		part string
	}{
		{"deadline", &url.Error{Op: "Post", URL: "http://nova/", Err: context.DeadlineExceeded}, Unclear, "no answer in time"},
		{"cancelled", &url.Error{Op: "Post", URL: "http://nova/", Err: context.Canceled}, Unclear, "given up"},
		{"broken", &url.Error{Op: "Post", URL: "http://nova/", Err: io.ErrUnexpectedEOF}, Unclear, "unexpected EOF"},
		{"certificate", &url.Error{Op: "Get", URL: "https://nova/", Err: &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}}, Invalid, "cacert"},
		{"catalog", &gophercloud.ErrEndpointNotFound{}, NotFound, "service catalog"},
		{"login", &url.Error{Op: "Post", URL: "http://nova/", Err: &Error{Kind: Denied, Doing: "renewing the token", Message: "no"}}, Denied, "renewing the token: no"},
		{"another's", errors.New("who knows"), Unclear, "who knows"},
	} {
		err := failure(create, "doing it", each.err)
		if KindOf(err) != each.kind || !strings.Contains(err.Error(), each.part) || !errors.Is(err, each.err) {
			t.Errorf("%s: %v (%q)", each.name, err, KindOf(err))
		}
	}
	if err := failure(create, "doing it", nil); err != nil || KindOf(err) != "" {
		t.Errorf("%v of nothing", err)
	}
	if KindOf(errors.New("another's")) != Unclear {
		t.Error("another's error is clear")
	}
}

func TestFaultKinds(t *testing.T) {
	for message, kind := range map[string]Kind{
		"No valid host was found. There are not enough hosts available.":                                                NoCapacity,
		"No valid host was found. ":                                                                                     NoCapacity,
		"Build of instance x aborted: the hypervisor is on fire":                                                        Broken,
		"Exceeded maximum number of retries. Exhausted all hosts available for retrying build failures for instance x.": NoCapacity,
		"MessagingTimeout":                                     Broken,
		"Quota exceeded for resources: ['port'].":              Quota,
		"Build of instance x aborted: VolumeLimitExceeded: …":  Quota,
		"Insufficient compute resources: Free memory 0.00 MB.": NoCapacity,
	} {
		if got := FaultKind(message); got != kind {
			t.Errorf("%q is %q, want %q", message, got, kind)
		}
	}
}

func TestRetryAfterDate(t *testing.T) {
	now := time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC)
	header := http.Header{"Retry-After": {now.Add(90 * time.Second).Format(http.TimeFormat)}}
	if got := retryAfter(header, now); got != 90*time.Second {
		t.Error(got)
	}
}

// FuzzSaid reads what proxies and services may send.
func FuzzSaid(f *testing.F) {
	for _, each := range answers {
		f.Add([]byte(each.body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		if text := said(body); len([]rune(text)) > longestMessage+1 || strings.ContainsAny(text, "\n\r\t") {
			t.Errorf("%q", text)
		}
	})
}
