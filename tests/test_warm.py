"""A warm process is what a Python of its own would be: words, variables, folder, streams, end."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import warm
from edgeae_cli import ROOT
from processes import is_gone_soon

ALL = """
import json, os, sys
print(json.dumps([sys.argv[1:], os.getcwd(), os.environ["WORD"], sys.stdin.read(), sys.path[1]]))
print("said", file=sys.stderr)
"""


def run(*words: str, given: str = "", **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*warm.python("edgeae"), *words],
        input=given,
        capture_output=True,
        text=True,
        check=False,
        **options,  # type: ignore[call-overload]
    )


def test_words_variables_folder_and_streams_are_its_own(tmp_path):
    variables = {**os.environ, "WORD": "é", "PYTHONPATH": str(tmp_path)}
    done = run("-c", ALL, "a b", "", given="x\ny", cwd=tmp_path, env=variables)
    assert (done.returncode, done.stderr) == (0, "said\n")
    assert json.loads(done.stdout) == [["a b", ""], str(tmp_path), "é", "x\ny", str(tmp_path)]
    assert "WORD" not in os.environ


@pytest.mark.parametrize(
    ("program", "status", "told"),
    [
        ("", 0, ""),
        ("raise SystemExit", 0, ""),
        ("import sys; sys.exit(3)", 3, ""),
        ("import sys; sys.exit('no room')", 1, "no room\n"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", -signal.SIGSEGV, ""),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", -signal.SIGKILL, ""),
    ],
)
def test_it_ends_as_the_program_does(program, status, told):
    done = run("-c", program)
    assert (done.returncode, done.stdout, done.stderr) == (status, "", told)


def test_an_error_is_a_traceback():
    done = run("-c", "1 / 0")
    assert done.returncode == 1 and done.stderr.endswith("ZeroDivisionError: division by zero\n")


def test_modules_scripts_and_what_begins_a_python(tmp_path):
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.began = 'here'\n")
    (tmp_path / "other.py").write_text("import sys\nprint(__name__, sys.began, sys.argv[1:])\n")
    variables = {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}
    for words in (("-m", "other"), (str(tmp_path / "other.py"),)):
        done = run(*words, "word", env=variables)
        assert done.stdout == "__main__ here ['word']\n", done.stderr
    # nothing of the one is left for the other
    done = run("-c", "import sys; print(hasattr(sys, 'began'), 'other' in sys.modules)")
    assert done.stdout == "False False\n"


def test_what_was_imported_is_there_and_tensorflow_is_not():
    program = "import sys; print('numpy' in sys.modules, 'tensorflow' in sys.modules)"
    assert run("-c", program).stdout == "True False\n"


def test_a_fork_ends_with_its_client():
    program = "import os, time; print(os.getpid(), flush=True); time.sleep(60)"
    with subprocess.Popen(
        [*warm.python("edgeae"), "-c", program], stdout=subprocess.PIPE, text=True
    ) as client:
        assert client.stdout is not None
        fork = int(client.stdout.readline())
        assert fork != client.pid
        client.kill()
    assert is_gone_soon(fork)


def test_many_at_once_get_their_own_answers():
    program = "import sys, time; time.sleep(0.1); print(sys.argv[1])"
    command = [*warm.python("edgeae"), "-c", program]
    running = [
        subprocess.Popen([*command, str(number)], stdout=subprocess.PIPE, text=True)
        for number in range(12)
    ]
    assert [process.communicate()[0] for process in running] == [f"{n}\n" for n in range(12)]
    assert {process.returncode for process in running} == {0}


@pytest.mark.parametrize("given", [False, True])
def test_its_own_children_are_warm_where_that_is_asked(given, tmp_path):
    program = (
        "from edgeae.system import tied\nimport json\nprint(json.dumps(tied.module('a.child')))\n"
    )
    variables = {**os.environ, "PYTHONPATH": str(ROOT), **(warm.environment() if given else {})}
    command = json.loads(run("-c", program, env=variables, cwd=tmp_path).stdout)
    warmed = [*warm.python("edgeae"), "-m", "a.child"]
    assert (command == warmed) == given
    assert command[0] == sys.executable and Path(command[0]).exists()
