"""PyTorch zip checkpoints, without running the pickle inside.

A checkpoint is a zip with one pickle (`data.pkl`) and one member per storage. The pickle is
never loaded: `pickletools.genops` only splits it into instructions, and the small machine
below follows those that build lists, dicts and tensors. A name outside the few that weights
need makes the file refused, and is shown. TorchScript files are read the same way: their
modules are names of code inside the file, which is not looked at, and become plain dicts.
"""

from __future__ import annotations

import pickletools
import warnings
from typing import TYPE_CHECKING, Any, NamedTuple

from reliant.errors import WeightsError
from reliant.lineage.formats.header import (
    ITEM_SIZE,
    MAX_TENSORS,
    Header,
    Tensor,
    checked_shape,
    count_of,
    short,
)
from reliant.lineage.formats.zipped import Member, data_offset, members, read_member

if TYPE_CHECKING:
    from collections.abc import Callable

    from reliant.lineage.formats.source import Source

MAX_PICKLE = 16 << 20
MAX_STEPS = 600_000
_MAX_MEMO = 300_000

_STORAGES = {
    "DoubleStorage": "F64", "FloatStorage": "F32", "HalfStorage": "F16", "BFloat16Storage": "BF16",
    "LongStorage": "I64", "IntStorage": "I32", "ShortStorage": "I16", "CharStorage": "I8",
    "ByteStorage": "U8", "BoolStorage": "BOOL", "Float8_e4m3fnStorage": "F8_E4M3",
    "Float8_e5m2Storage": "F8_E5M2", "UntypedStorage": "U8",
}  # fmt: skip
_DTYPES = {
    "float64": "F64", "float32": "F32", "float16": "F16", "bfloat16": "BF16", "int64": "I64", "int32": "I32",
    "int16": "I16", "int8": "I8", "uint8": "U8", "bool": "BOOL", "float8_e4m3fn": "F8_E4M3",
    "float8_e5m2": "F8_E5M2",
}  # fmt: skip
_REBUILD = ("torch._utils", "_rebuild_tensor_v2")
_PARAMETER = ("torch._utils", "_rebuild_parameter")
_ORDERED = ("collections", "OrderedDict")
_SCRIPTED = frozenset(
    {"build_intlist", "build_doublelist", "build_boollist", "build_tensorlist", "restore_type_tag"}
)
_DEEPEST = 24  # of modules inside modules


class _Name(NamedTuple):
    module: str
    name: str

    @property
    def is_module(self) -> bool:
        """Return True for a class that the file itself defines, as TorchScript has them."""
        return self.module == "__torch__" or self.module.startswith("__torch__.")


class _Storage(NamedTuple):
    dtype: str
    key: str
    items: int


class _Built(NamedTuple):
    """A tensor: a view of a storage."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


class _Module(dict[Any, Any]):
    """A module of a TorchScript file: its attributes."""


_MARK = object()


def read_pytorch(source: Source) -> Header:
    """Return the tensors of a zip checkpoint.

    Raises:
        WeightsError: The container is damaged, or the pickle names anything that weights do not need.
    """
    parts = members(source)
    pickles = [name for name in parts if name.endswith("/data.pkl") or name == "data.pkl"]
    if len(pickles) != 1:
        raise WeightsError(
            source.name,
            "the zip file holds no PyTorch checkpoint",
            hint="Save it with torch.save of version 1.6 or later, or as safetensors.",
        )
    prefix = pickles[0].removesuffix("data.pkl")
    order = parts.get(prefix + "byteorder")
    if order is not None and read_member(source, order, 16) != b"little":
        raise WeightsError(source.name, "its numbers are in big-endian order, which is not read")
    value = Machine(source.name).run(read_member(source, parts[pickles[0]], MAX_PICKLE))
    tensors: list[Tensor] = []
    for name, built in _walk(source.name, value):
        tensors.append(_place(source, name, built, prefix, parts))
    return Header(format="pytorch", tensors=tuple(tensors))


def refuse_pickle(source: Source) -> Header:
    """Raise WeightsError: the file is a bare pickle, and loading one runs whatever is in it."""
    raise WeightsError(
        source.name,
        "it is a bare pickle, which could run code when loaded, and is not opened",
        hint="Convert it to safetensors where it was made.",
    )


def _place(source: Source, name: str, built: _Built, prefix: str, parts: dict[str, Member]) -> Tensor:
    member = parts.get(f"{prefix}data/{built.storage.key}")
    if member is None:
        raise WeightsError(source.name, f"tensor {short(name)} points at a storage that is not in the file")
    width = ITEM_SIZE[built.storage.dtype]
    shape = checked_shape(source, name, built.shape)
    last = built.offset + sum(
        (size - 1) * stride for size, stride in zip(shape, built.strides, strict=True) if size
    )
    if (
        built.offset < 0
        or any(stride < 0 for stride in built.strides)
        or (count_of(shape) and (last + 1) * width > member.size)
    ):
        raise WeightsError(source.name, f"tensor {short(name)} lies outside its storage")
    plain = tuple(count_of(shape[axis + 1 :]) for axis in range(len(shape)))
    strides = None if plain == built.strides or count_of(shape) <= 1 else built.strides
    nbytes = count_of(shape) * width if strides is None else (last + 1 - built.offset) * width
    if nbytes > member.size:
        raise WeightsError(source.name, f"tensor {short(name)} is larger than its storage")
    start = data_offset(source, member) if member.stored else 0
    return Tensor(
        name,
        built.storage.dtype,
        shape,
        source.name,
        start + built.offset * width,
        nbytes,
        strides,
        None if member.stored else member.name,
    )


def _walk(file: str, value: Any) -> list[tuple[str, _Built]]:
    """Return every tensor in nested dicts and lists, named by the path to it; no recursion."""
    found: list[tuple[str, _Built]] = []
    seen: set[int] = set()
    todo: list[tuple[str, Any, int]] = [("", value, 0)]
    while todo:
        path, item, depth = todo.pop()
        if isinstance(item, _Built):
            found.append((path, item))
            if len(found) > MAX_TENSORS:
                raise WeightsError(file, f"more than {MAX_TENSORS:,} tensors")
        elif isinstance(item, dict | list) or type(item) is tuple:
            if id(item) in seen or depth > _DEEPEST:
                continue
            seen.add(id(item))
            pairs = item.items() if isinstance(item, dict) else enumerate(item)
            todo.extend(
                (f"{path}.{key}" if path else str(key)[:512], child, depth + 1)
                for key, child in reversed(list(pairs))
                if isinstance(child, dict | list | tuple)
            )
    # A training checkpoint keeps the weights under one key; the optimiser's state is not the model.
    kept = [(name, built) for name, built in found if not name.startswith(("optimizer", "optim."))]
    for wrapper in ("state_dict.", "model_state_dict.", "model.", "module."):
        if kept and all(name.startswith(wrapper) for name, _ in kept) and wrapper != "model.":
            kept = [(name[len(wrapper) :], built) for name, built in kept]
    return kept


class Machine:
    """Follows the instructions of a pickle that build plain data and tensors; refuses all others."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}

    def run(self, data: bytes) -> Any:
        """Return the value the pickle describes.

        Raises:
            WeightsError: It is damaged, too long, or names something that weights do not need.
        """
        steps = 0
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of odd escapes in a damaged name
                for opcode, argument, _ in pickletools.genops(data):
                    steps += 1
                    if steps > MAX_STEPS:
                        raise WeightsError(self._file, f"its pickle has more than {MAX_STEPS:,} instructions")
                    if opcode.name == "STOP":
                        return self._stack.pop()
                    self._step(opcode.name, argument)
        except (ValueError, IndexError, KeyError, TypeError, AttributeError, OverflowError) as error:
            raise WeightsError(self._file, f"its pickle is damaged: {str(error)[:120]}") from error
        raise WeightsError(self._file, "its pickle has no end")

    def _step(self, name: str, argument: Any) -> None:
        stack = self._stack
        if name in _PUSH:
            stack.append(argument)
        elif name in _CONSTANT:
            stack.append(_CONSTANT[name])
        elif name in _EMPTY:
            stack.append(_EMPTY[name]())
        elif name in {"BINPUT", "LONG_BINPUT", "PUT"}:
            self._remember(argument)
        elif name == "MEMOIZE":
            self._remember(len(self._memo))
        elif name in {"BINGET", "LONG_BINGET", "GET"}:
            stack.append(self._memo[argument])
        elif name == "MARK":
            stack.append(_MARK)
        elif name == "GLOBAL":
            module, _, word = argument.partition(" ")
            stack.append(self._name(module, word))
        elif name == "STACK_GLOBAL":
            word, module = stack.pop(), stack.pop()
            stack.append(self._name(str(module), str(word)))
        elif name in {"TUPLE", "TUPLE1", "TUPLE2", "TUPLE3", "LIST", "DICT"}:
            self._collect(name)
        elif name in {"APPEND", "APPENDS", "SETITEM", "SETITEMS"}:
            self._fill(name)
        elif name == "BINPERSID":
            stack.append(self._storage(stack.pop()))
        elif name == "REDUCE":
            arguments, called = stack.pop(), stack.pop()
            stack.append(self._call(called, arguments))
        elif name == "BUILD":
            state, target = stack.pop(), stack[-1]
            if isinstance(target, _Module) and isinstance(state, dict):
                target.update(state)  # the state of an OrderedDict, such as _metadata, is set aside
        elif name == "NEWOBJ":
            arguments, made = stack.pop(), stack.pop()
            if not isinstance(made, _Name) or not made.is_module or arguments != ():
                raise self._refused("makes an object")
            stack.append(_Module())
        elif name not in {"PROTO", "FRAME"}:
            raise self._refused(f"uses the instruction {name}")

    def _remember(self, key: int) -> None:
        if len(self._memo) >= _MAX_MEMO:
            raise WeightsError(self._file, "its pickle remembers too much")
        self._memo[key] = self._stack[-1]

    def _since_mark(self) -> list[Any]:
        at = len(self._stack) - 1
        while self._stack[at] is not _MARK:
            at -= 1
            if at < 0:
                raise IndexError("no mark")
        items = self._stack[at + 1 :]
        del self._stack[at:]
        return items

    def _collect(self, name: str) -> None:
        if name in {"TUPLE", "LIST", "DICT"}:
            items = self._since_mark()
        else:
            width = int(name[-1])
            items = [self._stack.pop() for _ in range(width)][::-1]
        if name == "DICT":
            self._stack.append(dict(zip(items[::2], items[1::2], strict=True)))
        else:
            self._stack.append(items if name == "LIST" else tuple(items))

    def _fill(self, name: str) -> None:
        if name in {"APPEND", "SETITEM"}:
            width = 1 if name == "APPEND" else 2
            items = [self._stack.pop() for _ in range(width)][::-1]
        else:
            items = self._since_mark()
        target = self._stack[-1]
        if name.startswith("APPEND"):
            if not isinstance(target, list):
                raise TypeError("append to what is no list")
            target.extend(items)
            return
        if not isinstance(target, dict):
            raise TypeError("an item set on what is no dict")
        for key, value in zip(items[::2], items[1::2], strict=True):
            target[key if isinstance(key, str | int) else repr(type(key))] = value

    def _name(self, module: str, word: str) -> _Name:
        known = (
            (module, word) in {_REBUILD, _PARAMETER, _ORDERED}
            or (module in {"torch", "torch.storage"} and word in _STORAGES)
            or (module == "torch" and (word in _DTYPES or word == "Size"))
            or (module, word) == ("torch.serialization", "_get_layout")
            or (module == "torch.jit._pickle" and word in _SCRIPTED)
        )
        name = _Name(module, word)
        if not known and not name.is_module:
            raise self._refused(f"names {short(module + '.' + word)}")
        return name

    def _refused(self, what: str) -> WeightsError:
        return WeightsError(
            self._file,
            f"its pickle {what}, which weights do not need; nothing of it was run",
            hint="Treat the file as hostile, or convert it to safetensors where it was made.",
        )

    def _storage(self, pid: Any) -> _Storage:
        if (
            type(pid) is not tuple
            or len(pid) != 5
            or pid[0] != "storage"
            or not isinstance(pid[1], _Name)
            or not isinstance(pid[2], str)
            or type(pid[4]) is not int
            or not pid[2].isalnum()
        ):
            raise self._refused("points outside itself in an unknown way")
        return _Storage(_STORAGES[pid[1].name], pid[2], pid[4])

    def _call(self, called: Any, arguments: Any) -> Any:
        if not isinstance(called, _Name) or type(arguments) is not tuple:
            raise self._refused("calls what is no name")
        if called == _ORDERED:
            return dict(arguments[0]) if arguments and isinstance(arguments[0], dict) else {}
        if called.name == "Size":
            return tuple(arguments[0])
        if called == _PARAMETER or called.module == "torch.jit._pickle":
            return arguments[0]
        if called == _REBUILD:
            storage, offset, shape, strides = arguments[:4]
            if (
                not isinstance(storage, _Storage)
                or type(offset) is not int
                or type(shape) is not tuple
                or type(strides) is not tuple
                or len(shape) != len(strides)
                or any(type(number) is not int for number in (*shape, *strides))
            ):
                raise self._refused("builds a tensor from what is no storage")
            return _Built(storage, offset, shape, strides)
        raise self._refused(f"calls {short(called.module + '.' + called.name)}")


_PUSH = frozenset(
    {
        "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT", "UNICODE",
        "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "STRING", "BINSTRING", "SHORT_BINSTRING", "BINBYTES",
        "SHORT_BINBYTES", "BINBYTES8",
    }
)  # fmt: skip
_CONSTANT: dict[str, Any] = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_EMPTY: dict[str, Callable[[], Any]] = {"EMPTY_DICT": dict, "EMPTY_LIST": list, "EMPTY_TUPLE": tuple}
