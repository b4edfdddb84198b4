"""Lists the Vulkan devices of this machine, and which of them are software devices.

The loader is called through ctypes, only for the properties that name a device. Structures and
constants are those of `vulkan.h`.
"""

import ctypes
import functools
import os
from typing import Any

from edgeae.errors import RuntimeUnavailable
from edgeae.runtimes.protocol import Device

#: The loader's environment variable that names the only drivers to use. With it, a user chooses a
#: software device.
DRIVERS = "VK_DRIVER_FILES"
_DRIVERS_OLD_NAME = "VK_ICD_FILENAMES"
#: Disables Mesa's software driver, which most machines have: otherwise an engine that rejects the
#: GPU would use the software driver.
_NEVER_UNNAMED = {"VK_LOADER_DRIVERS_DISABLE": "lvp_icd*"}
_LIBRARY = "libvulkan.so.1"
_SUCCESS, _INCOMPLETE = 0, 5
#: The loader's status if there is no driver, and if the drivers have no device.
_NO_DRIVER, _NO_DEVICE = -9, -3
_CPU = 4
#: Kind of device → rank, in the order that engines prefer: discrete, integrated, virtual GPU.
_ORDER = {2: 0, 1: 1, 3: 2}
_MOST_DEVICES = 64


class _InstanceCreateInfo(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_uint32),
        ("next", ctypes.c_void_p),
        ("flags", ctypes.c_uint32),
        ("application", ctypes.c_void_p),
        ("layer_count", ctypes.c_uint32),
        ("layers", ctypes.c_void_p),
        ("extension_count", ctypes.c_uint32),
        ("extensions", ctypes.c_void_p),
    )


class _Properties(ctypes.Structure):
    _fields_ = (
        ("api_version", ctypes.c_uint32),
        ("driver_version", ctypes.c_uint32),
        ("vendor", ctypes.c_uint32),
        ("device", ctypes.c_uint32),
        ("kind", ctypes.c_int32),
        ("name", ctypes.c_char * 256),
        ("rest", ctypes.c_uint64 * 256),  # 544 bytes of limits, and spare room
    )


def named_drivers() -> str:
    """Return the drivers that the user named for the loader; empty if the user named none."""
    return os.environ.get(DRIVERS) or os.environ.get(_DRIVERS_OLD_NAME) or ""


def devices() -> tuple[Device, ...]:
    """Return the devices in the order that engines prefer.

    If the user named no drivers, Mesa's software driver is disabled for the rest of the process.

    Raises:
        RuntimeUnavailable: the Vulkan loader is missing or fails.
    """
    return _devices(named_drivers())


@functools.cache
def _devices(named: str) -> tuple[Device, ...]:
    if not named:
        for name, pattern in _NEVER_UNNAMED.items():
            os.environ.setdefault(name, pattern)
    try:
        vulkan = ctypes.CDLL(_LIBRARY)
    except OSError:
        raise RuntimeUnavailable(
            f"Vulkan's loader ({_LIBRARY}) is missing", "apt-get install libvulkan1"
        ) from None
    info = _InstanceCreateInfo(type=1)
    instance = ctypes.c_void_p()
    status = vulkan.vkCreateInstance(ctypes.byref(info), None, ctypes.byref(instance))
    if status == _NO_DRIVER:
        return ()
    if status != _SUCCESS:
        raise RuntimeUnavailable(f"Vulkan does not start (vkCreateInstance gives {status})")
    try:
        return _listed(vulkan, instance)
    finally:
        vulkan.vkDestroyInstance(instance, None)


def _listed(vulkan: Any, instance: ctypes.c_void_p) -> tuple[Device, ...]:
    count = ctypes.c_uint32(_MOST_DEVICES)
    handles = (ctypes.c_void_p * _MOST_DEVICES)()
    status = vulkan.vkEnumeratePhysicalDevices(instance, ctypes.byref(count), handles)
    if status == _NO_DEVICE:
        return ()
    if status not in (_SUCCESS, _INCOMPLETE):
        raise RuntimeUnavailable(f"Vulkan lists no devices (the loader gives {status})")
    listed = []
    for handle in handles[: count.value]:
        properties = _Properties()
        vulkan.vkGetPhysicalDeviceProperties(ctypes.c_void_p(handle), ctypes.byref(properties))
        listed.append(properties)
    listed.sort(key=lambda item: _ORDER.get(item.kind, len(_ORDER)))
    return tuple(Device(item.name.decode(), item.kind == _CPU) for item in listed)
