package mesos

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	mesosgo "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"

	"github.com/lisa-dpc/spillway/scheduler/state"
)

// convert turns a master's event into the scheduler's terms; nil if there is nothing in it for the scheduler. Offers
// are not converted here, since the driver keeps them.
func convert(e *scheduler.Event, names map[string]string) Event {
	switch {
	case e.Type == scheduler.Event_RESCIND && e.Rescind != nil:
		return Rescinded{OfferID: e.Rescind.OfferID.Value}
	case e.Type == scheduler.Event_UPDATE && e.Update != nil:
		return Update{Status: convertStatus(&e.Update.Status, names)}
	case e.Type == scheduler.Event_INVERSE_OFFERS && e.InverseOffers != nil:
		return convertInverse(e.InverseOffers.InverseOffers)
	case e.Type == scheduler.Event_RESCIND_INVERSE_OFFER && e.RescindInverseOffer != nil:
		return InverseRescinded{OfferID: e.RescindInverseOffer.InverseOfferID.Value}
	case e.Type == scheduler.Event_FAILURE && e.Failure != nil:
		// An executor's failure is told by the updates of its tasks.
		if e.Failure.ExecutorID == nil && e.Failure.AgentID != nil {
			return AgentFailed{AgentID: e.Failure.AgentID.Value}
		}
	}
	return nil
}

// convertStatus names states, reasons and sources that mesos-go does not know as well as it can: by the name in the
// JSON record, or as "REASON_99".
func convertStatus(s *mesosgo.TaskStatus, names map[string]string) state.Status {
	status := state.Status{
		TaskID:  s.TaskID.Value,
		State:   state.TaskState(names["update.status.state"]),
		Reason:  state.Reason(names["update.status.reason"]),
		Source:  state.Source(names["update.status.source"]),
		Message: strings.ToValidUTF8(s.GetMessage(), "\uFFFD"),
		Agent:   s.GetAgentID().GetValue(),
		UUID:    s.UUID,
		Time:    convertTimestamp(s.GetTimestamp()),
	}
	if s.State != nil {
		status.State = state.TaskState(enumName(mesosgo.TaskState_name, int32(*s.State), "TASK_"))
	}
	if s.Reason != nil {
		status.Reason = state.Reason(enumName(mesosgo.TaskStatus_Reason_name, int32(*s.Reason), "REASON_"))
	}
	if s.Source != nil {
		status.Source = state.Source(enumName(mesosgo.TaskStatus_Source_name, int32(*s.Source), "SOURCE_"))
	}
	return status
}

func enumName(names map[int32]string, value int32, prefix string) string {
	if name, ok := names[value]; ok {
		return name
	}
	return fmt.Sprintf("%s%d", prefix, value)
}

// convertTimestamp reads seconds since 1970; a double holds them to the microsecond.
func convertTimestamp(seconds float64) time.Time {
	if seconds <= 0 || seconds > math.MaxInt64/1e6 {
		return time.Time{}
	}
	return time.UnixMicro(int64(math.Round(seconds * 1e6))).UTC()
}

func convertInverse(offers []mesosgo.InverseOffer) Event {
	var converted InverseOffers
	for i := range offers {
		o := &offers[i]
		converted.Offers = append(converted.Offers, InverseOffer{
			ID:       o.OfferID.Value,
			AgentID:  o.AgentID.GetValue(),
			From:     time.Unix(0, o.Unavailability.Start.Nanoseconds).UTC(),
			Duration: time.Duration(o.Unavailability.Duration.GetNanoseconds()),
		})
	}
	return converted
}

// convertAttributes gives attributes as text. An agent's region and zone, which are not attributes in Mesos, are given
// by these names unless attributes have them.
func convertAttributes(attributes []mesosgo.Attribute, domain *mesosgo.DomainInfo) map[string]string {
	m := make(map[string]string, len(attributes))
	if f := domain.GetFaultDomain(); f != nil {
		m["region"], m["zone"] = f.Region.Name, f.Zone.Name
	}
	for i := range attributes {
		m[attributes[i].Name] = attributeText(&attributes[i])
	}
	return m
}

func attributeText(a *mesosgo.Attribute) string {
	switch a.Type {
	case mesosgo.SCALAR:
		return strconv.FormatFloat(a.Scalar.GetValue(), 'f', -1, 64)
	case mesosgo.RANGES:
		var ranges []string
		for _, r := range a.Ranges.GetRange() {
			ranges = append(ranges, fmt.Sprintf("%d-%d", r.Begin, r.End))
		}
		return "[" + strings.Join(ranges, ", ") + "]"
	case mesosgo.SET:
		return "{" + strings.Join(a.Set.GetItem(), ", ") + "}"
	default:
		return a.Text.GetValue()
	}
}
