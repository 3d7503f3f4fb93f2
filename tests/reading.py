"""What an expression in the source can say: all the texts that it can take, as far as the source tells.

`Reader.forms` follows an expression through names, branches, constants, calls and arguments; what only the run knows is an
open place in it.
"""

from __future__ import annotations

import ast
import itertools
import math
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path

Function = ast.FunctionDef | ast.AsyncFunctionDef

SOURCE = Path(__file__).parents[1] / "src" / "mapsto"

OPEN = "\0"
"""A place in a form that only the run fills."""

MANY = 8
"""Forms of one place; where there are more, the place stays open, and each of them is a sentence of its own."""

SENTENCES = 24
"""Forms of one sentence, likewise."""

COMMON = frozenset(
    {
        "get",
        "items",
        "values",
        "read",
        "write",
        "open",
        "close",
        "name",
        "save",
        "format",
        "join",
        "split",
        "replace",
        "index",
        "start",
    }
)
"""Methods of so many kinds of things that their name says nothing."""


@dataclass(frozen=True)
class Place:
    """Where an expression stands: its module, and the functions and classes around it, the innermost last."""

    module: Module
    around: tuple[ast.AST, ...] = ()

    @property
    def functions(self) -> list[Function]:
        return [each for each in self.around if isinstance(each, Function)]


@dataclass(eq=False)
class Module:
    name: str
    tree: ast.Module
    file: Path
    imports: dict[str, str] = field(default_factory=dict)  # what a name in it means: mapsto.errors.UsageError

    @cached_property
    def top(self) -> dict[str, list[ast.AST]]:
        """Functions and constants by name."""
        found: dict[str, list[ast.AST]] = defaultdict(list)
        for node in self.tree.body:
            if isinstance(node, Function | ast.ClassDef):
                found[node.name].append(node)
            elif isinstance(node, ast.Assign):
                for target in node.targets:
                    if isinstance(target, ast.Name):
                        found[target.id].append(node.value)
            elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
                found[node.target.id].append(node.value)
        return found


Follow = Callable[[ast.expr, Place], "set[str]"]


class Reader:
    """All of the package's source, and what its expressions can say.

    Args:
        told: Names of fields that hold sentences, of whatever has them.
    """

    def __init__(self, told: Collection[str] = ()) -> None:
        self.told = told
        self.modules = {module.name: module for module in map(_read, sorted(SOURCE.rglob("*.py")))}
        self.calls: dict[str, list[tuple[ast.Call, Place]]] = defaultdict(list)
        self.definitions: dict[str, list[tuple[Function, Place]]] = defaultdict(list)
        self.fields: dict[str, list[list[str]]] = defaultdict(list)
        self.given: dict[str, list[tuple[ast.expr, Place]]] = defaultdict(list)  # what fields are set to
        self.values: set[str] = set()
        """Forms of open places, which are told within a sentence."""
        self.known: dict[tuple[object, ...], set[str]] = {}
        self.done: set[tuple[object, ...]] = set()
        for module in self.modules.values():
            self._index(module.tree, Place(module))
        self._index_fields()

    def _index(self, node: ast.AST, place: Place) -> None:
        if isinstance(node, Function):
            self.definitions[node.name].append((node, place))
        if isinstance(node, ast.ClassDef):
            named = [
                each.target.id for each in node.body if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name)
            ]
            self.fields[node.name].append(named)
        if isinstance(node, ast.Call):
            self.calls[last(node.func)].append((node, place))
        inner = Place(place.module, (*place.around, node)) if isinstance(node, Function | ast.ClassDef) else place
        for child in ast.iter_child_nodes(node):
            self._index(child, inner)

    def _followed(self, step: tuple[object, ...], follow: Callable[[], set[str]]) -> set[str]:
        """Follow a step once a round; what leads back to itself says what it said in the round before."""
        if step not in self.done:
            self.done.add(step)
            self.known[step] = follow()
        return self.known.get(step, set())

    def forms(self, node: ast.AST | None, place: Place) -> set[str]:
        """All texts that an expression can be, as far as the source tells."""
        if node is None:
            return {OPEN}
        return self._followed((id(node), place, "form"), lambda: self._form(node, place))

    def _form(self, node: ast.AST, place: Place) -> set[str]:
        match node:
            case ast.Constant(value=str(text)):
                return {text}
            case ast.Constant(value=None):
                return set()
            case ast.JoinedStr(values=parts):
                return self._joined([self._part(part, place) for part in parts])
            case ast.IfExp(body=one, orelse=other):
                return self.forms(one, place) | self.forms(other, place)
            case ast.BoolOp(values=parts):
                return set().union(*(self.forms(part, place) for part in parts))
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                parts = [self.forms(left, place), self.forms(right, place)]
                return {OPEN} if parts == [{OPEN}, {OPEN}] else self._joined(parts)
            case ast.BinOp(left=ast.Constant(value=str(text)), op=ast.Mult()):
                return {"", text}
            case ast.NamedExpr(value=value):
                return self.forms(value, place)
            case ast.Name(id=name):
                return self._by_name(name, place)
            case ast.Subscript(value=table):
                return self._items(table, place)
            case ast.Call():
                return self._called(node, place)
            case ast.Attribute(attr=name, value=ast.Name(id=module)) if (found := self._module(place, module)) is not None:
                return self._at_top(found, name)
            case ast.Attribute(attr=name) if name in self.told:
                return self._in_field(name, self.forms)
        return {OPEN}

    def _part(self, part: ast.expr, place: Place) -> set[str]:
        """A part of an f-string. What a call gives stays open there, and its forms are sentences of their own."""
        if not isinstance(part, ast.FormattedValue):
            return self.forms(part, place)
        if part.conversion != -1 or part.format_spec is not None:
            return {OPEN}
        found = self.forms(part.value, place)
        if OPEN in found or len(found) > MANY or _calls(part.value):
            self.values |= found
            return {OPEN}
        return found

    def _joined(self, parts: list[set[str]]) -> set[str]:
        while math.prod(map(len, parts)) > SENTENCES:
            most = max(range(len(parts)), key=lambda n: len(parts[n]))
            self.values |= parts[most]
            parts[most] = {OPEN}
        return {"".join(each) for each in itertools.product(*parts)}

    def _by_name(self, name: str, place: Place) -> set[str]:
        for number in range(len(place.around), 0, -1):
            function = place.around[number - 1]
            if not isinstance(function, Function):
                continue
            inside = Place(place.module, place.around[:number])
            given = [each.arg for each in _arguments(function)]
            bound = list(_bindings(name, function))
            if bound or name in given:
                outside = Place(place.module, place.around[: number - 1])
                found = self._given(function, given.index(name), outside, self.forms) if name in given else set()
                return found.union(*(self._bound(how, inside) for how in bound))
        return self._at_top(place.module, name)

    def _at_top(self, module: Module, name: str) -> set[str]:
        if name in module.top and not name.startswith("__"):
            constants = [node for node in module.top[name] if not isinstance(node, Function | ast.ClassDef)]
            return set().union(*(self.forms(node, Place(module)) for node in constants)) or {OPEN}
        owner, _, own = module.imports.get(name, "").rpartition(".")
        return self._at_top(self.modules[owner], own) if owner in self.modules else {OPEN}

    def _bound(self, how: tuple[str, ast.AST, tuple[int, ...]], place: Place) -> set[str]:
        kind, value, path = how
        if kind == "item":
            return self._items(value, place, path)
        return self._picked(value, place, path)

    def _picked(self, node: ast.AST, place: Place, path: tuple[int, ...]) -> set[str]:
        """The forms of the part of a tuple that is at a path."""
        if not path:
            return self.forms(node, place)
        match node:
            case ast.Tuple(elts=parts) | ast.List(elts=parts):
                return self._picked(parts[path[0]], place, path[1:]) if path[0] < len(parts) else {OPEN}
            case ast.IfExp(body=one, orelse=other):
                return self._picked(one, place, path) | self._picked(other, place, path)
            case ast.Subscript(value=table):
                return self._items(table, place, path)
            case ast.Call():
                return self._called(node, place, path)
        return {OPEN}

    def _items(self, node: ast.AST, place: Place, path: tuple[int, ...] = ()) -> set[str]:
        """The forms of what a list, a table or a generator holds."""
        return self._followed((id(node), place, path), lambda: self._item(node, place, path))

    def _item(self, node: ast.AST, place: Place, path: tuple[int, ...]) -> set[str]:
        match node:
            case ast.Tuple(elts=parts) | ast.List(elts=parts) | ast.Set(elts=parts):
                whole = (
                    self._items(p.value, place, path) if isinstance(p, ast.Starred) else self._picked(p, place, path)
                    for p in parts
                )
                return set().union(*whole)
            case ast.Dict(values=parts):
                return set().union(*(self._picked(part, place, path) for part in parts))
            case ast.GeneratorExp(elt=part) | ast.ListComp(elt=part):
                return self._picked(part, place, path)
            case ast.IfExp(body=one, orelse=other):
                return self._items(one, place, path) | self._items(other, place, path)
            case ast.BinOp(left=one, op=ast.Add(), right=other):
                return self._items(one, place, path) | self._items(other, place, path)
            case ast.Name(id=name):
                return self._items_of_name(name, place, path)
            case ast.Attribute(attr=name) if name in self.told:
                return self._in_field(name, lambda value, place: self._items(value, place, path))
            case ast.Call(func=ast.Attribute(value=table, attr="values" | "get")):
                return self._items(table, place, path)
            case ast.Call(func=ast.Attribute(value=table, attr="items")) if path:
                return self._items(table, place, path[1:])
            case ast.Call(func=ast.Name(id="list" | "sorted" | "reversed" | "filter" | "tuple"), args=[*_, inner]):
                return self._items(inner, place, path)
            case ast.Call():
                found: set[str] = set()
                for function, inside in self._functions(node, place):
                    for each, how in _yields(function):
                        found |= self._picked(each, inside, path) if how == "one" else self._items(each, inside, path)
                return found or {OPEN}
        return {OPEN}

    def _items_of_name(self, name: str, place: Place, path: tuple[int, ...]) -> set[str]:
        for number in range(len(place.around), 0, -1):
            function = place.around[number - 1]
            if not isinstance(function, Function):
                continue
            inside = Place(place.module, place.around[:number])
            bound = [value for kind, value, at in _bindings(name, function) if kind == "whole" and not at]
            added = list(_added(name, function))
            if not (bound or added) and name in (given := [each.arg for each in _arguments(function)]):
                outside = Place(place.module, place.around[: number - 1])
                return self._given(function, given.index(name), outside, lambda value, place: self._items(value, place, path))
            if bound or added:
                found = [self._items(value, inside, path) for value in bound]
                found += [self._picked(v, inside, path) if how == "one" else self._items(v, inside, path) for v, how in added]
                return set().union(*found)
        owner, own = place.module, name
        while own not in owner.top and own in owner.imports:
            above, _, own = owner.imports[own].rpartition(".")
            if above not in self.modules:
                return {OPEN}
            owner = self.modules[above]
        return set().union(*(self._items(node, Place(owner), path) for node in owner.top.get(own, []))) or {OPEN}

    def _called(self, call: ast.Call, place: Place, path: tuple[int, ...] = ()) -> set[str]:
        match call:
            case ast.Call(func=ast.Name(id="str" | "next"), args=[inner, *_]) if not path:
                return self.forms(inner, place)
            case ast.Call(func=ast.Attribute(value=inner, attr="strip" | "rstrip" | "capitalize" | "lower")) if not path:
                return self.forms(inner, place)
            case ast.Call(func=ast.Attribute(value=ast.Constant(value=str(between)), attr="join"), args=[inner]):
                items = self._items(inner, place)
                self.values |= {form for form in items if " " in form}
                if any(letter.isalpha() for letter in between):
                    self.values.add(f"{OPEN}{between}{OPEN}")
                return {OPEN}
            case ast.Call(func=ast.Attribute(value=table, attr="get"), args=[_, *rest]):
                return set().union(self._items(table, place, path), *(self._picked(each, place, path) for each in rest))
        found: set[str] = set()
        for function, inside in self._functions(call, place):
            returned = [node.value for node in _own(function) if isinstance(node, ast.Return)]
            found |= set().union(*(self._picked(value, inside, path) for value in returned if value is not None))
        return found or {OPEN}

    def _in_field(self, name: str, follow: Follow) -> set[str]:
        """The forms of a field by this name: what it is set to, and what a property of this name gives."""
        return set().union(*(follow(value, place) for value, place in self.given.get(name, [])))

    def _index_fields(self) -> None:
        for call, place in itertools.chain(*self.calls.values()):
            for word in call.keywords:
                self.given[str(word.arg)].append((word.value, place))
            for name in self.told:
                number = next(
                    (fields.index(name) for fields in self.fields.get(last(call.func), []) if name in fields), len(call.args)
                )
                self.given[name] += [(each, place) for each in call.args[number : number + 1]]
        for name in self.told:
            for function, place in self.definitions.get(name, []):
                if place.around:
                    self.given[name] += [
                        (value, Place(place.module, (*place.around, function))) for value, _ in _yields(function)
                    ]

    def _given(self, function: Function, number: int, outside: Place, follow: Follow) -> set[str]:
        """The forms of an argument: its default, and what all calls hand over."""
        name = [each.arg for each in _arguments(function)][number]
        bound_to_self = bool(outside.around) and isinstance(outside.around[-1], ast.ClassDef) and not _is_static(function)
        found = follow(default, outside) if (default := _default(function, name)) is not None else set()
        calls = [
            (call, p)
            for call, p in self.calls.get(function.name, [])
            if any(function is f for f, _ in self._functions(call, p))
        ]
        if not calls:  # but the command line
            return {OPEN}
        for call, place in calls:
            at = number - bound_to_self
            words = [word.value for word in call.keywords if word.arg == name]
            if words:
                found |= follow(words[0], place)
            elif 0 <= at < len(call.args) and not any(isinstance(each, ast.Starred) for each in call.args[: at + 1]):
                found |= follow(call.args[at], place)
        return found or {OPEN}

    def _functions(self, call: ast.Call, place: Place) -> list[tuple[Function, Place]]:
        """What a call may mean: a function of the package, or the methods by this name."""
        match call.func:
            case ast.Name(id=name):
                near = [
                    (f, p)
                    for f, p in self.definitions.get(name, [])
                    if p.module is place.module and p.around == place.around[: len(p.around)]
                ]
                if near and not any(_imports(name, function) for function in place.functions):
                    return [(f, Place(p.module, (*p.around, f))) for f, p in near]
                owner, _, own = place.module.imports.get(name, "").rpartition(".")
                while owner in self.modules and own not in self.modules[owner].top and own in self.modules[owner].imports:
                    owner, _, own = self.modules[owner].imports[own].rpartition(".")
                return [
                    (f, Place(p.module, (f,)))
                    for f, p in self.definitions.get(own, [])
                    if p.module.name == owner and not p.around
                ]
            case ast.Attribute(value=ast.Name(id=module), attr=name) if (found := self._module(place, module)) is not None:
                return [
                    (f, Place(p.module, (f,))) for f, p in self.definitions.get(name, []) if p.module is found and not p.around
                ]
            case ast.Attribute(value=ast.Name(id="self" | "cls"), attr=name):
                return [
                    (f, Place(p.module, (*p.around, f)))
                    for f, p in self.definitions.get(name, [])
                    if p.module is place.module and p.around
                ]
            case ast.Attribute(attr=name) if name not in COMMON:
                return [(f, Place(p.module, (*p.around, f))) for f, p in self.definitions.get(name, []) if p.around]
        return []

    def _module(self, place: Place, name: str) -> Module | None:
        return self.modules.get(place.module.imports.get(name, ""))


def _read(file: Path) -> Module:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    parts = file.relative_to(SOURCE.parent).with_suffix("").parts
    module = Module(".".join(parts[:-1] if parts[-1] == "__init__" else parts), tree, file)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            module.imports |= {each.asname or each.name: f"{node.module}.{each.name}" for each in node.names}
        elif isinstance(node, ast.Import):
            module.imports |= {each.asname or each.name: each.name for each in node.names}
    return module


def last(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _calls(node: ast.expr) -> bool:
    if isinstance(node, ast.IfExp):
        return _calls(node.body) or _calls(node.orelse)
    return any(isinstance(each, ast.Call) for each in ast.walk(node))


def _arguments(function: Function) -> list[ast.arg]:
    return [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]


def _default(function: Function, name: str) -> ast.expr | None:
    placed = [*function.args.posonlyargs, *function.args.args]
    defaults = dict(zip(reversed([each.arg for each in placed]), reversed(function.args.defaults), strict=False))
    defaults |= {
        each.arg: value for each, value in zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True) if value
    }
    return defaults.get(name)


def _imports(name: str, function: Function) -> bool:
    """Whether a name is imported in a function."""
    return any(
        isinstance(node, ast.ImportFrom) and name in {each.asname or each.name for each in node.names}
        for node in _own(function)
    )


def _is_static(function: Function) -> bool:
    return any(isinstance(each, ast.Name) and each.id == "staticmethod" for each in function.decorator_list)


@cache
def _own(function: Function) -> list[ast.AST]:
    """The nodes of a function, without those of functions in it."""
    found: list[ast.AST] = []
    waiting: list[ast.AST] = list(function.body)
    while waiting:
        node = waiting.pop()
        found.append(node)
        if not isinstance(node, Function | ast.Lambda | ast.ClassDef):
            waiting += ast.iter_child_nodes(node)
    return found


def _bindings(name: str, function: Function) -> Iterator[tuple[str, ast.AST, tuple[int, ...]]]:
    """Where a name gets its value in a function: ("whole" | "item" of what, the expression, which part of it)."""
    for node in _own(function):
        match node:
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    yield from (("whole", value, path) for path in _paths(name, target))
            case ast.AnnAssign(target=target, value=value) | ast.NamedExpr(target=target, value=value) if value is not None:
                yield from (("whole", value, path) for path in _paths(name, target))
            case ast.For(target=target, iter=value) | ast.comprehension(target=target, iter=value):
                yield from (("item", value, path) for path in _paths(name, target))


def _paths(name: str, target: ast.expr) -> Iterator[tuple[int, ...]]:
    if isinstance(target, ast.Name) and target.id == name:
        yield ()
    elif isinstance(target, ast.Tuple):
        for number, each in enumerate(target.elts):
            yield from ((number, *rest) for rest in _paths(name, each))


def _added(name: str, function: Function) -> Iterator[tuple[ast.AST, str]]:
    """What is appended to a list in a function."""
    for node in _own(function):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id=own), attr="append" | "add"), args=[value]) if own == name:
                yield value, "one"
            case ast.Call(func=ast.Attribute(value=ast.Name(id=own), attr="extend"), args=[value]) if own == name:
                yield value, "all"
            case ast.AugAssign(target=ast.Name(id=own), value=value) if own == name:
                yield value, "all"


def _yields(function: Function) -> Iterator[tuple[ast.AST, str]]:
    """What a function yields, or holds in the list that it returns."""
    for node in _own(function):
        match node:
            case ast.Yield(value=value) if value is not None:
                yield value, "one"
            case ast.YieldFrom(value=value) | ast.Return(value=value) if value is not None:
                yield value, "all"
