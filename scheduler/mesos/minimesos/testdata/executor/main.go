// Command executor is a custom executor for tests: each of its tasks runs and
// is finished at once. It speaks JSON, so that it needs nothing but Go.
package main

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strconv"
	"strings"
)

type object = map[string]any

var url = "http://" + os.Getenv("MESOS_AGENT_ENDPOINT") + "/api/v1/executor"

func main() {
	response := post(object{"type": "SUBSCRIBE", "subscribe": object{"unacknowledged_tasks": []any{}, "unacknowledged_updates": []any{}}})
	stream := bufio.NewReader(response.Body)
	for {
		event := next(stream)
		switch event["type"] {
		case "LAUNCH":
			task := event["launch"].(object)["task"].(object)["task_id"]
			update(task, "TASK_RUNNING")
			update(task, "TASK_FINISHED")
		case "SHUTDOWN":
			return
		}
	}
}

// next reads one record: a length in decimal, a newline, that many bytes.
func next(stream *bufio.Reader) (event object) {
	line, err := stream.ReadString('\n')
	check(err)
	length, err := strconv.Atoi(strings.TrimSpace(line))
	check(err)
	data := make([]byte, length)
	_, err = io.ReadFull(stream, data)
	check(err)
	check(json.Unmarshal(data, &event))
	return event
}

func update(task any, state string) {
	id := make([]byte, 16)
	_, err := rand.Read(id)
	check(err)
	response := post(object{"type": "UPDATE", "update": object{"status": object{"task_id": task, "state": state,
		"source": "SOURCE_EXECUTOR", "executor_id": object{"value": os.Getenv("MESOS_EXECUTOR_ID")}, "uuid": id}}})
	check(response.Body.Close())
}

func post(call object) *http.Response {
	call["framework_id"] = object{"value": os.Getenv("MESOS_FRAMEWORK_ID")}
	call["executor_id"] = object{"value": os.Getenv("MESOS_EXECUTOR_ID")}
	body, err := json.Marshal(call)
	check(err)
	request, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(body))
	check(err)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", "application/json")
	response, err := http.DefaultClient.Do(request)
	check(err)
	if response.StatusCode >= 300 {
		check(fmt.Errorf("%s: %s", call["type"], response.Status))
	}
	return response
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
