"""The GPU runtime where there is no GPU, and which one it takes of several: devices are made up.

It is really run in `test_litert_gpu.py`, which takes packages of the system.
"""

import ctypes

import pytest
import tiny

from edgeae import runtimes
from edgeae.errors import RuntimeUnavailable
from edgeae.runtimes import vulkan
from edgeae.runtimes.protocol import Device

GPU = "litert-gpu"
CARD, CHIP = Device("A card"), Device("A chip")
SOFTWARE = Device("llvmpipe", software=True)
#: What the loader answers where there is no driver.
NO_DRIVER = -9


class Loader:
    """Vulkan's loader on a machine without a driver."""

    def __init__(self, name: str) -> None:
        assert name == "libvulkan.so.1"

    def vkCreateInstance(self, *arguments: object) -> int:
        return NO_DRIVER


@pytest.fixture(autouse=True)
def not_asked_before(monkeypatch, tmp_path):
    """Name drivers that no other test names: the devices of each name are asked for once."""
    monkeypatch.setenv("VK_DRIVER_FILES", str(tmp_path / "icd.json"))
    monkeypatch.delenv("VK_ICD_FILENAMES", raising=False)


def test_no_device_is_an_absence_with_its_remedy(monkeypatch, tmp_path):
    monkeypatch.setattr(ctypes, "CDLL", Loader)
    with pytest.raises(RuntimeUnavailable) as caught:
        runtimes.load(GPU).version()
    drivers = tmp_path / "icd.json"
    assert caught.value.reason == f"Vulkan has no device with VK_DRIVER_FILES={drivers}"
    assert "a GPU and its driver" in caught.value.remedy
    assert "apt-get install chromium" in caught.value.remedy


def test_a_missing_loader_is_an_absence_with_its_remedy(monkeypatch):
    def refuse(name: str) -> None:
        raise OSError(f"{name}: cannot open shared object file")

    monkeypatch.setattr(ctypes, "CDLL", refuse)
    with pytest.raises(RuntimeUnavailable, match="libvulkan") as info:
        runtimes.load(GPU).version()
    assert info.value.remedy == "apt-get install libvulkan1"


@pytest.mark.parametrize(
    ("found", "named", "expected"),
    [
        ((CARD,), "", CARD),
        ((CARD, CHIP), "", CARD),
        ((SOFTWARE,), "lvp.json", SOFTWARE),
        ((), "", "Vulkan has no device here"),
        ((SOFTWARE,), "", r"only a software device here \(llvmpipe\)"),
        ((CARD, SOFTWARE), "", r"a GPU and a software device here \(A card, llvmpipe\)"),
        ((CARD, SOFTWARE), "a.json:b.json", "VK_DRIVER_FILES=… names the driver"),
    ],
)
def test_which_device_is_taken(found, named, expected, monkeypatch):
    monkeypatch.setenv("VK_DRIVER_FILES", named)
    monkeypatch.setattr(vulkan, "devices", lambda: found)
    runtime = runtimes.load(GPU)
    if isinstance(expected, Device):
        assert runtime.version() and runtime.device() == expected
        return
    for ask_it in (
        runtime.version,
        runtime.device,
        lambda: runtime.open(tiny.program(), threads=1),
        lambda: runtime.open_fixed(tiny.program().artifact, threads=1),
    ):
        with pytest.raises(RuntimeUnavailable, match=expected):
            ask_it()
