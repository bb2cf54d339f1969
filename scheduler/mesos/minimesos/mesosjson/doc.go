// Package mesosjson is Mesos' own mapping between protobuf messages and JSON
// (3rdparty/stout/include/stout/protobuf.hpp of apache/mesos): proto field
// names, enum names, base64 for bytes, unset fields left out, unknown fields
// ignored, unknown names of an optional enum taken as unset.
//
// The JSON code generated in mesos-go fails on enum values that it does not
// know, and a current Mesos sends some (MasterInfo's QUOTA_V2), which is why
// this package exists.
package mesosjson
