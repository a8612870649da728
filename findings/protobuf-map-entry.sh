#!/usr/bin/env bash
# protobuf 7.36.2 for Python, with its usual implementation (upb).
# One would have guessed: a field that nobody knows, inside an encoded entry of a map<string, string>, is skipped as
# it is in every other message, and the entry is in the map. The specification has a map encoded like a repeated
# message with a key and a value.
# What happens: the whole entry is missing from the map, without an error. It is among the unknown fields of the
# message that holds the map. The same bytes read as a repeated message have the entry, and so does the map when the
# pure Python implementation of the same version reads it.
# Why it matters: generated code never writes such an entry, but an encoder of one's own may, or a sender that declares
# the entry as a message and adds a third field to it. Its entries then vanish at the reader, silently.
# Seen 2026-11-29. Reported as protocolbuffers/protobuf#20109 (closed for inactivity); protocolbuffers/upb#544, which
# made it so, calls it a grey area of the specification.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check protobuf==7.36.2
cat >"$dir/read.py" <<'PYTHON'
import sys

import google.protobuf
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, unknown_fields
from google.protobuf.internal import api_implementation

field = descriptor_pb2.FieldDescriptorProto
file = descriptor_pb2.FileDescriptorProto(name="labels.proto", package="labels", syntax="proto3")
for name in "Map", "Repeated":
    message = file.message_type.add(name=name)
    entry = message.nested_type.add(name="LabelsEntry")
    entry.options.map_entry = name == "Map"
    for number, of in (1, "key"), (2, "value"):
        entry.field.add(name=of, number=number, type=field.TYPE_STRING, label=field.LABEL_OPTIONAL)
    message.field.add(
        name="labels",
        number=1,
        type=field.TYPE_MESSAGE,
        label=field.LABEL_REPEATED,
        type_name=f".labels.{name}.LabelsEntry",
    )
pool = descriptor_pool.DescriptorPool()
pool.Add(file)
as_map = message_factory.GetMessageClass(pool.FindMessageTypeByName("labels.Map"))
as_repeated = message_factory.GetMessageClass(pool.FindMessageTypeByName("labels.Repeated"))


def labels(*entries):
    return b"".join(b"\x0a" + bytes([len(entry)]) + entry for entry in entries)


# Two entries: a=b, with a field 5 beside the key and the value, and c=d.
unusual = b"\x0a\x01a\x12\x01b" + b"\x2a\x02\x38\x00"
data = labels(unusual, b"\x0a\x01c\x12\x01d")
message = as_map.FromString(data)
seen = dict(message.labels)
unknown = [(each.field_number, bytes(each.data)) for each in unknown_fields.UnknownFieldSet(message)]
repeated = {entry.key: entry.value for entry in as_repeated.FromString(data).labels}
implementation = api_implementation.Type()
print(f"protobuf {google.protobuf.__version__} ({implementation}): map {seen}, unknown {unknown}, repeated {repeated}")

both = {"a": "b", "c": "d"}
expected = {"upb": ({"c": "d"}, [(1, unusual)], both), "python": (both, [], both)}
wanted = sys.argv[1]
if implementation != wanted:
    sys.exit(f"The implementation is {implementation} and not {wanted}, so nothing was compared.")
if (seen, unknown, repeated) != expected[implementation]:
    sys.exit(f"Changed: {implementation} was expected to give {expected[implementation]}.")
PYTHON
"$dir/venv/bin/python" "$dir/read.py" upb
PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION=python "$dir/venv/bin/python" "$dir/read.py" python
echo "As expected: the entry with an unknown field is not in the map."
