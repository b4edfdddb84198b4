"""`edgeae embed`: the folder compiles as it stands, and every failure is one line."""

import json
import subprocess

import pytest
from tiny import tiny_tflite
from typer.testing import CliRunner

from edgeae.cli.main import app
