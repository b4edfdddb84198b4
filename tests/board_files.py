"""TensorBoard's event files, read by protobuf's own library, which knows nothing of edgeae."""

from pathlib import Path

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

#: Message → field → its number, its type and whether it is repeated: of event.proto, summary.proto,
#: tensor.proto, plugin_data.proto of hparams and struct.proto.
MESSAGES = {
    "Event": {"wall_time": (1, "double"), "step": (2, "int64"), "file_version": (3, "string")}
    | {"summary": (5, "Summary"), "session_log": (7, "SessionLog")},
    "SessionLog": {"status": (1, "int64")},
    "Summary": {"value": (1, "Value", True)},
    "Value": {"tag": (1, "string"), "simple_value": (2, "float"), "tensor": (8, "Tensor")}
    | {"metadata": (9, "Metadata")},
    "Tensor": {"dtype": (1, "int64"), "shape": (2, "Shape"), "float_val": (5, "float", True)},
    "Shape": {"size": (2, "int64", True)},
    "Metadata": {"plugin_data": (1, "Plugin")},
    "Plugin": {"plugin_name": (1, "string"), "content": (2, "bytes")},
    "HParams": {"version": (1, "int64"), "start": (3, "Start")},
    "Start": {"hparams": (1, "Pair", True)},
    "Pair": {"key": (1, "string"), "value": (2, "Any")},
    "Any": {"number": (2, "double"), "text": (3, "string"), "truth": (4, "bool")},
}
_FIELD = descriptor_pb2.FieldDescriptorProto


def parsed(name: str, content: bytes) -> object:
    """Parse a message by protobuf's own library."""
    file = descriptor_pb2.FileDescriptorProto(name="event.proto", package="p", syntax="proto3")
    for message, fields in MESSAGES.items():
        entry = file.message_type.add(name=message)
        for field, (number, kind, *repeated) in fields.items():
            added = entry.field.add(name=field, number=number)
            added.label = _FIELD.LABEL_REPEATED if repeated else _FIELD.LABEL_OPTIONAL
            if kind in MESSAGES:
                added.type, added.type_name = _FIELD.TYPE_MESSAGE, f".p.{kind}"
            else:
                added.type = getattr(_FIELD, f"TYPE_{kind.upper()}")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    kind = message_factory.GetMessageClass(pool.FindMessageTypeByName(f"p.{name}"))
    found = kind()
    found.ParseFromString(content)
    return found


def read(folder: Path) -> list[tuple[int, dict[str, float]]]:
    """Return the step and the figures of each event that has some; the file is the only one."""
    (path,) = folder.iterdir()
    assert "tfevents" in path.name
    content, found = path.read_bytes(), []
    while content:
        length = int.from_bytes(content[:8], "little")
        event = parsed("Event", content[12 : 12 + length])
        values = {item.tag: item.simple_value for item in event.summary.value}
        if event.step:
            found.append((event.step, values))
        content = content[12 + length + 4 :]
    return found
