"""The forks of a Python file: which of its parts exclude each other, and which is taken by default."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, TypeAlias

from reliant.inventory.python.nodes import constant, dotted, keyword
from reliant.inventory.python.tree import Block, Param
from reliant.inventory.shape import Part, Sketch

if TYPE_CHECKING:
    from reliant.inventory.python.base import Base
    from reliant.inventory.shape import Place, Way

_KEY = re.compile(r"(?i)key|token|secret|credential|password")
"""Names of what somebody has to set before anything works: not set by default says nothing of it."""
_NO_OUTAGE = frozenset({
    "ImportError", "ModuleNotFoundError", "KeyError", "AttributeError", "TypeError", "IndexError",
    "NameError", "JSONDecodeError", "ValidationError", "FileNotFoundError", "KeyboardInterrupt", "SystemExit",
})  # fmt: skip
"""Errors that a provider who is gone does not cause."""

_Known: TypeAlias = tuple[object, ...] | None
"""What an expression is where nobody sets anything: one of these; None if that is not known."""


class Forks:
    """Reads one file."""

    def __init__(self, reader: Base) -> None:
        self.sketch = Sketch()
        self.evaluator = reader.evaluator
        self._blocks = {id(node): block for node, block in reader.tree.nodes}
        self._scopes = {id(block.node): block for block in reader.tree.blocks if block.node is not None}
        self._block = reader.tree.module
        self._depth = 0

    def read(self, source: ast.Module) -> Sketch:
        """Return the parts of the file."""
        self._body(source.body, self.sketch.file)
        return self.sketch

    def _body(self, statements: list[ast.stmt], part: Part) -> None:
        for at, statement in enumerate(statements):
            rest = statements[at + 1 :]
            match statement:
                case ast.If():
                    if self._if(statement, statements[:at], rest, part):
                        return
                case ast.Try():
                    if self._try(statement, rest, part):
                        return
                case ast.Match():
                    self._match(statement, part)
                case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                    self._scope(statement, part)
                case ast.With() | ast.AsyncWith():
                    for item in statement.items:
                        self._expression(item.context_expr, part)
                    self._body(statement.body, part)
                case ast.For() | ast.AsyncFor() | ast.While():
                    self._expression(
                        statement.test if isinstance(statement, ast.While) else statement.iter, part
                    )
                    self._body(statement.body, part)
                    self._body(statement.orelse, part)
                case _:
                    for child in ast.iter_child_nodes(statement):
                        if isinstance(child, ast.expr):
                            self._expression(child, part)

    def _scope(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef, part: Part) -> None:
        kind = "class" if isinstance(node, ast.ClassDef) else "def"
        inner = self.sketch.part(part, (node.lineno, 0), _end(node), kind=kind, name=node.name)
        for expression in node.decorator_list:
            self._expression(expression, part)
        if isinstance(node, ast.ClassDef):
            for expression in node.bases:
                self._expression(expression, inner)
        else:
            for expression in (*node.args.defaults, *(one for one in node.args.kw_defaults if one)):
                self._expression(expression, inner)
        around, self._block = self._block, self._scopes.get(id(node), self._block)
        self._body(node.body, inner)
        self._block = around

    def _if(self, node: ast.If, before: list[ast.stmt], rest: list[ast.stmt], part: Part) -> bool:
        """Read a chain of tests; True if the rest of the statements was read as its last arm."""
        arms: list[tuple[ast.expr, list[ast.stmt]]] = []
        current: ast.If | None = node
        last: list[ast.stmt] = []
        while current is not None:
            arms.append((current.test, current.body))
            last = current.orelse
            current = last[0] if len(last) == 1 and isinstance(last[0], ast.If) else None
        takes_rest = not last and bool(rest) and all(_ends(body) for _, body in arms)
        if _is_main(node.test):
            self._body(node.body, part)
            self._body(last, part)
            return False
        replaced = self._replaced(arms, before) if not last and not takes_rest else None
        holds = [not _gives_up(body) and self._holds(test) for test, body in arms]
        otherwise = last or (rest if takes_rest else [])
        fork = self.sketch.fork([*holds, not (otherwise and _only_gives_up(otherwise))])
        for number, (test, body) in enumerate(arms):
            self._expression(test, part)
            self._arm(body, part, (fork, number))
        if last:
            self._arm(last, part, (fork, len(arms)))
        elif replaced is not None:
            self.sketch.replaced(part, (replaced.lineno, 0), _end(replaced), (fork, len(arms)))
        elif takes_rest:
            self._arm(rest, part, (fork, len(arms)))
        return takes_rest

    @staticmethod
    def _replaced(arms: list[tuple[ast.expr, list[ast.stmt]]], before: list[ast.stmt]) -> ast.stmt | None:
        """Return the statement above that sets what each of the arms sets again: `x = A`, `if y: x = B`."""
        for statement in reversed(before[-8:]):
            names = _targets([statement])
            if names and all(names & _targets(body) for _, body in arms):
                return statement
        return None

    def _try(self, node: ast.Try, rest: list[ast.stmt], part: Part) -> bool:
        """Read a `try`; True if the rest of the statements was read as what is done instead."""
        outage = [handler for handler in node.handlers if not _no_outage(handler)]
        takes_rest = bool(rest) and _returns(node.body) and any(not _ends(h.body) for h in outage)
        if not outage and not takes_rest:
            self._body(node.body, part)
            for handler in node.handlers:
                self._body(handler.body, part)
            self._body([*node.orelse, *node.finalbody], part)
            return False
        fork = self.sketch.fork([True, *[None] * (len(outage) + 1)], tries=True)
        self._arm(node.body, part, (fork, 0))
        for handler in node.handlers:
            number = outage.index(handler) + 1 if handler in outage else 0
            self._arm(handler.body, part, (fork, number) if number else ())
        self._body(node.orelse, part)
        self._body(node.finalbody, part)
        if takes_rest:
            self._arm(rest, part, (fork, len(outage) + 1))
        return takes_rest

    def _match(self, node: ast.Match, part: Part) -> None:
        self._expression(node.subject, part)
        known = self._known(node.subject, 0)
        holds: list[bool | None] = []
        for case in node.cases:
            fits = None if case.guard is not None else _fits(case.pattern, known)
            holds.append(not _gives_up(case.body) and fits)
        fork = self.sketch.fork(holds)
        for number, case in enumerate(node.cases):
            self._arm(case.body, part, (fork, number))

    def _arm(self, body: list[ast.stmt], outer: Part, arm: Way) -> None:
        if body:
            last = max(_end(statement) for statement in body[-1:])
            self._body(body, self.sketch.part(outer, (body[0].lineno, 0), last, arm=arm))

    def _expression(self, node: ast.expr, part: Part) -> None:
        """Read an expression: ternaries, tables of what is called, and the names it uses."""
        stack: list[tuple[ast.AST, Part]] = [(node, part)]
        while stack:
            current, where = stack.pop()
            match current:
                case ast.Name(ctx=ast.Load()):
                    self.sketch.used(current.id, (current.lineno, current.col_offset + 1))
                case ast.Attribute():
                    self.sketch.used(f".{current.attr}", (current.lineno, current.col_offset + 1))
                    stack.append((current.value, where))
                case ast.IfExp():
                    holds = self._holds(current.test)
                    fork = self.sketch.fork([holds, True])
                    stack.append((current.test, where))
                    arms = ((current.body, 0), (current.orelse, 1))
                    for arm, number in sorted(arms, key=lambda one: _start(one[0])):
                        stack.append((arm, self._piece(arm, where, (fork, number))))
                case ast.Dict() if _is_table(current):
                    fork = self.sketch.fork([None] * len(current.values))
                    for number, value in enumerate(current.values):
                        stack.append((value, self._piece(value, where, (fork, number))))
                case ast.Lambda():
                    stack.append((current.body, where))
                case _:
                    stack += [(child, where) for child in ast.iter_child_nodes(current)]

    def _piece(self, node: ast.expr, outer: Part, arm: Way) -> Part:
        return self.sketch.part(outer, _start(node), _end(node), arm=arm)

    def _holds(self, test: ast.expr) -> bool | None:
        """Say whether a test holds where nobody sets anything; None if that is not known."""
        match test:
            case ast.UnaryOp(op=ast.Not()):
                inner = self._holds(test.operand)
                return None if inner is None else not inner
            case ast.BoolOp():
                answers = [self._holds(part) for part in test.values]
                decides = isinstance(test.op, ast.Or)
                if decides in answers:
                    return decides
                return None if None in answers else not decides
            case ast.Compare(ops=[op], comparators=[right]):
                return self._compared(test.left, op, right)
            case ast.Call(
                func=ast.Attribute(attr="startswith" | "endswith" as method, value=asked), args=[given]
            ):
                known, ends = self._known(asked, 0), self._known(given, 0)
                if isinstance(given, ast.Tuple):
                    ends = tuple(one.value for one in given.elts if isinstance(one, ast.Constant))
                if known is None or not ends:
                    return None
                return _same(
                    getattr(text, method)(tuple(map(str, ends))) if isinstance(text, str) else None
                    for text in known
                )
            case _:
                known = self._known(test, 0)
                return None if known is None else _same(bool(one) for one in known)

    def _compared(self, left: ast.expr, op: ast.cmpop, right: ast.expr) -> bool | None:
        negated = isinstance(op, ast.NotEq | ast.NotIn | ast.IsNot)
        answer: bool | None = None
        if isinstance(op, ast.In | ast.NotIn) and dotted(right).endswith("environ"):
            name = constant(left)
            answer = None if name is None or _KEY.search(name) else False
        else:
            one = self._known(left, 0)
            if isinstance(right, ast.Tuple | ast.List | ast.Set):
                several = [self._known(part, 0) for part in right.elts]
                other = None if None in several else tuple(v for part in several for v in part or ())
            else:
                other = self._known(right, 0)
            if one is None or other is None:
                return None
            if isinstance(op, ast.In | ast.NotIn):
                listed = isinstance(right, ast.Tuple | ast.List | ast.Set)
                answer = _same(value in other if listed else _part_of(value, other) for value in one)
            elif isinstance(op, ast.Eq | ast.NotEq | ast.Is | ast.IsNot) and len(other) == 1:
                answer = _same(value == other[0] for value in one)
        return None if answer is None else answer != negated

    def _known(self, node: ast.expr, depth: int) -> _Known:
        """Return what an expression may be where nobody sets anything; None if that is not known."""
        if depth > 5:
            return None
        match node:
            case ast.Constant():
                return (node.value,)
            case ast.Name():
                return self._bound(node.id, depth)
            case ast.Attribute(value=ast.Name(id="self" | "cls"), attr=attr):
                owner = self._block.enclosing_class()
                made = owner.attrs.get(attr, []) if owner is not None else []
                return self._one_of([(one, where) for one, where in made], depth)
            case ast.Attribute(attr=attr) if attr in self.evaluator.options:
                return self._one_of(self.evaluator.options[attr], depth)
            case ast.Call() if _reads_env(node):
                name = constant(node.args[0]) if node.args else None
                given = node.args[1] if len(node.args) > 1 else keyword(node, "default")
                if given is not None:
                    return self._known(given, depth + 1)
                return None if name is None or _KEY.search(name) else (None,)
            case ast.Call(
                func=ast.Attribute(attr="lower" | "strip" | "upper" as method, value=inner), args=[]
            ):
                known = self._known(inner, depth + 1)
                return (
                    None
                    if known is None
                    else tuple(getattr(one, method)() if isinstance(one, str) else one for one in known)
                )
            case ast.Call(args=[given]) if dotted(node.func) in {"bool", "str"}:
                return self._known(given, depth + 1)
            case ast.Call():
                name = dotted(node.func).rpartition(".")[2]
                if name in {"Option", "Field", "Argument", "field"}:
                    default = keyword(node, "default") or (node.args[0] if node.args else None)
                    if default is None or (isinstance(default, ast.Constant) and default.value is ...):
                        return None
                    return self._known(default, depth + 1)
                return None
            case ast.BoolOp(op=ast.Or()):
                for part in node.values:
                    known = self._known(part, depth + 1)
                    if known is not None and any(known):
                        return known
                    if known is None and part is node.values[-1]:
                        return None
                return (None,)
            case ast.Attribute():
                return self._texts(node)
        return None

    def _texts(self, node: ast.expr) -> _Known:
        values = self.evaluator.values(node, self._block)
        texts = tuple(dict.fromkeys(value.text for value in values))
        return texts if texts and None not in texts and len(texts) == 1 else None

    def _bound(self, name: str, depth: int) -> _Known:
        found = self._block.find(name)
        if found is None:
            return None
        bound, where = found
        if len(bound) == 1 and isinstance(bound[0], Param):
            return self._parameter(bound[0], where, depth)
        expressions = [(one, where) for one in bound if isinstance(one, ast.expr)]
        return self._one_of(expressions, depth) if len(expressions) == len(bound) else None

    def _parameter(self, param: Param, where: Block, depth: int) -> _Known:
        for decorator in getattr(param.function, "decorator_list", []):
            if isinstance(decorator, ast.Call):
                flags = [text for one in decorator.args if (text := constant(one))]
                if param.name in {flag.lstrip("-").replace("-", "_") for flag in flags}:
                    default = keyword(decorator, "default")
                    if default is not None:
                        return self._known(default, depth + 1)
                    is_flag = keyword(decorator, "is_flag")
                    return (False,) if is_flag is not None else (None,)
        if param.default is None:
            return None
        around, self._block = self._block, where.parent or where
        found = self._known(param.default, depth + 1)
        self._block = around
        return found

    def _one_of(self, given: list[tuple[ast.expr, Block]], depth: int) -> _Known:
        """Return what one of several expressions gives, if all of them are known."""
        found: list[object] = []
        for expression, where in given[:4]:
            around, self._block = self._block, where
            known = self._known(expression, depth + 1)
            self._block = around
            if known is None:
                return None
            found += known
        return tuple(dict.fromkeys(found)) if found and len(given) <= 4 else None


def _same(answers: object) -> bool | None:
    """Return the answer that all give; None if they differ or one is not known."""
    found = set(answers)  # type: ignore[call-overload]
    only = found.pop() if len(found) == 1 else None
    return only if isinstance(only, bool) else None


def _part_of(value: object, texts: tuple[object, ...]) -> bool | None:
    return _same(isinstance(value, str) and isinstance(text, str) and value in text for text in texts)


def _start(node: ast.expr | ast.stmt) -> Place:
    return node.lineno, node.col_offset + 1


def _end(node: ast.expr | ast.stmt) -> Place:
    return node.end_lineno or node.lineno, (node.end_col_offset or 0) + 1


def _targets(statements: list[ast.stmt]) -> set[str]:
    """Return the names that statements set."""
    found = set()
    for statement in statements:
        targets = (
            statement.targets
            if isinstance(statement, ast.Assign)
            else [statement.target]
            if isinstance(statement, ast.AnnAssign) and statement.value is not None
            else []
        )
        found |= {name for target in targets if (name := dotted(target))}
    return found


def _ends(body: list[ast.stmt]) -> bool:
    """Say whether nothing after these statements is reached."""
    last = body[-1]
    if isinstance(last, ast.If) and last.orelse:
        return _ends(last.body) and _ends(last.orelse)
    return isinstance(last, ast.Return | ast.Raise | ast.Continue | ast.Break) or _gives_up(body)


def _returns(body: list[ast.stmt]) -> bool:
    return isinstance(body[-1], ast.Return)


def _gives_up(body: list[ast.stmt]) -> bool:
    last = body[-1]
    if isinstance(last, ast.Expr) and isinstance(last.value, ast.Call):
        return dotted(last.value.func).rpartition(".")[2] in {"exit", "abort", "_exit"}
    return isinstance(last, ast.Raise)


def _only_gives_up(body: list[ast.stmt]) -> bool:
    return _gives_up(body) and not any(
        isinstance(one, ast.If | ast.Match | ast.Try | ast.With) for one in body
    )


def _no_outage(handler: ast.ExceptHandler) -> bool:
    """Say whether a handler catches only what a provider who is gone does not cause, or gives up."""
    if _gives_up(handler.body):
        return True
    if handler.type is None:
        return False
    types = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return all(dotted(one).rpartition(".")[2] in _NO_OUTAGE for one in types)


def _is_main(test: ast.expr) -> bool:
    return isinstance(test, ast.Compare) and isinstance(test.left, ast.Name) and test.left.id == "__name__"


def _is_table(node: ast.Dict) -> bool:
    """Say whether a dictionary holds what is called under a name: classes, functions, clients."""
    return (
        len(node.values) > 1
        and all(isinstance(key, ast.Constant | ast.Attribute) for key in node.keys)
        and all(isinstance(value, ast.Name | ast.Attribute | ast.Call | ast.Lambda) for value in node.values)
    )


def _fits(pattern: ast.pattern, known: _Known) -> bool | None:
    if isinstance(pattern, ast.MatchAs) and pattern.pattern is None:
        return True
    if known is None:
        return None
    if isinstance(pattern, ast.MatchOr):
        answers = [_fits(part, known) for part in pattern.patterns]
        return True if True in answers else None if None in answers else False
    if isinstance(pattern, ast.MatchValue) and isinstance(pattern.value, ast.Constant):
        value = pattern.value.value
        return _same(one == value for one in known)
    return None


def _reads_env(call: ast.Call) -> bool:
    name = dotted(call.func)
    return name.endswith("environ.get") or name.rpartition(".")[2] == "getenv"
