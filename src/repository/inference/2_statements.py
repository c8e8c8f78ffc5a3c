"""Statements, and how they use the event. Follows 1_values.py in one program."""


class Reader:
    """Evaluates a handler abstractly, following helpers of the same package."""

    def __init__(self, trees):
        self.trees = trees
        self.steps = 0
        self.calls = 0
        self.depth = 0
        self.conditional = 0   # > 0: what happens here may not happen
        self.caught = 0        # > 0: a missing member is caught and made up for
        self.errors = []
        self.comments = {}
        self.results = []

    # Names of modules.

    def scope(self, module):
        """Functions, classes, constants and imports of a module: name -> node."""
        names = {}
        tree = self.trees.get(module)
        for node in tree.body if tree else []:
            for one in node.body if isinstance(node, (ast.Try, ast.If)) else [node]:
                if isinstance(one, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                    names[one.name] = one
                elif isinstance(one, ast.Assign):
                    for target in one.targets:
                        if isinstance(target, ast.Name):
                            names[target.id] = one.value
                elif isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name):
                    names[one.target.id] = one.value
                elif isinstance(one, ast.ImportFrom):
                    for alias in one.names:
                        names[alias.asname or alias.name] = (one.module or "", alias.name)
                elif isinstance(one, ast.Import):
                    for alias in one.names:
                        names[alias.asname or alias.name.split(".")[0]] = (alias.name, None)
        return names

    def find(self, module, name, hops=0):
        """(node, module) that a name of a module stands for, through imports and wrappers."""
        node = self.scope(module).get(name)
        if isinstance(node, tuple) and hops < 5:
            target, inner = node
            for known in (target, target.split(".")[-1]):
                if known in self.trees:
                    return self.find(known, inner, hops + 1) if inner else (None, known)
            return None, None
        if isinstance(node, ast.Name) and hops < 5:
            return self.find(module, node.id, hops + 1)
        if isinstance(node, ast.Call) and hops < 5:   # handler = decorate(function)
            for argument in node.args:
                if isinstance(argument, ast.Name):
                    found = self.find(module, argument.id, hops + 1)
                    if isinstance(found[0], (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
                        return found
        return node, module

    # Functions.

    def enter(self, function, module, arguments, keywords, spread=None):
        """The value that a function returns for these arguments."""
        self.calls += 1
        if self.calls > MAX_CALLS or self.depth >= MAX_DEPTH:
            return Value()
        names = {}
        parameters = [*function.args.posonlyargs, *function.args.args]
        defaults = dict(zip([p.arg for p in parameters[::-1]], function.args.defaults[::-1]))
        defaults |= {p.arg: d for p, d in zip(function.args.kwonlyargs, function.args.kw_defaults)
                     if d is not None}
        for position, parameter in enumerate([*parameters, *function.args.kwonlyargs]):
            name = parameter.arg
            value = keywords.get(name)
            if value is None and position < len(arguments):
                value = arguments[position]
            if value is None and spread is not None and name not in ("self", "cls"):
                value = self.take(spread, name, defaults.get(name))
            if value is None and name in defaults:
                value = of_constant((constant_of(defaults[name]) or (None,))[0])
            names[name] = value or Value()
            self.annotate(names[name], parameter.annotation, module)
        self.depth += 1
        outer, self.results = self.results, []
        kept = self.conditional, self.caught
        try:
            if isinstance(function, ast.Lambda):
                self.results.append(self.value(function.body, names, module))
            else:
                self.run(function.body, names, module)
            result = None
            fine = [r for r in self.results if r.status is None or r.status < 400]
            for one in fine or self.results[:1]:   # a helper that only makes failures is one
                result = join(result, one)
        finally:
            self.depth -= 1
            self.results = outer
            self.conditional, self.caught = kept
        return result or Value({"type": "null"})

    def take(self, value, name, default):
        """The member that becomes a parameter: f(**event)."""
        found = self.member(value, name, always=default is None)
        if default is not None:
            for slot in found.slots:
                self.note_default(slot, constant_of(default))
        return found

    def annotate(self, value, annotation, module):
        if annotation is None:
            return
        if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
            try:
                annotation = ast.parse(annotation.value, mode="eval").body
            except SyntaxError:
                return
        if isinstance(annotation, ast.Subscript):
            name, inner = name_of(annotation.value), annotation.slice
            if name == "Optional":
                return self.annotate(value, inner, module)
            if name in ("list", "List", "Sequence", "Iterable"):
                for slot in value.slots:
                    slot.types.add("array")
                    self.annotate(Value(slots=[slot.item()]), inner, module)
                return
            if name == "Literal":
                for slot in value.slots:
                    slot.examples += [v for v in (constant_of(inner) or ((),))[0] or ()
                                      if isinstance(v, str)] if isinstance(inner, ast.Tuple) else []
            annotation = annotation.value
        name = name_of(annotation)
        if name in TYPES:
            self.use(value, TYPES[name])
        elif name:
            found, where = self.find(module, name)
            if isinstance(found, ast.ClassDef):
                for slot in value.slots:
                    self.fields_of(found, Value(slots=[slot]), where)

    def fields_of(self, definition, value, module):
        """The annotated fields of a class: a dataclass, a TypedDict, a model."""
        total = not any(k.arg == "total" and constant_of(k.value) == (False,)
                        for k in definition.keywords)
        for node in definition.body:
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                optional = isinstance(node.annotation, ast.Subscript) and name_of(
                    node.annotation.value) in ("Optional", "NotRequired")
                member = self.member(value, node.target.id,
                                     always=total and node.value is None and not optional)
                if node.value is not None:
                    for slot in member.slots:
                        self.note_default(slot, constant_of(node.value))
                self.annotate(member, node.annotation, module)

    # Statements.

    def run(self, body, names, module):
        """True when nothing follows: it always returns or raises."""
        for node in body:
            self.step()
            if isinstance(node, ast.Return):
                found = self.value(node.value, names, module) if node.value else of_constant(None)
                self.keep_result(found)
                return True
            if isinstance(node, ast.Raise):
                self.note_error(node.exc)
                if node.exc is not None:
                    self.value(node.exc, names, module)
                return True
            if isinstance(node, ast.If):
                if self.run_if(node, names, module):
                    return True
            elif isinstance(node, (ast.For, ast.AsyncFor)):
                found = self.value(node.iter, names, module)
                self.use(found, "array", unless_object=True)
                self.assign(node.target, self.items_of(found), names, module)
                self.branch(node.body, names, module)
                self.branch(node.orelse, names, module)
            elif isinstance(node, ast.While):
                self.value(node.test, names, module)
                self.branch(node.body, names, module)
            elif isinstance(node, (ast.With, ast.AsyncWith)):
                for item in node.items:
                    found = self.value(item.context_expr, names, module)
                    if item.optional_vars is not None:
                        self.assign(item.optional_vars, found, names, module)
                if self.run(node.body, names, module):
                    return True
            elif isinstance(node, ast.Try):
                if self.run_try(node, names, module):
                    return True
            elif isinstance(node, ast.Match):
                self.run_match(node, names, module)
            elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                names[node.name] = Value(code=(node, module))
            else:
                self.run_simple(node, names, module)
        return False

    def run_simple(self, node, names, module):
        if isinstance(node, ast.Assign):
            found = self.value(node.value, names, module)
            self.comment(node, found)
            for target in node.targets:
                self.assign(target, found, names, module)
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            found = self.value(node.value, names, module)
            self.comment(node, found)
            self.annotate(found, node.annotation, module)
            self.assign(node.target, found, names, module)
        elif isinstance(node, ast.AugAssign):
            left = self.value(node.target, names, module)
            found = self.operate(left, node.op, self.value(node.value, names, module))
            if not (left.items is not None or left.schema.get("type") == "array"):
                self.assign(node.target, found, names, module)
        elif isinstance(node, ast.Expr):
            self.value(node.value, names, module)
        elif isinstance(node, ast.Assert):
            self.note_presence(node.test, names, module)
            self.value(node.test, names, module)
            self.errors.append("AssertionError")

    def branch(self, body, names, module):
        """What may happen or not: its names join those of before."""
        before = dict(names)
        self.conditional += 1
        try:
            ends = self.run(body, names, module)
        finally:
            self.conditional -= 1
        if ends:
            names.clear()
            names.update(before)
        else:
            for name, value in before.items():
                names[name] = join(value, names.get(name))
        return ends

    def run_if(self, node, names, module):
        self.note_guard(node.test, names, module)
        self.value(node.test, names, module)
        if self.refuses(node.body):
            self.note_presence(node.test, names, module, absent=True)
        before = dict(names)
        self.conditional += 1
        try:
            first = dict(before)
            ends = self.run(node.body, first, module)
            second = dict(before)
            others_end = self.run(node.orelse, second, module)
        finally:
            self.conditional -= 1
        names.clear()
        names.update({} if ends and not others_end else first)
        if ends and others_end:
            names.update(before)
        elif ends:
            names.update(second)
        elif not others_end:
            for name in [*first, *second]:
                names[name] = join(first.get(name), second.get(name))
        return ends and others_end and bool(node.orelse)

    def run_try(self, node, names, module):
        catches = False
        for handler in node.handlers:
            types = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
            missing = any(t is None or name_of(t) in ("KeyError", "Exception", "TypeError",
                                                      "LookupError") for t in types)
            if missing and not self.leaves(handler.body):
                catches = True
        self.caught += catches
        try:
            ends = self.run(node.body, names, module)
        finally:
            self.caught -= catches
        for handler in node.handlers:
            if handler.name:
                names[handler.name] = Value()
            self.branch(handler.body, names, module)
        if not ends and node.orelse:
            ends = self.run(node.orelse, names, module)
        return self.run(node.finalbody, names, module) or (
            ends and all(self.leaves(h.body) for h in node.handlers))

    def run_match(self, node, names, module):
        subject = self.value(node.subject, names, module)
        for case in node.cases:
            patterns = getattr(case.pattern, "patterns", [case.pattern])
            for pattern in patterns:
                if isinstance(pattern, ast.MatchValue):
                    self.compared(subject, constant_of(pattern.value))
                if isinstance(pattern, ast.MatchMapping):
                    for key, inner in zip(pattern.keys, pattern.patterns):
                        name = constant_of(key)
                        if name and isinstance(name[0], str):
                            found = self.member(subject, name[0], always=False)
                            if isinstance(inner, ast.MatchAs) and inner.name:
                                names[inner.name] = found
            self.branch(case.body, names, module)

    @staticmethod
    def leaves(body):
        return bool(body) and isinstance(body[-1], (ast.Raise, ast.Return))

    def refuses(self, body):
        """The body is what happens when something is missing: raise, or an answer of failure."""
        if not body or not isinstance(body[-1], (ast.Raise, ast.Return)):
            return False
        if isinstance(body[-1], ast.Raise):
            return True
        returned = body[-1].value
        if isinstance(returned, ast.Dict):
            for key, value in zip(returned.keys, returned.values):
                name = constant_of(key) if key is not None else None
                status = constant_of(value)
                if name and name[0] == "statusCode" and status and isinstance(status[0], int):
                    return status[0] >= 400
                if name and isinstance(name[0], str) and name[0].lower() in (
                        "error", "errormessage", "errors"):
                    return True
        if isinstance(returned, ast.Call):   # return response(400, ...), return error("...")
            first = constant_of(returned.args[0]) if returned.args else None
            return bool(first and isinstance(first[0], int) and 400 <= first[0] < 600) or (
                "error" in name_of(returned.func).lower())
        return False

    # How the event is used.

    def note_guard(self, test, names, module):
        """if "body" in event, if isinstance(x, str), if event.get("body"): somebody looks first."""
        for node in ast.walk(test):
            if isinstance(node, ast.Compare) and len(node.ops) == 1 and isinstance(
                    node.ops[0], (ast.In, ast.NotIn)):
                name = constant_of(node.left)
                if name and isinstance(name[0], str):
                    for slot in self.value(node.comparators[0], names, module).slots:
                        if name[0] in slot.members or name[0] in PROXY_MEMBERS:
                            slot.member(name[0]).guarded = True
            elif isinstance(node, ast.Call):
                inner = node.args[0] if name_of(node.func) == "isinstance" and node.args else node
                if name_of(node.func) in ("isinstance", "get"):
                    for slot in self.value(inner, names, module).slots:
                        slot.guarded = True

    def note_presence(self, test, names, module, absent=False):
        """What must be there when the test (or, with `absent`, its opposite) has passed."""
        if isinstance(test, ast.BoolOp):
            if isinstance(test.op, ast.Or) == absent:
                for part in test.values:
                    self.note_presence(part, names, module, absent)
        elif isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
            if isinstance(test.operand, ast.BoolOp) and isinstance(test.operand.op, ast.And):
                if absent:
                    for part in test.operand.values:
                        self.note_presence(part, names, module)
            else:
                self.note_presence(test.operand, names, module, not absent)
        elif isinstance(test, ast.Compare) and len(test.ops) == 1:
            operator, right = test.ops[0], test.comparators[0]
            name = constant_of(test.left)
            looks_inside = isinstance(operator, ast.NotIn if absent else ast.In)
            if looks_inside and name and isinstance(name[0], str):
                for slot in self.value(right, names, module).slots:
                    slot.member(name[0])
                    self.require(slot, name[0])
            elif constant_of(right) == (None,) and isinstance(
                    operator, (ast.Is, ast.Eq) if absent else (ast.IsNot, ast.NotEq)):
                self.require_value(self.value(test.left, names, module))
        elif not absent:
            self.require_value(self.value(test, names, module))

    def require_value(self, value):
        for slot in value.slots:
            for holder, name in getattr(slot, "places", []):
                if slot.default is None:
                    self.require(holder, name)

    def require(self, slot, name):
        if not self.conditional:
            slot.required.add(name)

    def member(self, value, name, always=True):
        """value[name]"""
        found = Value()
        for slot in value.slots:
            member = slot.member(name)
            member.places = [(slot, name)]
            slot.types.add("object")
            if always and not self.conditional and not self.caught and not member.guarded:
                slot.required.add(name)
            found.slots.append(member)
        if value.fields is not None and name in value.fields:
            inner = value.fields[name][0]
            found = inner if not found.slots else join(found, inner)
        return found

    def use(self, value, type_name, unless_object=False):
        for slot in value.slots:
            if not (unless_object and (slot.members or "object" in slot.types)):
                slot.types.add(type_name)

    def note_default(self, slot, constant):
        if constant is None:
            return
        default = constant[0]
        if isinstance(default, tuple):
            default = list(default)
        if not plain(default):
            return
        types = {str: "string", bool: "boolean", int: "integer", float: "number", list: "array",
                 dict: "object"}
        if type(default) in types:
            slot.types.add(types[type(default)])
        if slot.default is None and default not in ({}, []):
            slot.default = (default,)
        elif slot.default is None:
            slot.guarded = True

    def compared(self, value, constant):
        if constant is None:
            return
        many = isinstance(constant[0], (list, tuple, set))
        for one in sorted(constant[0], key=str) if many else [constant[0]]:
            for slot in value.slots:
                if isinstance(one, bool):
                    slot.types.add("boolean")
                elif isinstance(one, str):
                    slot.types.add("string")
                    if one and one not in slot.examples:
                        slot.examples.append(one)
                elif isinstance(one, (int, float)):
                    slot.types.add("number")

    def comment(self, node, value):
        text = self.comments.get(getattr(node, "lineno", 0), "")
        if text and len(value.slots) == 1 and self.depth == 1:
            value.slots[0].description = value.slots[0].description or text

    def note_error(self, raised):
        name = name_of(raised.func if isinstance(raised, ast.Call) else raised) if raised else ""
        if name and name[0].isupper():
            self.errors.append(name)

    def keep_result(self, value):
        status = value.status
        if status is not None and status >= 400 and self.depth == 1:
            self.errors.append(f"Http{status}")
        elif not (value.constant and value.constant[0] is None and self.conditional):
            self.results.append(value)
