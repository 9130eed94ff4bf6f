"""The forks of a JavaScript file: which of its parts exclude each other, and which is taken by default."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from reliant.inventory.js.tree import pairs, place_of, text_of
from reliant.inventory.js.values import env_name, values
from reliant.inventory.shape import Sketch

if TYPE_CHECKING:
    from collections.abc import Iterable

    from reliant.inventory.js.reader import Reader
    from reliant.inventory.js.tree import Block, Node
    from reliant.inventory.shape import Place, Way

_KEY = re.compile(r"(?i)key|token|secret|credential|password")
_FUNCTIONS = frozenset({
    "function_declaration", "function_expression", "method_definition", "arrow_function",
    "generator_function_declaration",
})  # fmt: skip
_CLASSES = frozenset({"class_declaration", "class", "abstract_class_declaration"})
_FORKS = frozenset({
    "if_statement", "switch_statement", "ternary_expression", "try_statement", "object", "array",
})  # fmt: skip
_PARTS = _FUNCTIONS | _CLASSES | _FORKS
_NAMES = frozenset({"identifier", "property_identifier"})
_AROUND = frozenset({"parenthesized_expression", "as_expression", "await_expression"})
_LABELS = frozenset({"name", "id", "provider", "key", "slug"})
_ENDS = frozenset({"return_statement", "throw_statement", "break_statement", "continue_statement"})
_HELD = frozenset({"identifier", "new_expression", "call_expression", "arrow_function", "member_expression"})


class Forks:
    """Reads one file."""

    def __init__(self, reader: Reader) -> None:
        self.sketch = Sketch()
        self.nodes = reader.tree.nodes
        self._tables: dict[tuple[str, bool], set[str]] | None = None

    def read(self) -> Sketch:
        """Return the parts of the file."""
        waiting: list[tuple[Place, Place, int, Way, str, str]] = []
        for node, block in self.nodes:
            kind = node.type
            if kind not in _PARTS:
                continue
            if kind in _FUNCTIONS or kind in _CLASSES:
                name, around = _called(node)
                scope = "class" if kind in _CLASSES else "def"
                waiting.append((_start(around), _end(around), 0, (), scope, name))
            else:
                for arm, way in self._arms(node, block):
                    waiting.append((_start(arm[0]), _end(arm[-1]), 1, way, "", ""))
        waiting.sort(key=lambda one: (one[0], (-one[1][0], -one[1][1]), one[2]))
        stack = [self.sketch.file]
        for first, last, _, way, scope, name in waiting:
            while not (stack[-1].first <= first and last <= stack[-1].last):
                stack.pop()
            stack.append(self.sketch.part(stack[-1], first, last, arm=way, kind=scope, name=name))
        known = {name for *_, name in waiting if name}
        for node, _ in self.nodes:
            if node.type in _NAMES and (name := text_of(node)) in known and not _hands_out(node):
                self.sketch.used(f".{name}" if node.type == "property_identifier" else name, place_of(node))
        return self.sketch

    def _arms(self, node: Node, block: Block) -> Iterable[tuple[list[Node], Way]]:
        """Yield the statements of each arm, and the arm."""
        match node.type:
            case "if_statement":
                yield from self._if(node, block)
            case "switch_statement":
                yield from self._switch(node, block)
            case "ternary_expression":
                holds = self._holds(node.child_by_field_name("condition"), block)
                fork = self.sketch.fork([holds, True])
                for number, name in enumerate(("consequence", "alternative")):
                    yield [node.child_by_field_name(name)], (fork, number)
            case "try_statement":
                handler = node.child_by_field_name("handler")
                body = node.child_by_field_name("body")
                caught = handler.child_by_field_name("body") if handler is not None else None
                if caught is not None and body is not None and not _throws(caught):
                    fork = self.sketch.fork([True, None], tries=True)
                    yield [body], (fork, 0)
                    yield [caught], (fork, 1)
            case "array":
                if _is_menu(node):
                    fork = self.sketch.fork([None] * len(node.named_children))
                    for number, value in enumerate(node.named_children):
                        yield [value], (fork, number)
            case _:
                held = [child for child in node.named_children if child.type == "pair"]
                made = [child.child_by_field_name("value") for child in held]
                if len(held) > 1 and all(one is not None and one.type in _HELD for one in made):
                    fork = self.sketch.fork([None] * len(made))
                    for number, value in enumerate(made):
                        yield [value], (fork, number)

    def _if(self, node: Node, block: Block) -> Iterable[tuple[list[Node], Way]]:
        body = node.child_by_field_name("consequence")
        other = node.child_by_field_name("alternative")
        if body is None:
            return
        rest: list[Node] = []
        if other is None and _leaves(body):
            following = node.next_named_sibling
            while following is not None:
                rest.append(following)
                following = following.next_named_sibling
        holds = not _throws(body) and self._holds(node.child_by_field_name("condition"), block)
        otherwise = [other] if other is not None else rest
        fork = self.sketch.fork([holds, not (len(otherwise) == 1 and _throws(otherwise[0]))])
        yield [body], (fork, 0)
        if otherwise:
            yield otherwise, (fork, 1)

    def _switch(self, node: Node, block: Block) -> Iterable[tuple[list[Node], Way]]:
        body = node.child_by_field_name("body")
        cases = body.named_children if body is not None else []
        known = self._known(node.child_by_field_name("value"), block)
        arms: list[list[Node]] = []
        holds: list[bool | None] = []
        fits: bool | None = False
        for case in cases:
            if case.type == "switch_default":
                fits = True
            elif case.type == "switch_case":
                text = values(case.child_by_field_name("value"), block)
                told = text[0].text if len(text) == 1 else None
                one = None if known is None or told is None else told in known and len(known) == 1
                fits = True if fits is True or one is True else None if fits is None or one is None else False
            else:
                continue
            value = case.child_by_field_name("value")
            inner = [child for child in case.named_children if child != value and child.type != "comment"]
            if inner:
                arms.append(inner)
                holds.append(not _throws(inner[-1]) and fits)
                fits = False
        ordered = sorted(range(len(arms)), key=lambda at: holds[at] is True)
        fork = self.sketch.fork([holds[at] for at in ordered])
        for number, at in enumerate(ordered):
            yield arms[at], (fork, number)

    def _holds(self, test: Node | None, block: Block) -> bool | None:
        """Say whether a test holds where nobody sets anything; None if that is not known."""
        if test is None:
            return None
        if test.type == "parenthesized_expression":
            return self._holds(test.named_children[0] if test.named_children else None, block)
        if test.type == "unary_expression" and text_of(test.child_by_field_name("operator")) == "!":
            inner = self._holds(test.child_by_field_name("argument"), block)
            return None if inner is None else not inner
        if test.type == "binary_expression":
            return self._compared(test, block)
        if test.type == "call_expression":
            return self._asked(test, block)
        known = self._known(test, block)
        if known is None:
            return None
        answers = {text not in {None, "", "false", "0"} for text in known}
        return answers.pop() if len(answers) == 1 else None

    def _compared(self, test: Node, block: Block) -> bool | None:
        left, right = test.child_by_field_name("left"), test.child_by_field_name("right")
        operator = text_of(test.child_by_field_name("operator"))
        if operator in {"&&", "||"}:
            answers = [self._holds(left, block), self._holds(right, block)]
            decides = operator == "||"
            if decides in answers:
                return decides
            return None if None in answers else not decides
        if operator not in {"==", "===", "!=", "!=="}:
            return None
        one, other = self._known(left, block), self._known(right, block)
        if one is None or other is None or len(other) != 1 or len(one) != 1:
            return None
        return (one == other) is not operator.startswith("!")

    def _asked(self, test: Node, block: Block) -> bool | None:
        """Answer `model.startsWith("acme")` and the like."""
        function = test.child_by_field_name("function")
        arguments = test.child_by_field_name("arguments")
        if function is None or function.type != "member_expression" or arguments is None:
            return None
        given = self._known(arguments.named_children[0], block) if arguments.named_children else None
        known = self._known(function.child_by_field_name("object"), block)
        if known is None or given is None or len(known) != 1 or len(given) != 1:
            return None
        (text,), (part,) = known, given
        if text is None or part is None:
            return None
        match text_of(function.child_by_field_name("property")):
            case "startsWith":
                return text.startswith(part)
            case "endsWith":
                return text.endswith(part)
            case "includes":
                return part in text
        return None

    def _known(self, node: Node | None, block: Block) -> frozenset[str | None] | None:
        """Return what an expression may be where nobody sets anything; None if that is not known."""
        while node is not None and node.type in _AROUND:
            node = node.named_children[0] if node.named_children else None
        if node is None:
            return None
        if node.type in {"true", "false", "number"}:
            return frozenset({text_of(node)})
        if node.type == "binary_expression" and text_of(node.child_by_field_name("operator")) in {"||", "??"}:
            first = self._known(node.child_by_field_name("left"), block)
            taken = first is not None and any(first)
            return first if taken else self._known(node.child_by_field_name("right"), block)
        found: set[str | None] = set()
        for value in values(node, block):
            if value.text is not None and "{}" not in value.text:
                found.add(value.text)
            elif value.none:
                found.add(None)
            elif value.env and not _KEY.search(value.env):
                found.add(None)  # not set unless somebody sets it
            else:
                return self._of_table(node, block)
        if len(found) > 1:
            found.discard(None)  # `process.env.X || "acme"`: not set, so what stands behind it
        return frozenset(found) if len(found) == 1 else self._of_table(node, block)

    def _of_table(self, node: Node, block: Block) -> frozenset[str | None] | None:
        """Return the one text that tables of the file hold under the name that is asked for."""
        if node.type == "identifier":
            found = block.find(text_of(node))
            only = found[0][0] if found is not None and len(found[0]) == 1 else None
            if only is None or getattr(only, "type", "") != "member_expression":
                return None
            node = only
        if node.type != "member_expression" or env_name(node):
            return None
        if self._tables is None:
            self._tables = {}
            for one, where in self.nodes:
                default = "default" in where.name.lower() or "initial" in where.name.lower()
                for key, value in pairs(one) if one.type == "object" else ():
                    if value is not None and value.type == "string":
                        self._tables.setdefault((key, default), set()).add(text_of(value)[1:-1])
        name = text_of(node.child_by_field_name("property"))
        # A table that is called one of defaults says more than others that have the name.
        texts = self._tables.get((name, True)) or self._tables.get((name, False), set())
        return frozenset(texts) if len(texts) == 1 else None


def _is_menu(node: Node) -> bool:
    """Say whether a list holds records of one kind that have names: `[{name: "acme", ...}, ...]`."""
    records = node.named_children
    if len(records) < 2 or any(record.type != "object" for record in records):
        return False
    keys = [{key for key, _ in pairs(record)} for record in records]
    return all(_LABELS & one for one in keys) and len(set.intersection(*keys)) > 1


def _called(node: Node) -> tuple[str, Node]:
    """Return the name of a function or class, and the node that binds it."""
    name = text_of(node.child_by_field_name("name"))
    parent = node.parent
    if not name and parent is not None and parent.type == "variable_declarator":
        return text_of(parent.child_by_field_name("name")), parent
    if parent is not None and parent.type == "variable_declarator":
        return text_of(parent.child_by_field_name("name")), parent
    return name or "?", node


def _hands_out(node: Node) -> bool:
    """Say whether a name only stands in what a module gives to others."""
    parent = node.parent
    if parent is None or parent.type in {"export_specifier", "import_specifier"}:
        return True
    if parent.type == "export_statement":
        return True
    if parent.type == "assignment_expression":
        return text_of(parent.child_by_field_name("left")).startswith(("exports.", "module.exports"))
    if parent.type == "arrow_function":  # `__export(module, { Name: () => Name })` of a bundler
        return parent.parent is not None and parent.parent.type == "pair"
    return False


def _start(node: Node) -> Place:
    line, column = place_of(node)
    before = node.prev_sibling
    return (line, column) if before is not None and before.end_point[0] + 1 == line else (line, 0)


def _end(node: Node) -> Place:
    return node.end_point[0] + 1, node.end_point[1] + 1


def _leaves(body: Node) -> bool:
    """Say whether nothing after a body is reached."""
    last = body
    while last.type in {"statement_block", "else_clause"}:
        if not last.named_children:
            return False
        last = last.named_children[-1]
    return last.type in _ENDS


def _throws(body: Node) -> bool:
    last = body
    while last.type in {"statement_block", "else_clause"}:
        if not last.named_children:
            return False
        last = last.named_children[-1]
    if last.type == "expression_statement":
        return bool(text_of(last).startswith("process.exit"))
    return bool(last.type == "throw_statement")
