"""Which C++ compiler builds an example, and what a build that fails says."""

import shutil

import pytest

from edgeae.codegen import compiler
from edgeae.embed.host_build import HostProgram, in_order, proven
from edgeae.errors import BadInput, RuntimeUnavailable


@pytest.fixture
def only(monkeypatch):
    """Let there be only these commands, whatever is installed, and no variable that names one."""

    def set_to(*names: str, zig: tuple[str, ...] = ()) -> None:
        monkeypatch.delenv("CXX", raising=False)
        monkeypatch.setattr(shutil, "which", lambda name: name if name in names else None)
        monkeypatch.setattr(compiler, "zig", lambda: zig)
        compiler.host_cpp.cache_clear()

    yield set_to
    compiler.host_cpp.cache_clear()


def test_a_compiler_of_the_system_comes_before_ziglang(only, monkeypatch):
    only("g++", "clang++", zig=("python", "-m", "ziglang", "cc"))
    assert compiler.host_cpp() == ("g++",)
    only(zig=("python", "-m", "ziglang", "cc"))
    assert compiler.host_cpp()[:4] == ("python", "-m", "ziglang", "c++")
    only("mine", "c++")
    monkeypatch.setenv("CXX", "mine -m32")
    assert compiler.host_cpp() == ("mine", "-m32")


def test_no_compiler_is_a_line_with_the_remedy(only, monkeypatch):
    only()
    with pytest.raises(RuntimeUnavailable, match=r"no C\+\+ compiler: .*edgeae\[c\]"):
        compiler.host_cpp()
    monkeypatch.setenv("CXX", "nowhere")
    with pytest.raises(BadInput, match="CXX=nowhere: there is no command 'nowhere'"):
        compiler.host_cpp()


def test_a_source_that_does_not_compile_is_told_by_its_first_error(tmp_path):
    (tmp_path / "main.c").write_text("int main(void) { return missing; }\n")
    proof = proven(tmp_path, HostProgram(["main.c"]), "a note")
    assert (proof.verdict, proof.note) == ("fail", "a note")
    assert "error" in proof.reasons[0] and "missing" in proof.reasons[0]


def test_the_first_command_that_fails_ends_the_row(tmp_path):
    commands = [["sh", "-c", "echo 'error: early' >&2; exit 3"], ["sh", "-c", "echo PASS"]]
    proof = in_order(commands, tmp_path, "sh")
    assert proof.verdict == "fail" and "ended with 3: error: early" in proof.reasons[0]
    assert in_order(commands[1:], tmp_path, "sh").verdict == "pass"
