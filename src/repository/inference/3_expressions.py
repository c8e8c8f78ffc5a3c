"""Expressions but for calls. Follows 2_statements.py in one program."""


class Expressions(Reader):
    """What an expression is."""

    def step(self):
        self.steps += 1
        if self.steps > MAX_STEPS:
            raise Budget()

    def items_of(self, value):
        found = Value(slots=[slot.item() for slot in value.slots])
        if value.items is not None:
            return value.items if not found.slots else join(found, value.items)
        return found

    def assign(self, target, value, names, module):
        if isinstance(target, ast.Name):
            old = names.get(target.id) if self.conditional else None
            names[target.id] = join(old, value) if old is not None and (
                old.slots or old.fields is None) and not value.slots else value
        elif isinstance(target, (ast.Tuple, ast.List)):
            for position, one in enumerate(target.elts):
                part = Value()
                if value.elements is not None and position < len(value.elements):
                    part = value.elements[position]
                elif value.slots or value.items is not None:
                    part = self.items_of(value)
                self.assign(one, part, names, module)
        elif isinstance(target, ast.Subscript):
            holder = self.value(target.value, names, module)
            key = constant_of(target.slice)
            if key and isinstance(key[0], str) and holder.fields is not None:
                always = not self.conditional or holder.fields.get(key[0], (0, False))[1]
                holder.fields[key[0]] = (value, always)
            elif holder.fields is not None:
                self.value(target.slice, names, module)
                holder.open = True

    def value(self, node, names, module):
        self.step()
        method = getattr(self, "value_of_" + type(node).__name__.lower(), None)
        if method is not None:
            return method(node, names, module)
        for inner in ast.iter_child_nodes(node):
            if isinstance(inner, ast.expr):
                self.value(inner, names, module)
        return Value()

    def value_of_constant(self, node, names, module):
        return of_constant(node.value)

    def value_of_name(self, node, names, module):
        if node.id in names:
            return names[node.id]
        found, where = self.find(module, node.id)
        if isinstance(found, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)):
            return Value(code=(found, where))
        if isinstance(found, ast.expr) and constant_of(found) is not None:
            constant = constant_of(found)[0]
            shown = of_constant(constant)
            if isinstance(constant, dict) and constant:
                shown = Value({"type": "object"}, items=None)
                kinds = None
                for one in constant.values():
                    kinds = join(kinds, of_literal(one))
                shown.items_by_key = kinds
                shown.keys = [k for k in constant if isinstance(k, str)]
            return shown
        if isinstance(found, (ast.Call, ast.Subscript)) and self.depth < MAX_DEPTH:
            self.depth += 1   # BUCKET = os.environ["BUCKET"], of the module
            try:
                return self.maybe(found, {}, where)
            finally:
                self.depth -= 1
        return Value()

    def value_of_await(self, node, names, module):
        return self.value(node.value, names, module)

    def value_of_namedexpr(self, node, names, module):
        found = self.value(node.value, names, module)
        self.assign(node.target, found, names, module)
        return found

    def value_of_starred(self, node, names, module):
        return self.items_of(self.value(node.value, names, module))

    def value_of_joinedstr(self, node, names, module):
        for part in node.values:
            if isinstance(part, ast.FormattedValue):
                found = self.value(part.value, names, module)
                if part.format_spec is not None:
                    text = "".join(str(v.value) for v in part.format_spec.values
                                   if isinstance(v, ast.Constant))
                    if text.endswith(("f", "d", "e", "%")):
                        self.use(found, "number")
        return typed("string")

    def value_of_dict(self, node, names, module):
        found = Value(fields={})
        for key, value in zip(node.keys, node.values):
            inner = self.value(value, names, module)
            if key is None:   # {**other}
                if inner.fields is not None:
                    found.fields |= inner.fields
                    found.open = found.open or inner.open
                else:
                    found.slots += inner.slots
                    found.open = True
                continue
            name = constant_of(key)
            if name and isinstance(name[0], str):
                found.fields[name[0]] = (inner, True)
            else:
                self.value(key, names, module)
                found.open = True
        return self.answered(found)

    @staticmethod
    def answered(found):
        """{"statusCode", "body"} is what its body says, as whoever runs it unwraps it."""
        if "statusCode" not in (found.fields or {}):
            return found
        status = found.fields["statusCode"][0].constant
        found.status = status[0] if status and isinstance(status[0], int) else None
        if "body" not in found.fields:
            return found
        body = found.fields["body"][0]
        inner = body.dumped or body
        if inner.fields is not None or inner.schema.get("type") == "object":
            shown = Value(schema=inner.schema, slots=inner.slots, fields=inner.fields)
            shown.status = found.status
            shown.open = inner.open
            return shown
        return found

    def value_of_list(self, node, names, module):
        elements = [self.value(one, names, module) for one in node.elts]
        found = Value({"type": "array"})
        for one in elements:
            found.items = join(found.items, one)
        if not any(isinstance(one, ast.Starred) for one in node.elts):
            found.elements = elements
        return found

    value_of_tuple = value_of_list
    value_of_set = value_of_list

    def value_of_listcomp(self, node, names, module):
        inner = dict(names)
        self.comprehend(node.generators, inner, module)
        return Value({"type": "array"}, items=self.maybe(node.elt, inner, module))

    value_of_generatorexp = value_of_listcomp
    value_of_setcomp = value_of_listcomp

    def value_of_dictcomp(self, node, names, module):
        inner = dict(names)
        self.comprehend(node.generators, inner, module)
        self.maybe(node.key, inner, module)
        self.maybe(node.value, inner, module)
        return typed("object")

    def maybe(self, node, names, module):
        self.conditional += 1
        try:
            return self.value(node, names, module)
        finally:
            self.conditional -= 1

    def comprehend(self, generators, names, module):
        for generator in generators:
            found = self.value(generator.iter, names, module)
            self.use(found, "array", unless_object=True)
            self.assign(generator.target, self.items_of(found), names, module)
            for test in generator.ifs:
                self.maybe(test, names, module)

    def value_of_ifexp(self, node, names, module):
        self.note_guard(node.test, names, module)
        test = self.value(node.test, names, module)
        found = join(self.maybe(node.body, names, module), self.maybe(node.orelse, names, module))
        default = constant_of(node.orelse)
        if default is not None and not test.fields:
            for slot in found.slots:
                self.note_default(slot, default)
        return found

    def value_of_boolop(self, node, names, module):
        found = self.value(node.values[0], names, module)
        for one in node.values[1:]:
            other = self.maybe(one, names, module)
            if isinstance(node.op, ast.Or):   # event.get("size") or 100
                default = constant_of(one)
                for slot in found.slots:
                    self.note_default(slot, default)
                    slot.guarded = True
                found = join(found, other)
            else:
                found = join(other, Value())
        return found

    def value_of_unaryop(self, node, names, module):
        found = self.value(node.operand, names, module)
        if isinstance(node.op, ast.Not):
            return typed("boolean")
        self.use(found, "number")
        constant = constant_of(node)
        return of_constant(constant[0]) if constant else found

    def value_of_compare(self, node, names, module):
        left = self.value(node.left, names, module)
        for operator, right in zip(node.ops, node.comparators):
            constant = constant_of(right)
            other = self.value(right, names, module)
            if isinstance(operator, (ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE)):
                self.compared(left, constant)
                self.compared(other, constant_of(node.left))
            elif isinstance(operator, (ast.In, ast.NotIn)):
                if constant is not None and isinstance(constant[0], (list, tuple, set)):
                    self.compared(left, constant)
                elif isinstance(right, ast.Name) and hasattr(other, "keys"):
                    self.compared(left, (other.keys,))
            left = other
        return typed("boolean")

    def value_of_binop(self, node, names, module):
        return self.operate(self.value(node.left, names, module), node.op,
                            self.value(node.right, names, module))

    def operate(self, left, operator, right):
        types = {v.schema.get("type") for v in (left, right) if not v.slots}
        if "string" in types:
            if isinstance(operator, ast.Add):
                self.use(left, "string")
                self.use(right, "string")
            return typed("string")
        if "array" in types or left.items is not None or right.items is not None:
            return Value({"type": "array"}, items=left.items or right.items)
        if isinstance(operator, (ast.BitOr, ast.BitAnd, ast.BitXor)):
            return join(left, right)
        if isinstance(operator, (ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.Pow)) or (
                types & {"integer", "number"}):
            if left.schema.get("type") == "datetime" or right.schema.get("type") == "datetime":
                return Value()
            for one in (left, right):
                if not {"integer"} & {t for s in one.slots for t in s.types}:
                    self.use(one, "number")
        known = {t for v in (left, right)
                 for t in ([v.schema.get("type")] if not v.slots else schema_of(v).get("type", [""])
                           if isinstance(schema_of(v).get("type", [""]), list)
                           else [schema_of(v).get("type")])}
        if known <= {"integer", "number"}:
            whole = known == {"integer"} and not isinstance(operator, ast.Div)
            return typed("integer" if whole else "number")
        return typed("number") if left.slots or right.slots else Value()

    def value_of_attribute(self, node, names, module):
        found = self.value(node.value, names, module)
        if isinstance(found.code, tuple) and isinstance(found.code[0], ast.ClassDef):
            pass
        if found.fields is not None and node.attr in found.fields:
            return found.fields[node.attr][0]
        if found.slots and getattr(found, "model", False):
            return self.member(found, node.attr)
        if node.attr in ("width", "height"):
            return typed("integer")
        return Value()

    def value_of_subscript(self, node, names, module):
        holder = self.value(node.value, names, module)
        if isinstance(node.slice, ast.Slice):
            return holder if holder.slots else Value(holder.schema, items=holder.items)
        key = constant_of(node.slice)
        if key and isinstance(key[0], str):
            if isinstance(node.value, ast.Attribute) and node.value.attr == "environ":
                return typed("string")
            found = self.member(holder, key[0])
            if not found.slots and not found.schema and found.fields is None:
                return Value({"type": AWS_MEMBERS[key[0]]} if key[0] in AWS_MEMBERS else {})
            return found
        index = self.value(node.slice, names, module)
        if key and isinstance(key[0], int):
            if holder.elements is not None and -len(holder.elements) <= key[0] < len(holder.elements):
                return holder.elements[key[0]]
            self.use(holder, "array", unless_object=True)
            return self.items_of(holder)
        if hasattr(holder, "keys"):   # TABLE[event["code"]]
            self.compared(index, (holder.keys,))
            return holder.items_by_key or Value()
        return self.items_of(holder) if holder.items is not None else Value()
