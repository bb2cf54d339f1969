package mesosjson

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/master"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"
)

func ptr[T any](v T) *T { return &v }

func TestMarshal(t *testing.T) {
	for _, c := range []struct {
		name    string
		message any
		want    string
	}{
		{"bytes, enum, double, nested", &mesos.TaskStatus{TaskID: mesos.TaskID{Value: `a"b`}, State: mesos.TASK_RUNNING.Enum(),
			Timestamp: ptr(2.0), UUID: []byte{1, 2, 3}, Healthy: ptr(false)},
			`{"task_id":{"value":"a\"b"},"state":"TASK_RUNNING","timestamp":2.0,"uuid":"AQID","healthy":false}`},
		{"an enum value that the generated code does not know", &mesos.MasterInfo_Capability{Type: 3}, `{"type":"QUOTA_V2"}`},
		{"an enum value that nobody knows", &mesos.MasterInfo_Capability{Type: 99}, `{"type":99}`},
		{"unset fields are left out", &scheduler.Event{Type: scheduler.Event_HEARTBEAT}, `{"type":"HEARTBEAT"}`},
		{"lists that are always there", &master.Response_GetAgents{}, `{"agents":[],"recovered_agents":[]}`},
		{"a map", &mesos.TaskInfo{Limits: map[string]mesos.Value_Scalar{"mem": {Value: 1.5}, "cpus": {Value: 1e-3}}},
			`{"name":"","task_id":{"value":""},"agent_id":{"value":""},"limits":{"cpus":{"value":0.001},"mem":{"value":1.5}}}`},
		{"64 bits", &mesos.TimeInfo{Nanoseconds: 1795436511437853184}, `{"nanoseconds":1795436511437853184}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, string(Marshal(c.message))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestUnmarshal(t *testing.T) {
	const text = `{"type":"SUBSCRIBE","no_such_field":[1,{}],"framework_id":null,"subscribe":{"framework_info":
		{"user":"u","name":"n","failover_timeout":6e1,"checkpoint":true,"roles":["a","b"],
		"capabilities":[{"type":"PARTITION_AWARE"},{"type":"OF_THE_FUTURE"}]}}}`
	var call scheduler.Call
	if err := Unmarshal([]byte(text), &call); err != nil {
		t.Fatal(err)
	}
	info := call.Subscribe.FrameworkInfo
	if call.Type != scheduler.Call_SUBSCRIBE || call.FrameworkID != nil || info.User != "u" || info.GetFailoverTimeout() != 60 ||
		!info.GetCheckpoint() || len(info.Roles) != 2 || info.Capabilities[0].Type != mesos.FrameworkInfo_Capability_PARTITION_AWARE ||
		info.Capabilities[1].Type != mesos.FrameworkInfo_Capability_UNKNOWN {
		t.Errorf("got %v", call.String())
	}
}

func TestUnmarshalRefuses(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{`{nope`, "syntax error at line 1 near: nope"},
		{"{\n  \"type\": x}\n", "syntax error at line 2 near: x}"},
		{"{} {}\n", "Parsed JSON included non-whitespace trailing characters:  {}"},
		{``, "syntax error at line 1 near: "},
		{`[]`, "Expecting a JSON object"},
		{`{"subscribe":{}}`, "Missing required fields: subscribe.framework_info"},
		{`{"subscribe":{"framework_info":{"user":"u"}}}`, "Missing required fields: subscribe.framework_info.name"},
		{`{"framework_id":"x"}`, "Not expecting a JSON string for field 'framework_id'"},
		{`{"accept":{"offer_ids":{}}}`, "Not expecting a JSON object for field 'accept.offer_ids'"},
		{`{"message":{"data":"%"}}`, "Failed to base64 decode bytes field 'message.data': illegal base64 data at input byte 0"},
		{`{"accept":{"operations":[{"launch":{"task_infos":[{"max_completion_time":{"nanoseconds":1e30}}]}}]}}`,
			"Number '1e30' of field 'accept.operations[0].launch.task_infos[0].max_completion_time.nanoseconds' is out of range"},
		{`{"acknowledge":true}`, "Not expecting a JSON boolean for field 'acknowledge'"},
	} {
		err := Unmarshal([]byte(c.text), new(scheduler.Call))
		if err == nil || err.Error() != c.want {
			t.Errorf("%s: got %v, want %s", c.text, err, c.want)
		}
	}
	var syntax *SyntaxError
	if err := Unmarshal([]byte("x"), new(scheduler.Call)); !errors.As(err, &syntax) {
		t.Errorf("a body that is no JSON gives %T", err)
	}
}

// Whatever comes in is refused or read, and what was read can be written and
// read once more with the same result.
func FuzzUnmarshal(f *testing.F) {
	f.Add([]byte(`{"type":"SUBSCRIBE","subscribe":{"framework_info":{"user":"u","name":"n","id":{"value":"x"}}}}`))
	f.Add([]byte(`{"type":"ACKNOWLEDGE","acknowledge":{"agent_id":{"value":"a"},"task_id":{"value":"t"},"uuid":"AAAA"}}`))
	f.Add([]byte(`{"accept":{"offer_ids":[],"operations":[{"type":"LAUNCH"}],"filters":{"refuse_seconds":5}}}`))
	f.Add([]byte(`{"type":1e99}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var call, again scheduler.Call
		if Unmarshal(data, &call) != nil {
			return
		}
		written := Marshal(&call)
		if !json.Valid(written) {
			t.Fatalf("wrote no JSON: %s", written)
		}
		if err := Unmarshal(written, &again); err != nil {
			t.Fatalf("cannot read what it wrote: %v: %s", err, written)
		}
		if got := Marshal(&again); string(got) != string(written) {
			t.Fatalf("wrote %s, then %s", written, got)
		}
	})
}
