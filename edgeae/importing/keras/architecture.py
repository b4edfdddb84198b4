"""Flattens a Keras architecture: nested models become one list of allowed layers.

Sequential and functional models of Keras 2 and Keras 3 write the same graph in four ways. Here each
of them becomes a list of layers that name their inputs. The input is JSON; nothing is loaded.
"""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from edgeae.errors import BadInput
from edgeae.importing.keras import layers as rules
from edgeae.importing.keras.connections import inputs_of, names_of, needed_by, only, topological
from edgeae.importing.keras.file import EXPORT, KerasFile
from edgeae.importing.tfmot import wrappers
from edgeae.importing.tfmot.wrappers import Wrapper

_FUNCTIONAL = ("Functional", "Model")
_SEQUENTIAL = "Sequential"
_MODELS = (*_FUNCTIONAL, _SEQUENTIAL)
#: Root modules of Keras's own classes. Operations in `_OPERATIONS` have the names of layers.
_OWN_ROOTS = ("keras", "tf_keras")
_OPERATIONS = "keras.src.ops."
#: Keras cannot create variables whose names have other characters.
_SAFE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-")
_INPUT = "image"


@dataclass(frozen=True)
class LayerSpec:
    """One layer of the flat model.

    Attributes:
        name: unique in the flat model: the names of the nested models and its own, joined by dots.
        kind: class of the layer in Keras 2.
        config: arguments of that class besides the name.
        inputs: names of the layers whose outputs it reads.
        path: names from the outermost model to the layer, to find its weights; empty if the layer
            has no weights.
        end: whether a nested model ends here.
        wrapper: what tfmot wrapped around the layer; None for a plain one.
        file: number of the file that has its weights: 1 for the decoder of two files.
    """

    name: str
    kind: str
    config: dict[str, Any]
    inputs: tuple[str, ...]
    path: tuple[str, ...] = ()
    end: bool = False
    wrapper: Wrapper | None = None
    file: int = 0


@dataclass(frozen=True)
class Architecture:
    """A flat model.

    Attributes:
        input_shape: shape of one image, with None for a free size; None if the file does not state
            the shape.
        input: name of the input.
        output: name of the layer whose output is the model's output.
        layers: the layers without the input, each after its inputs.
        aliases: other name in the file → name of the layer here. Such names are those of nested
            models and wrappers, and those of dropped layers, which stand for their input.
        quantized_input: tfmot's quantizer of the input; None if there is none.
        left_out: classes of layers that the chosen output does not need; they are not checked, and
            may be the author's own.
        code: the encoder's output, where encoder and decoder were two files; or empty.
        codes: shape of one code as the decoder's file states it, with None for a free size; None
            if it does not, or there is one file.
    """

    input_shape: tuple[int | None, ...] | None
    input: str
    output: str
    layers: tuple[LayerSpec, ...]
    aliases: dict[str, str]
    quantized_input: Wrapper | None = None
    left_out: tuple[str, ...] = ()
    code: str = ""
    codes: tuple[int | None, ...] | None = None

    @property
    def wrapped(self) -> bool:
        """Whether tfmot's wrappers are around any layer, or at the input."""
        return self.quantized_input is not None or any(layer.wrapper for layer in self.layers)


def flatten(file: KerasFile, output: str | None = None) -> Architecture:
    """Return the flat architecture of a file; every layer that its output needs is checked.

    Args:
        file: the file.
        output: name of the output to take, of a model with several; None for its only one.

    Raises:
        BadInput: a layer or an object is not allowed, the model has several inputs or outputs and
            none is chosen, or a layer is shared; the message names file, layer and class.
    """
    try:
        walk = _Walk(file.path, chosen=output)
        end = walk.model(file.model, (), [_INPUT])
    except (KeyError, TypeError, IndexError, AttributeError, RecursionError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise BadInput(f"{file.path}: the architecture is damaged ({reason})") from None
    return Architecture(
        walk.input_shape,
        _INPUT,
        end,
        tuple(walk.layers),
        walk.aliases,
        walk.quantized_input,
        tuple(walk.left_out),
    )


def joined(encoder: Architecture, decoder: Architecture) -> Architecture:
    """Return the architecture of decoder(encoder(x)), of two files; names say whose a layer is."""
    first, code = _within(encoder, "encoder", {encoder.input: encoder.input}, 0)
    second, end = _within(decoder, "decoder", {decoder.input: code}, 1)
    ended = tuple(replace(item, end=True) if item.name == code else item for item in first)
    aliases = {
        f"{name}.{alias}": code if target == flat.input else f"{name}.{target}"
        for name, flat in (("encoder", encoder), ("decoder", decoder))
        for alias, target in flat.aliases.items()
    }
    return Architecture(
        encoder.input_shape,
        encoder.input,
        end,
        (*ended, *second),
        {**aliases, "encoder": code},
        encoder.quantized_input,
        encoder.left_out,
        code,
        decoder.input_shape,
    )


def _within(
    flat: Architecture, name: str, names: dict[str, str], file: int
) -> tuple[tuple[LayerSpec, ...], str]:
    """Return the layers of a file with its name before theirs, and the name of the output."""
    names |= {layer.name: f"{name}.{layer.name}" for layer in flat.layers}
    layers = tuple(
        replace(
            layer,
            name=names[layer.name],
            inputs=tuple(names[source] for source in layer.inputs),
            file=file,
        )
        for layer in flat.layers
    )
    return layers, names[flat.output]


@dataclass
class _Walk:
    """The state of a walk over the architecture."""

    path: Path
    chosen: str | None = None
    left_out: list[str] = field(default_factory=list)
    layers: list[LayerSpec] = field(default_factory=list)
    aliases: dict[str, str] = field(default_factory=dict)
    input_shape: tuple[int | None, ...] | None = None
    names: set[str] = field(default_factory=lambda: {_INPUT})
    quantized_input: Wrapper | None = None

    def model(self, item: dict[str, Any], path: tuple[str, ...], inputs: list[str]) -> str:
        """Walk a model called on `inputs`; return the name of its output."""
        kind = item["class_name"]
        where = self._where(path, kind)
        if kind == _SEQUENTIAL and self.chosen is not None and not path:
            raise BadInput(f"{where}: --output {self.chosen}: a Sequential model has one output")
        if kind not in _MODELS or not _is_own(item):
            raise BadInput(
                f"{self.path}: {_told(item)} is a custom class; allowed are Sequential and "
                f"functional models of Keras's layers; {EXPORT}"
            )
        if len(inputs) != 1:
            raise BadInput(f"{where} takes {len(inputs)} inputs; allowed is one")
        config = item["config"]
        if isinstance(config, dict):
            beside = {key: value for key, value in config.items() if key != "layers"}
            rules.check_objects(where, [beside, item.get("build_config")])
        walk = self._sequential if kind == _SEQUENTIAL else self._functional
        output = walk(config, path, inputs[0], where)
        if path:
            self._mark_end(output)
            self.aliases[".".join(path)] = output
        return output

    def _sequential(
        self, config: dict[str, Any] | list[Any], path: tuple[str, ...], source: str, where: str
    ) -> str:
        table = config if isinstance(config, dict) else {"layers": config}  # a list before 2.2
        if not table["layers"]:
            raise BadInput(f"{where} has no layers")
        self._note_shape(table.get("build_input_shape"))
        self._check_names(where, [item["config"]["name"] for item in table["layers"]])
        for item in table["layers"]:
            self._check_one_name(where, item)
            if item["class_name"] != "InputLayer":
                self._note_shape(_shape(item["config"]))
            source = self._layer(item, (*path, item["config"]["name"]), [source])
        return source

    def _functional(
        self, config: dict[str, Any], path: tuple[str, ...], source: str, where: str
    ) -> str:
        entry = only(where, "input", config["input_layers"])
        exit_ = self._exit(where, path, config["output_layers"])
        # if two layers had the same name, Keras would build the first and `items` keep the last
        self._check_names(where, [item["name"] for item in config["layers"]])
        for item in config["layers"]:
            self._check_one_name(where, item)
        items = {item["name"]: item for item in config["layers"]}
        wheres = {name: self._where((*path, name)) for name in items}
        if self.chosen is not None and not path:
            needed = needed_by(exit_, lambda name: inputs_of(wheres[name], items[name]))
            self.left_out += [items[name]["class_name"] for name in items.keys() - needed]
            items = {name: item for name, item in items.items() if name in needed}
        inputs = {name: inputs_of(wheres[name], item) for name, item in items.items()}
        made = {entry: source}
        for name in topological(self.path, inputs):
            item = items[name]
            if item["class_name"] == "InputLayer" and name != entry:
                raise BadInput(f"{where} has a second input, {name}; allowed is one")
            sources = [source] if name == entry else [made[origin] for origin in inputs[name]]
            made[name] = self._layer(item, (*path, name), sources)
        return made[exit_]

    def _exit(self, where: str, path: tuple[str, ...], written: Any) -> str:
        """Return the layer of the output, which the user may have chosen among several."""
        if self.chosen is None or path:
            hint = "; --output NAME chooses one" if not path else ""
            return only(where, "output", written, hint)
        names = names_of(written)
        if self.chosen not in names:
            raise BadInput(
                f"{where}: --output {self.chosen}: allowed are its outputs, {', '.join(names)}"
            )
        return self.chosen

    def _check_names(self, where: str, names: list[str]) -> None:
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise BadInput(f"{where}: two layers are called {twice[0]}; allowed is one")

    def _check_one_name(self, where: str, item: dict[str, Any]) -> None:
        config = item["config"]  # a list for nested sequential models before Keras 2.2
        inner = config.get("name") if isinstance(config, dict) else None
        outer = item.get("name")
        if None not in (inner, outer) and inner != outer:
            raise BadInput(f"{where}: layer {outer} is also called {inner}")

    def _layer(self, item: dict[str, Any], path: tuple[str, ...], inputs: list[str]) -> str:
        """Add one layer; return the name of its output."""
        if item["class_name"] in _MODELS:
            return self.model(item, path, inputs)
        if wrappers.is_wrapper(item):
            return self._wrapped(item, path, inputs)
        return self._plain(item, path, inputs)

    def _wrapped(self, item: dict[str, Any], path: tuple[str, ...], inputs: list[str]) -> str:
        """Add the layer that is in a wrapper of tfmot."""
        where = self._where(path, item["class_name"])
        wrapper, inner = wrappers.unwrap(where, item, path)
        if inner is None:
            if inputs != [_INPUT] or self.quantized_input:
                raise BadInput(f"{where}: quantizes {inputs[0]}; allowed is the input, once")
            self.quantized_input = wrapper
            self.aliases[".".join(path)] = inputs[0]
            return inputs[0]
        if inner["class_name"] in _MODELS:
            raise BadInput(f"{where}: wraps a whole model; allowed are layers")
        place = len(self.layers)
        output = self._plain(inner, (*path[:-1], wrapper.inner), inputs)
        if len(self.layers) > place:  # not one that is dropped
            self.layers[place] = replace(self.layers[place], wrapper=wrapper)
        self.aliases[".".join(path)] = output
        return output

    def _plain(self, item: dict[str, Any], path: tuple[str, ...], inputs: list[str]) -> str:
        """Add a layer of Keras."""
        kind, config = item["class_name"], item["config"]
        where = self._where(path, kind)
        rules.check_objects(where, [config, item.get("build_config")])
        if kind == "InputLayer":
            if not _is_own(item):
                raise BadInput(f"{where}: {_told(item)} is a custom class; {_allowed()}")
            self._note_shape(_shape(config))
            self.aliases[".".join(path)] = inputs[0]
            return inputs[0]
        self._check_class(where, item)
        if len(inputs) != 1 and kind not in rules.MERGING:
            raise BadInput(f"{where} takes {len(inputs)} inputs; allowed is one")
        if kind in rules.DROPPED:
            self.aliases[".".join(path)] = inputs[0]
            return inputs[0]
        return self._keep(where, kind, config, path, inputs)

    def _keep(
        self,
        where: str,
        kind: str,
        config: dict[str, Any],
        path: tuple[str, ...],
        inputs: list[str],
    ) -> str:
        name = self._free_name(path)
        options = rules.options(where, kind, config)
        weights = path if rules.ALLOWED[kind].weights else ()
        after, function = rules.activation(where, config.get("activation"))
        if kind == "Activation":
            kind, options = after, function
        elif after == "Activation":
            if "activation" in config:
                options |= function
        else:  # a separate layer, which every converter supports
            inner = self._free_name((*path, "linear"))
            self.layers.append(LayerSpec(inner, kind, options, tuple(inputs), weights))
            kind, options, inputs, weights = after, function, [inner], ()
        self.layers.append(LayerSpec(name, kind, options, tuple(inputs), weights))
        return name

    def _check_class(self, where: str, item: dict[str, Any]) -> None:
        kind = item["class_name"]
        own = _is_own(item)
        if str(item.get("module")).startswith(_OPERATIONS):  # x + y, written as a layer
            own = own and kind in rules.MERGING
        if kind == "Lambda":
            raise BadInput(f"{where}: holds code, which is never run; {_allowed()}")
        if not own:
            raise BadInput(f"{where}: {_told(item)} is a custom class; {_allowed()}")
        if kind not in rules.ALLOWED and kind not in rules.DROPPED:
            raise BadInput(f"{where}: not a layer that can be imported; {_allowed()}")

    def _note_shape(self, shape: Any) -> None:
        """Keep the first input shape that is found before any layer."""
        if shape is not None and self.input_shape is None and not self.layers:
            sizes = tuple(shape[1:])
            if not all(size is None or type(size) is int for size in sizes):
                raise BadInput(
                    f"{self.path}: the input's shape is {shape!r}; allowed are "
                    "whole numbers and null"
                )
            self.input_shape = sizes

    def _mark_end(self, name: str) -> None:
        for number in range(len(self.layers) - 1, -1, -1):
            layer = self.layers[number]
            if layer.name == name:
                self.layers[number] = replace(layer, end=True)
                return

    def _free_name(self, path: tuple[str, ...]) -> str:
        written = ".".join(path)
        name = "".join(letter if letter in _SAFE else "_" for letter in written).lstrip("_.-")
        name = name or "layer"
        while name in self.names:
            name += "_"
        self.names.add(name)
        if name != written:
            self.aliases[written] = name
        return name

    def _where(self, path: tuple[str, ...], kind: str = "") -> str:
        suffix = f" ({kind})" if kind else ""
        return f"{self.path}: layer {'.'.join(path)}{suffix}" if path else f"{self.path}: the model"


def _is_own(item: dict[str, Any]) -> bool:
    """Return whether a class is Keras's own.

    Old files have no module names; a custom class has a registered name of its own.
    """
    root = str(item.get("module") or "keras").partition(".")[0]
    return root in _OWN_ROOTS and item.get("registered_name") in (None, item["class_name"])


def _told(item: dict[str, Any]) -> str:
    module = item.get("module")
    full_name = f"{module}.{item['class_name']}" if module else str(item["class_name"])
    return str(item.get("registered_name") or full_name)


def _allowed() -> str:
    return f"allowed are {', '.join(sorted((*rules.ALLOWED, *rules.DROPPED)))}"


def _shape(config: dict[str, Any]) -> Any:
    return config.get("batch_shape") or config.get("batch_input_shape")
