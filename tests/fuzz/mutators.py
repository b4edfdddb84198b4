"""Ways to damage files: bytes, JSON, TOML, flatbuffers, protobufs, archives of arrays."""

import io
import json
import random
import re
import warnings
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import flatbuffers
import numpy as np
import onnx
import pyarrow as pa
import pyarrow.parquet as pq
from ai_edge_litert import schema_py_generated as schema

__all__ = [
    "JSON_VALUES",
    "Raw",
    "in_bytes",
    "in_json",
    "in_json_lines",
    "in_keras",
    "in_npy",
    "in_npz",
    "in_onnx",
    "in_parquet",
    "in_tflite",
    "in_toml",
]

Random = random.Random
Mutator = Callable[[bytes, Random], bytes]

_LENGTHS = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


def in_bytes(content: bytes, random: Random) -> bytes:
    """Change some bytes, whatever they mean."""
    for _ in range(random.choice((1, 1, 1, 2, 8))):
        content = random.choice(_BYTE_WAYS)(content, random)
    return content


def _place(content: bytes, random: Random) -> int:
    return random.randrange(len(content) or 1)


def _flip(content: bytes, random: Random) -> bytes:
    if not content:
        return content
    changed = bytearray(content)
    changed[_place(content, random)] ^= 1 << random.randrange(8)
    return bytes(changed)


def _set(content: bytes, random: Random) -> bytes:
    at = _place(content, random)
    return content[:at] + bytes([random.choice((0, 1, 0x7F, 0x80, 0xFE, 0xFF))]) + content[at + 1 :]


def _length(content: bytes, random: Random) -> bytes:
    width = random.choice((2, 4, 8))
    at = _place(content, random) // 4 * 4
    value = random.choice(_LENGTHS) & ((1 << 8 * width) - 1)
    return content[:at] + value.to_bytes(width, "little") + content[at + width :]


def _cut(content: bytes, random: Random) -> bytes:
    return content[: _place(content, random)]


def _delete(content: bytes, random: Random) -> bytes:
    at = _place(content, random)
    return content[:at] + content[at + random.choice((1, 4, 16, 100)) :]


def _double(content: bytes, random: Random) -> bytes:
    at, size = _place(content, random), random.choice((1, 4, 64, 1000))
    return content[: at + size] + content[at:]


def _splice(content: bytes, random: Random) -> bytes:
    """Begin as the file, and go on as it does elsewhere."""
    return content[: _place(content, random)] + content[_place(content, random) :]


def _append(content: bytes, random: Random) -> bytes:
    return content + random.choice((b"\0", b"\n", content, b"\0" * 5000, random.randbytes(64)))


def _replace(content: bytes, random: Random) -> bytes:
    return random.choice((b"", b"\0" * 64, random.randbytes(64), b"PK\3\4", b"\x80\x04K\x01."))


_BYTE_WAYS = (_flip, _flip, _flip, _set, _set, _length, _length, _cut, _delete, _double, _splice)
_BYTE_WAYS += (_append, _replace)


class Raw(str):
    """JSON or TOML text that stands for itself, such as a number too large for Python."""


_TEXTS = (
    "",
    " ",
    "x" * 300,
    "x" * 100_000,
    "../x",
    "../../../../etc/passwd",
    "/etc/passwd",
    "/dev/zero",
    "/dev/stdin",
    "fifo",
    ".",
    "..",
    "a/b",
    "a\\b",
    "\x1b]0;owned\x07\x1b[31m",
    "line\nbreak",
    "\0",
    "\u202e right to left",
    "<script>alert(1)</script>",
    "{{ 7 * 7 }}",
    "%s%n",
    "auto",
    "mnist",
    "float32",
    "int8",
    "int4",
    "object",
    "complex128",
    "V999999999",
    "as-is",
    "encoder",
    "tflite",
    "keras",
    "graph",
    "NaN",
)
_NUMBERS = (0, 1, -1, 2, 255, -129, 1 << 31, -(1 << 31), (1 << 63) - 1, 1 << 62, 10**9, 1.5, -0.0)
_NUMBERS += (1e-300, 1e300, 1.7e308, 5e-324, 3.5e38)
#: What no value of a file should be.
JSON_VALUES: tuple[Any, ...] = (
    *(None, True, False, [], {}, [[]], [[[[]]]], {"": ""}, {"a": {"b": {}}}),
    *_NUMBERS,
    *_TEXTS,
    [1] * 5,
    ["batch", 1 << 40, 1 << 40],
    [-1],
    [0],
    [None],
    *map(Raw, ("NaN", "Infinity", "-Infinity", "1e999", "9" * 30, "9" * 5000, '"\\ud800"')),
    *map(Raw, ('"\\u0000"', "[" * 60 + "]" * 60, "[" * 100_000, '{"a":' * 30_000, "-", "01")),
)


def in_json(content: bytes, random: Random) -> bytes:
    """Change a value or two of a JSON text, or its bytes."""
    if random.random() < 0.1:
        return in_bytes(content, random)
    value = json.loads(content)
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        value = _tree(value, random)
    return _dumped(value)


def _dumped(value: Any) -> bytes:
    raws: list[Raw] = []

    def marked(item: Any) -> Any:
        if isinstance(item, Raw):
            raws.append(item)
            return f"@raw{len(raws) - 1}@"
        if isinstance(item, dict):
            return {key: marked(inner) for key, inner in item.items()}
        return [marked(inner) for inner in item] if isinstance(item, list) else item

    text = json.dumps(marked(value), indent=1)
    for place, raw in enumerate(raws):
        text = text.replace(f'"@raw{place}@"', raw)
    return text.encode()


def _tree(value: Any, random: Random) -> Any:
    """Return JSON with one of its values changed."""
    holders = list(_holders(value))
    if not holders or random.random() < 0.02:
        return random.choice(JSON_VALUES)
    holder = random.choice(holders)
    if not holder:
        return value
    keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
    key = random.choice(keys)
    way = random.randrange(12)
    if way == 0:
        del holder[key]
    elif way == 1 and isinstance(holder, dict):
        holder[random.choice(("x", "", "\x1b[31m", "../x", "a" * 500, str(key).upper()))] = holder[
            key
        ]
    elif way == 2 and isinstance(holder, dict):
        holder[random.choice(("x", "", "né", "../x"))] = holder.pop(key)
    elif way == 3 and isinstance(holder, list):
        holder += [holder[key]] * random.choice((1, 1, 3, 1000))
    elif way == 4:
        other = random.choice(keys)
        holder[key], holder[other] = holder[other], holder[key]
    elif way == 5 and type(holder[key]) in (int, float):
        holder[key] = random.choice((-holder[key], holder[key] * 1000, holder[key] + 1, 0))
    else:
        holder[key] = random.choice(JSON_VALUES)
    return value


def _holders(value: Any) -> Iterator[Any]:
    if isinstance(value, dict | list):
        yield value
        for item in value.values() if isinstance(value, dict) else value:
            yield from _holders(item)


def in_json_lines(content: bytes, random: Random) -> bytes:
    """Change one line of JSON, or the lines as such."""
    lines = content.split(b"\n")
    at = random.randrange(max(1, len(lines) - 1))
    way = random.randrange(8)
    if way == 0:
        return in_bytes(content, random)
    if way == 1:
        lines.insert(at, random.choice((b"", b"null", b"[]", b"{}", b"\xff", lines[at])))
    else:
        lines[at] = in_json(lines[at], random).replace(b"\n", b" ")
    return b"\n".join(lines)


_TOML_VALUES = (
    *("true", "[]", "{}", "[[]]", '""', "0", "-1", "1", "1.5", "nan", "inf", "-inf", "1e308"),
    *("9" * 30, "9" * 5000, "[" * 60 + "]" * 60, "[" * 20_000, "1979-05-27", "[1, 'a']", "{a = 1}"),
    *('"\\u0000"', '"\\u001b[31m"', '"../x.toml"', '"/dev/zero"', '"fifo"', '"fifo.toml"', "'*'"),
    *('["*"]', '["["]', '["files/*"]', '["../*"]', '["/dev/zero"]', '["fifo"]', '"mine.toml"'),
    *('["int8"]', '"int8"', f'"{"x" * 10_000}"', '["onnxruntime-cpu"]', '["tflite", "tflite"]'),
)
_TOML_LINES = ("[prune]", "[budget]", "[[cells]]", "[x.y.z]", "x = 1", "a.b.c = 1", "extends = 1")
_TOML_LINES += ('extends = "mine.toml"', "name = 3", "[[budget]]", "=", "\x00", '"" = 1')


def in_toml(content: bytes, random: Random) -> bytes:
    """Change a line or two of a TOML text, or its bytes."""
    if random.random() < 0.1:
        return in_bytes(content, random)
    lines = content.decode().split("\n")
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        at = random.randrange(len(lines))
        key, equals, _ = lines[at].partition(" = ")
        way = random.randrange(8)
        if way == 0:
            lines.insert(at, lines[at])
        elif way == 1 and len(lines) > 1:
            del lines[at]
        elif way == 2:
            lines.insert(at, random.choice(_TOML_LINES))
        elif equals:
            name = f"{key}x" if way == 3 else key
            lines[at] = f"{name} = {random.choice(_TOML_VALUES)}"
    return "\n".join(lines).encode()


def in_npy(content: bytes, random: Random) -> bytes:
    """Change what an `.npy` declares, what it holds, or its bytes."""
    way = random.randrange(5)
    if way == 0:
        return in_bytes(content, random)
    if way == 1:
        return _npy(random.choice(_ARRAYS)(np.load(io.BytesIO(content))))
    header_at = 10
    size = int.from_bytes(content[8:10], "little")
    text = content[header_at : header_at + size].decode("latin-1").rstrip()
    key = random.choice(("descr", "shape", "fortran_order"))
    value = random.choice(_HEADERS[key])
    text = re.sub(rf"('{key}': )(\([^)]*\)|[^,}}]*)", lambda found: found.group(1) + value, text)
    header = text.encode("latin-1", "replace")[:60_000]
    version = random.choice((b"\1\0", b"\1\0", b"\1\0", b"\2\0", b"\3\0", b"\x09\0"))
    length = len(header).to_bytes(2 if version == b"\1\0" else 4, "little")
    return content[:6] + version + length + header + content[header_at + size :]


_HEADERS = {
    "descr": (
        "'|O'",
        "'<f4'",
        "'<f8'",
        "'|S0'",
        "'|V9999999'",
        "'<M8[s]'",
        "[('a', '<f4')]",
        "'<c16'",
        "None",
        "'>i8'",
        "'nonsense'",
        "'<U1'",
        "1",
        "'|b1'",
        "'<f2'",
    ),
    "shape": (
        "(-1,)",
        "(0,)",
        "()",
        "(4294967296, 4294967296)",
        "(1 << 62,)",
        "(64, 16, 1)",
        "(9223372036854775807,)",
        "'x'",
        "(1.5,)",
        "[64, 16]",
        "(True,)",
        "(10000000000,)",
    ),
    "fortran_order": ("True", "1", "'x'", "None"),
}
_ARRAYS: tuple[Callable[[Any], Any], ...] = (
    lambda array: array[:0],
    lambda array: array[:1],
    lambda array: array.reshape(-1),
    lambda array: array[..., None],
    lambda array: np.concatenate([array, array]),
    lambda array: array.astype(np.float64),
    lambda array: array.astype(np.float32),
    lambda array: array.astype(np.int64) + 100_000,
    lambda array: array.astype(np.complex64),
    lambda array: array.astype(bool),
    lambda array: array.astype(str),
    lambda array: np.full(array.shape, np.nan, np.float32),
    lambda array: np.full(array.shape, np.inf, np.float64),
    lambda array: np.full(array.shape, 3e38, np.float32),
    lambda array: np.float32(3),
    lambda array: np.zeros((0, 0, 0), np.uint8),
    np.asfortranarray,
    lambda array: array.astype(">f4"),
    lambda array: np.zeros(array.shape, "M8[s]"),
    lambda array: array[:1] * 0,
)


def _npy(array: Any) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def in_npz(content: bytes, random: Random) -> bytes:
    """Change a member of an archive of arrays, its list of members, or its bytes."""
    return _archive(content, random, lambda name, held: in_npy(held, random))


def in_keras(content: bytes, random: Random) -> bytes:
    """Change the architecture, the weights or the list of members of a `.keras` file."""

    def member(name: str, held: bytes) -> bytes:
        return in_json(held, random) if name.endswith(".json") else in_bytes(held, random)

    return _archive(content, random, member)


def _archive(content: bytes, random: Random, member: Callable[[str, bytes], bytes]) -> bytes:
    if random.random() < 0.3:
        return in_bytes(content, random)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        held = [(name, archive.read(name)) for name in archive.namelist()]
    at = random.randrange(len(held))
    name, inner = held[at]
    way = random.randrange(8)
    method = zipfile.ZIP_STORED
    if way == 0:
        del held[at]
    elif way == 1:
        held.append(
            (random.choice(("../x", "/etc/x", "x", "x/y.npy", name, "\x1b[31m.npy")), inner)
        )
    elif way == 2:
        held[at] = random.choice((f"{name}x", "x.npy", "y_test.npy")), inner
    elif way == 3:
        method = random.choice((zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA))
    else:
        held[at] = name, member(name, inner)
    stream = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(stream, "w", method) as archive:
        warnings.simplefilter("ignore")  # two members of one name are meant
        for each, data in held:
            archive.writestr(zipfile.ZipInfo(each), data, method)
    return stream.getvalue()


def in_parquet(content: bytes, random: Random) -> bytes:
    """Change the footer of a Parquet file, its table, or its bytes."""
    way = random.randrange(4)
    if way == 0:
        return in_bytes(content, random)
    if way == 1:
        return _parquet(random.choice(_TABLES)(_table(content)), random)
    # the footer is described by its last 8 bytes: its size, and a mark
    size, mark = int.from_bytes(content[-8:-4], "little"), content[-4:]
    footer = in_bytes(content[-8 - size : -8], random)
    return content[: -8 - size] + footer + len(footer).to_bytes(4, "little") + mark


def _table(content: bytes) -> Any:
    return pq.ParquetFile(pa.BufferReader(content)).read(use_threads=False)


def _parquet(table: Any, random: Random) -> bytes:
    stream = pa.BufferOutputStream()
    pq.write_table(
        table,
        stream,
        row_group_size=random.choice((1, 7, 1 << 20)),
        compression=random.choice(("none", "snappy", "gzip", "brotli", "zstd", "lz4")),
        use_dictionary=random.random() < 0.5,
        data_page_version=random.choice(("1.0", "2.0")),
        write_page_checksum=random.random() < 0.5,
    )
    return bytes(stream.getvalue())


def _first(change: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return what changes the first column of a table."""
    return lambda table: table.set_column(0, table.column_names[0], change(table.column(0)))


def _full(value: Any, kind: Any) -> Callable[[Any], Any]:
    return _first(lambda column: pa.array([value] * len(column), kind))


_TABLES: tuple[Callable[[Any], Any], ...] = (
    lambda table: table,
    lambda table: table.slice(0, 0),
    lambda table: table.slice(0, 1),
    lambda table: table.select([]),
    lambda table: table.select([0]),
    lambda table: pa.concat_tables([table] * 50),
    lambda table: table.append_column(table.column_names[0], table.column(0)),
    lambda table: table.rename_columns(["", *table.column_names[1:]]),
    lambda table: table.rename_columns(["\x1b[31m\n", *table.column_names[1:]]),
    lambda table: table.rename_columns(["x" * 100_000, *table.column_names[1:]]),
    lambda table: table.replace_schema_metadata({"pandas": "{", "ARROW:schema": "AAAA"}),
    _first(lambda column: column.cast(pa.float64())),
    _first(lambda column: column.cast(pa.float16(), safe=False)),
    _first(lambda column: column.cast(pa.string())),
    _first(lambda column: column.dictionary_encode()),
    _first(lambda column: column.cast(pa.decimal128(38, 4))),
    _first(lambda column: pa.array([[item.as_py()] for item in column])),
    _first(lambda column: pa.array([{"a": item.as_py()} for item in column])),
    _full(None, pa.float32()),
    _full(None, pa.null()),
    _full(float("nan"), pa.float64()),
    _full(float("-inf"), pa.float32()),
    _full(1e300, pa.float64()),
    _full((1 << 63) - 1, pa.int64()),
    _full(True, pa.bool_()),
    _full(0, pa.timestamp("ns")),
    _full(0, pa.duration("s")),
    _full(b"\xff\0", pa.binary()),
)


_INTEGERS = (-2, -1, 0, 1, 2, 3, 4, 7, 127, 255, 1 << 16, (1 << 31) - 1, -(1 << 31))
_FLOATS = (0.0, -1.0, np.nan, np.inf, 1e-45, 3e38, 1.0)


def in_tflite(content: bytes, random: Random) -> bytes:
    """Change a field of a `.tflite`, or its bytes."""
    if random.random() < 0.4:
        return in_bytes(content, random)
    model = schema.ModelT.InitFromPackedBuf(content, 0)
    for _ in range(random.choice((1, 1, 1, 2))):
        _field(random.choice(list(_tables(model))), random)
    builder = flatbuffers.Builder(1 << 12)
    try:
        builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    except Exception:  # not even the schema's own classes can write that
        return in_bytes(content, random)
    return bytes(builder.Output())


def _tables(value: Any) -> Iterator[Any]:
    """Yield every table of a model."""
    if isinstance(value, list):
        for item in value:
            yield from _tables(item)
    elif hasattr(value, "__dict__"):
        yield value
        for item in vars(value).values():
            yield from _tables(item)


def _field(table: Any, random: Random) -> None:
    """Change one field of a table to another value of its kind, or to none."""
    name, value = random.choice(list(vars(table).items()))
    if isinstance(value, bool):
        new: Any = not value
    elif isinstance(value, int):
        new = random.choice(_INTEGERS)
    elif isinstance(value, float):
        new = random.choice(_FLOATS)
    elif isinstance(value, bytes):
        new = random.choice((b"", b"\xff\xfe", b"x" * 5000, b"\x1b[31m", None))
    elif isinstance(value, np.ndarray):
        new = _vector(value, random)
    elif isinstance(value, list):
        new = random.choice((None, [], value[1:], value[::-1], value + value))
    else:
        new = None
    setattr(table, name, new)


def _vector(value: Any, random: Random) -> Any:
    way = random.randrange(5)
    if way == 0 or not value.size:
        return None
    if way == 1:
        return value[1:]
    if way == 2:
        return np.concatenate([value, value])
    changed = value.copy()
    choices = _FLOATS if value.dtype.kind == "f" else _INTEGERS
    with np.errstate(all="ignore"):
        changed[random.randrange(value.size)] = np.array(random.choice(choices)).astype(value.dtype)
    return changed


def in_onnx(content: bytes, random: Random) -> bytes:
    """Change a field of an `.onnx`, or its bytes."""
    if random.random() < 0.4:
        return in_bytes(content, random)
    model = onnx.load_from_string(content)
    for _ in range(random.choice((1, 1, 1, 2))):
        if random.random() < 0.1:
            _outside(random.choice(list(model.graph.initializer) or [onnx.TensorProto()]), random)
        else:
            _proto_field(random.choice(list(_messages(model))), random)
    return bytes(model.SerializeToString())


def _outside(constant: Any, random: Random) -> None:
    """Let a constant's values lie in another file."""
    constant.data_location = onnx.TensorProto.EXTERNAL
    constant.ClearField("raw_data")
    place = random.choice(("/etc/passwd", "../../../etc/passwd", "/dev/zero", "fifo", "files/x"))
    constant.external_data.add(key="location", value=place)
    if random.random() < 0.5:
        constant.external_data.add(key="length", value=random.choice(("64", "-1", "9" * 30, "x")))


def _messages(message: Any) -> Iterator[Any]:
    yield message
    for field, value in message.ListFields():
        if field.type == field.TYPE_MESSAGE:
            for item in value if field.is_repeated else (value,):
                yield from _messages(item)


def _proto_field(message: Any, random: Random) -> None:
    fields = message.ListFields()
    if not fields:
        return
    field, value = random.choice(fields)
    if field.is_repeated:
        _repeated(message, field, value, random)
    elif field.type == field.TYPE_MESSAGE or random.random() < 0.2:
        message.ClearField(field.name)
    else:
        setattr(message, field.name, _scalar(field, random))


def _repeated(message: Any, field: Any, value: Any, random: Random) -> None:
    at, way = random.randrange(len(value)), random.randrange(4)
    if way == 0:
        message.ClearField(field.name)
    elif way == 1:
        del value[at]
    elif way == 2 or field.type == field.TYPE_MESSAGE:
        value.extend([value[at]] * random.choice((1, 1, 100)))
    else:
        value[at] = _scalar(field, random)


def _scalar(field: Any, random: Random) -> Any:
    if field.type == field.TYPE_STRING:
        return random.choice(
            ("", "x", "x" * 5000, "\x1b[31m", "\0", "Gemm", "Conv", "com.microsoft")
        )
    if field.type == field.TYPE_BYTES:
        return random.choice((b"", b"\xff", b"\0" * 64, b"x" * 5000))
    if field.type in (field.TYPE_FLOAT, field.TYPE_DOUBLE):
        return random.choice(_FLOATS)
    if field.type == field.TYPE_ENUM:
        return random.choice([item.number for item in field.enum_type.values])
    wide = field.type == field.TYPE_INT64
    return random.choice((*_INTEGERS, 1 << 62, -(1 << 62)) if wide else _INTEGERS)
