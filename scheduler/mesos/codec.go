package mesos

import (
	"encoding/json"
	"fmt"

	"github.com/gogo/protobuf/proto"
	"github.com/mesos/mesos-go/api/v1/lib/encoding"
	"github.com/mesos/mesos-go/api/v1/lib/encoding/codecs"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"
)

// The codecs by their names in Config.
var codecByName = map[string]encoding.Codec{
	codecs.NameProtobuf: codecs.ByMediaType[codecs.MediaTypeProtobuf],
	codecs.NameJSON:     codecs.ByMediaType[codecs.MediaTypeJSON],
}

// decodeEvent decodes one record of the stream. Values and fields of newer masters do no harm: an enum value that
// mesos-go does not know stays a number in protobuf, and in JSON is left out of the event and given back in names,
// by the path of its field ("update.status.reason").
func decodeEvent(media encoding.MediaType, record []byte) (event *scheduler.Event, names map[string]string, err error) {
	event = new(scheduler.Event)
	if media != codecs.MediaTypeJSON {
		return event, nil, decodeProtobuf(record, event)
	}
	if json.Unmarshal(record, event) == nil {
		return event, nil, nil
	}
	// mesos-go's decoder fails on enum values that it does not know, so they are taken out.
	record, names, err = prune(record, event)
	if err != nil {
		return nil, nil, fmt.Errorf("decoding a JSON record: %w", err)
	}
	event = new(scheduler.Event)
	if err := json.Unmarshal(record, event); err != nil {
		return nil, nil, fmt.Errorf("decoding a JSON record: %w", err)
	}
	return event, names, nil
}

func decodeProtobuf(record []byte, event *scheduler.Event) (err error) {
	// The generated decoder is careful, but a foreign byte must never end the scheduler.
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("decoding a protobuf record: %v", r)
		}
	}()
	if err := proto.Unmarshal(record, event); err != nil {
		return fmt.Errorf("decoding a protobuf record: %w", err)
	}
	return nil
}
