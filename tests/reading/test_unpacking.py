import io
import zipfile

import pytest

from edgeae.errors import BadInput
from edgeae.reading import unpacking
from edgeae.reading.unpacking import VARIABLE, Allowance, limit, read_member
from edgeae.system import memory

GIB = 1 << 30


def packed(name: str, content: bytes, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        archive.writestr(name, content)
    return stream.getvalue()


def opened(content: bytes) -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO(content))


@pytest.mark.parametrize(
    ("free", "expected"),
    [(GIB // 2, GIB), (3 * GIB, 3 * GIB // 2), (100 * GIB, 4 * GIB), (None, 4 * GIB)],
)
def test_the_limit_is_half_of_the_memory_between_1_and_4_gib(monkeypatch, free, expected):
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr(memory, "available", lambda: free)
    assert limit() == expected


@pytest.mark.parametrize(("said", "expected"), [("900", 900), ("1.5G", 3 * GIB // 2)])
def test_the_user_s_limit_holds_whatever_the_memory(monkeypatch, said, expected):
    monkeypatch.setenv(VARIABLE, said)
    monkeypatch.setattr(memory, "available", lambda: 1)
    assert limit() == expected


def test_a_limit_that_is_none_is_refused_by_its_name(monkeypatch):
    monkeypatch.setenv(VARIABLE, "a lot")
    with pytest.raises(BadInput, match=VARIABLE):
        limit()


def test_an_allowance_counts_everything_of_one_file(monkeypatch):
    monkeypatch.setenv(VARIABLE, "100")
    allowance = Allowance("a/file")
    allowance.take(60, "x")
    allowance.take(40, "y")
    with pytest.raises(BadInput) as caught:
        allowance.take(1, "z")
    line = str(caught.value)
    assert line.startswith("a/file: z unpacks to ") and "--max-unpacked" in line


def test_a_member_comes_back_whole():
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        content = packed("config.json", b"{}" * 500, method)
        assert read_member(opened(content), "config.json", Allowance("a")) == b"{}" * 500


def test_what_a_member_declares_is_looked_at_before_it_is_unpacked(monkeypatch):
    monkeypatch.setenv(VARIABLE, "1M")
    archive = opened(packed("x", bytes(2 << 20)))
    monkeypatch.setattr(archive, "open", lambda *arguments: pytest.fail("unpacked"))
    with pytest.raises(BadInput, match="x unpacks to 2 MiB; allowed here are 1 MiB"):
        read_member(archive, "x", Allowance("a.zip"))


@pytest.mark.parametrize("declared", [0, 10, 4095])
def test_a_member_that_declares_less_than_it_inflates_to_gives_no_more(declared):
    content = packed("x", bytes(1 << 20))
    lying = content.replace((1 << 20).to_bytes(4, "little"), declared.to_bytes(4, "little"))
    assert lying != content
    try:
        found = read_member(opened(lying), "x", Allowance("a.zip"))
    except zipfile.BadZipFile:  # its checksum is another's
        return
    assert len(found) <= declared


def test_a_member_that_declares_more_than_it_has_gives_what_it_has():
    content = packed("x", b"1234")
    found = content.find(b"PK\x01\x02")
    lying = content[:found] + content[found:].replace(
        (4).to_bytes(4, "little"), (400).to_bytes(4, "little"), 1
    )
    assert lying != content
    assert read_member(opened(lying), "x", Allowance("a.zip")) == b"1234"


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_methods_that_python_cannot_bound_are_refused(method):
    with pytest.raises(ValueError, match=r"x is compressed by method .*: stored and deflated"):
        read_member(opened(packed("x", b"1", method)), "x", Allowance("a.zip"))


def test_a_member_that_is_not_there_is_a_key_error():
    with pytest.raises(KeyError):
        unpacking.checked_member(opened(packed("x", b"")), "y", Allowance("a.zip"))
