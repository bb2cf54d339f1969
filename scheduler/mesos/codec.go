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
	// The generated decoders are careful, but no foreign byte may ever end the scheduler.
	defer func() {
		if r := recover(); r != nil {
			event, names, err = nil, nil, fmt.Errorf("decoding a record: %v", r)
		}
	}()
	if media == codecs.MediaTypeJSON {
		event, names, err = decodeJSON(record)
	} else {
		event = new(scheduler.Event)
		err = proto.Unmarshal(record, event)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("decoding a record: %w", err)
	}
	return event, names, nil
}

func decodeJSON(record []byte) (event *scheduler.Event, names map[string]string, err error) {
	event = new(scheduler.Event)
	if json.Unmarshal(record, event) == nil {
		return event, nil, nil
	}
	// mesos-go's decoder fails on enum values that it does not know, so they are taken out.
	event = new(scheduler.Event)
	record, names, err = prune(record, event)
	if err != nil {
		return nil, nil, err
	}
	return event, names, json.Unmarshal(record, event)
}
