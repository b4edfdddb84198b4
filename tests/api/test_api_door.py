"""`import edgeae`: what it offers, and what it does not load."""

import ast
import builtins
import pkgutil
import subprocess
import sys

import pytest
from edgeae_cli import ROOT

import edgeae

#: What a user meets as `edgeae.NAME`.
PUBLIC = {"Bundle", "Model", "errors", "export", "open", "train"}


def python(program: str) -> str:
    """Run a program in a process of its own; return what it prints."""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_what_is_public_is_there_and_has_a_docstring():
    assert {name for name in dir(edgeae) if name in PUBLIC} == PUBLIC
    for name in PUBLIC:
        assert getattr(edgeae, name).__doc__, name
    assert set(edgeae.__all__) == PUBLIC - {"open"}


def test_a_star_import_replaces_no_builtin():
    assert not set(edgeae.__all__) & set(dir(builtins))
    names = python("from edgeae import *; print(open.__module__, *sorted(globals()))").split()
    assert names[0] in ("io", "_io")
    assert set(edgeae.__all__) <= set(names)


def test_no_public_name_is_a_room_which_would_replace_it():
    rooms = {item.name for item in pkgutil.iter_modules(edgeae.__path__)}
    assert {"verify", "gate", "errors"} <= rooms
    assert rooms & PUBLIC == {"errors"}


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'edgeae' has no attribute 'encode'"):
        _ = edgeae.encode


def test_importing_it_loads_nothing_but_its_errors():
    loaded = set(python("import edgeae, sys; print(*sys.modules)").split())
    assert {name for name in loaded if name.startswith("edgeae")} == {"edgeae", "edgeae.errors"}
    assert not loaded & {"numpy", "typer", "ai_edge_litert", "onnxruntime", "tensorflow"}


def test_opening_a_bundle_loads_no_engine_and_no_tensorflow(tiny_bundle):
    root = str(tiny_bundle().root)
    program = f"import edgeae, sys; edgeae.open({root!r})._repr_html_(); print(*sys.modules)"
    loaded = {name.partition(".")[0] for name in python(program).split()}
    assert not loaded & {"ai_edge_litert", "onnxruntime", "onnx", "tensorflow", "keras", "sklearn"}


def test_the_names_that_type_checkers_see_are_those_that_are_there():
    """A name is told twice: to type checkers as an import, to Python as a string."""
    tree = ast.parse((ROOT / "edgeae" / "__init__.py").read_text(encoding="utf-8"))
    (checked,) = [node for node in tree.body if isinstance(node, ast.If)]
    told = {
        alias.asname: node.module
        for node in checked.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert told == edgeae._LATER
