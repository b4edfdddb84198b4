"""The table of the forms."""

import importlib
from dataclasses import dataclass
from typing import cast

from edgeae.embed.form import FormModule
from edgeae.errors import unknown


@dataclass(frozen=True)
class Entry:
    """A form.

    Attributes:
        module: the module that writes and proves it, a `FormModule`.
        about: what it is, in a few words.
        publisher: who asks more of a package that is published than builds do; empty if nobody.
        asks: the details of `Package` that are asked for; no build asks for one of them.
    """

    module: str
    about: str
    publisher: str = ""
    asks: tuple[str, ...] = ()

    def load(self) -> FormModule:
        """Import the form's module."""
        return cast(FormModule, importlib.import_module(self.module))


#: All forms by name.
FORMS = {
    "c": Entry("edgeae.embed.forms.c", "C99 sources with a Makefile"),
    "android": Entry("edgeae.embed.forms.android", "Gradle module: C, JNI and Kotlin"),
    "android-litert": Entry(
        "edgeae.embed.forms.android_litert", "Gradle module: .tflite files and Kotlin on LiteRT"
    ),
    "swift": Entry("edgeae.embed.forms.swift", "Swift package with the C as a target"),
    # library.properties without them is an error of arduino-lint, but arduino-cli builds
    "arduino": Entry(
        "edgeae.embed.forms.arduino",
        "an Arduino library",
        "Arduino's Library Manager",
        ("author", "url"),
    ),
    "platformio": Entry("edgeae.embed.forms.platformio", "a PlatformIO library"),
    "zephyr": Entry("edgeae.embed.forms.zephyr", "a Zephyr module"),
    "esp-idf": Entry(
        "edgeae.embed.forms.esp_idf",
        "an ESP-IDF component",
        "the ESP Component Registry",
        ("license",),
    ),
    # the specification allows an empty url only for a pack that is on no server
    "cmsis-pack": Entry(
        "edgeae.embed.forms.cmsis_pack",
        "an Open-CMSIS pack",
        "an index of CMSIS packs",
        ("author", "url"),
    ),
    "cmake": Entry("edgeae.embed.forms.cmake", "a CMake package"),
    "tflm": Entry("edgeae.embed.forms.tflm", "the .tflite for TensorFlow Lite Micro"),
    "web": Entry("edgeae.embed.forms.web", "npm package for browsers and Node, WebAssembly"),
}


def entry(name: str) -> Entry:
    """Return a form.

    Raises:
        BadInput: there is no form of that name.
    """
    if name not in FORMS:
        raise unknown("form", name, FORMS)
    return FORMS[name]
