"""Calls, comments, and the answer. Follows 3_expressions.py in one program."""


class Calls(Expressions):
    """What a call gives, and what it says of its arguments."""

    def value_of_call(self, node, names, module):
        function = node.func
        name = name_of(function)
        holder = self.value(function.value, names, module) if isinstance(
            function, ast.Attribute) else None
        if holder is not None:
            found = self.method(node, name, holder, names, module)
            if found is not None:
                return found
        arguments = [self.value(a, names, module) for a in node.args
                     if not isinstance(a, ast.Starred)]
        keywords = {k.arg: self.value(k.value, names, module) for k in node.keywords if k.arg}
        spread = None
        for keyword in node.keywords:
            if keyword.arg is None:
                spread = join(spread, self.value(keyword.value, names, module))
        called = self.called(function, holder, names, module)
        if called is not None:
            return self.call(called, arguments, keywords, spread)
        return self.library(node, name, arguments, keywords)

    def called(self, function, holder, names, module):
        """(definition, module) of code in this package; None for anybody else's."""
        if isinstance(function, ast.Name):
            local = names.get(function.id)
            if local is not None:
                return local.code
            found = self.find(module, function.id)
        elif isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
            node, where = self.find(module, function.value.id)
            if holder is not None and holder.code and isinstance(holder.code[0], ast.ClassDef):
                return self.method_of(holder.code, function.attr)
            if node is None and where in self.trees:
                found = self.find(where, function.attr)
            elif isinstance(node, ast.Call):   # SERVICE = Service(); SERVICE.handle(event)
                made = self.find(where, name_of(node.func))
                found = self.method_of(made, function.attr) or (None, None)
            else:
                return None
        elif isinstance(function, ast.Attribute) and holder is not None and holder.code:
            return self.method_of(holder.code, function.attr)
        else:
            return None
        kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)
        return found if found and isinstance(found[0], kinds) else None

    @staticmethod
    def method_of(code, name):
        if code and isinstance(code[0], ast.ClassDef):
            for node in code[0].body:
                if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name == name:
                    return node, code[1]
        return None

    def call(self, called, arguments, keywords, spread):
        definition, where = called
        if isinstance(definition, ast.ClassDef):
            return self.construct(definition, where, arguments, keywords, spread)
        parameters = definition.args.posonlyargs + definition.args.args
        if parameters and parameters[0].arg in ("self", "cls"):
            static = any(name_of(d) == "staticmethod"
                         for d in getattr(definition, "decorator_list", []))
            arguments = arguments if static else [Value(), *arguments]
        return self.enter(definition, where, arguments, keywords, spread)

    def construct(self, definition, module, arguments, keywords, spread):
        found = Value(code=(definition, module))
        if spread is not None and spread.slots:
            for slot in spread.slots:
                self.fields_of(definition, Value(slots=[slot]), module)
            found.slots = list(spread.slots)
            found.model = True
            return found
        annotated = [n.target.id for n in definition.body
                     if isinstance(n, ast.AnnAssign) and isinstance(n.target, ast.Name)]
        given = dict(zip(annotated, arguments)) | keywords
        if annotated and given:
            found.fields = {name: (value, True) for name, value in given.items()}
            for node in definition.body:
                if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                    if node.target.id in given:
                        self.annotate(given[node.target.id], node.annotation, module)
        return found

    def method(self, node, name, holder, names, module):
        """A method of a value that is known; None when it is anybody's."""
        arguments = node.args
        first = constant_of(arguments[0]) if arguments else None
        if name == "get" and first and isinstance(first[0], str):
            if isinstance(node.func.value, ast.Attribute) and node.func.value.attr == "environ":
                return typed("string")
            if holder.slots or holder.fields is not None:
                return self.get(node, holder, first[0], names, module)
        if name in ("pop", "setdefault") and holder.slots and first and isinstance(first[0], str):
            return self.get(node, holder, first[0], names, module)
        if name in ("getenv",):
            return typed("string")
        known = holder.slots or holder.schema.get("type") == "string"
        if name in ("loads", "dumps", "load"):
            return None
        if known and name in STRING_METHODS:
            self.use(holder, "string")
            self.each(arguments, names, module)
            return typed("string")
        if known and name in STRING_TESTS:
            self.use(holder, "string")
            self.each(arguments, names, module)
            return typed("boolean")
        if known and name in ("split", "rsplit", "splitlines", "partition", "rpartition"):
            self.use(holder, "string")
            self.each(arguments, names, module)
            return Value({"type": "array"}, items=typed("string"))
        if name == "encode" and holder.slots:
            self.use(holder, "string")
            return Value()
        if name == "join" and holder.schema.get("type") == "string":
            for one in arguments:
                self.use(self.value(one, names, module), "array")
            return typed("string")
        if name == "format" and holder.schema.get("type") == "string":
            self.each(arguments, names, module)
            self.each([k.value for k in node.keywords], names, module)
            return typed("string")
        if name in ("items", "keys", "values") and holder.slots:
            self.use(holder, "object")
            return Value()
        if name in ("items", "values") and hasattr(holder, "keys"):
            return Value({"type": "array"}, items=holder.items_by_key)
        if name in ("append", "add", "insert") and (holder.items is not None or
                                                    holder.schema.get("type") == "array"):
            for one in arguments:
                holder.items = join(holder.items, self.maybe(one, names, module))
            return Value()
        if name == "extend" and holder.schema.get("type") == "array" and arguments:
            holder.items = join(holder.items, self.items_of(
                self.value(arguments[0], names, module)))
            return Value()
        if name == "update" and holder.fields is not None:
            self.update(node, holder, names, module)
            return Value()
        if name == "copy" and (holder.fields is not None or holder.slots):
            return Value(schema=holder.schema, slots=holder.slots,
                         fields=dict(holder.fields) if holder.fields is not None else None)
        if name in ("model_dump", "dict", "asdict", "_asdict", "to_dict") and holder.fields:
            return Value(fields=dict(holder.fields))
        if name in ("resize", "thumbnail", "crop") and arguments:
            size = self.value(arguments[0], names, module)
            for one in size.elements or []:
                self.use(one, "integer")
            self.each(arguments[1:], names, module)
            return Value()
        return None

    def each(self, nodes, names, module):
        for one in nodes:
            self.value(one, names, module)

    def update(self, node, holder, names, module):
        for one in node.args:
            other = self.value(one, names, module)
            for name, (value, always) in (other.fields or {}).items():
                holder.fields[name] = (value, always and not self.conditional)
            holder.open = holder.open or other.fields is None
        for keyword in node.keywords:
            if keyword.arg:
                holder.fields[keyword.arg] = (self.value(keyword.value, names, module),
                                              not self.conditional)

    def get(self, node, holder, name, names, module):
        """event.get("x"), event.get("x", default)"""
        found = self.member(holder, name, always=False)
        others = [*node.args[1:], *[k.value for k in node.keywords]]
        for slot in found.slots:
            if not others:
                continue
            constant = constant_of(others[0])
            if constant is not None:
                self.note_default(slot, constant)
            slot.guarded = True
        if others:
            default = self.maybe(others[0], names, module)
            if default.schema.get("type") == "string" and constant_of(others[0]) is None:
                self.use(found, "string")   # os.environ["BUCKET"]
            constant = constant_of(others[0])
            if default.slots or (constant is None and default.fields is not None):
                found = join(found, default)
        return found

    def library(self, node, name, arguments, keywords):
        first = arguments[0] if arguments else Value()
        for key, value in keywords.items():
            if key in STRING_ARGUMENTS:
                self.use(value, "string")
            if key == "Params" and value.fields:
                for inner in STRING_ARGUMENTS & set(value.fields):
                    self.use(value.fields[inner][0], "string")
        found = self.conversion(name, node, first, arguments, keywords)
        if found is not None:
            return found
        if name in TAKES_STRING:
            self.use(first, "string")
        if name in ("upload_fileobj", "download_fileobj", "upload_file", "download_file"):
            for one in arguments[1:] if name.endswith("fileobj") else arguments:
                self.use(one, "string")
        if name in ("b64encode", "urlsafe_b64encode", "standard_b64encode"):
            return Value(schema={"type": "string"})
        if name in ("b64decode", "urlsafe_b64decode"):
            for slot in first.slots:
                slot.encoding = "base64"
            return Value()
        if name in GIVES_STRING or name in ("quote", "quote_plus", "unquote", "urlencode",
                                            "token_hex", "escape", "mktemp", "basename",
                                            "dirname", "getenv", "hexdigest", "json_dumps"):
            return typed("string")
        if name in GIVES_NUMBER or name in TAKES_NUMBER or name in (
                "time", "random", "uniform", "mean", "median", "stdev"):
            if name in TAKES_NUMBER:
                for one in arguments:
                    self.use(one, "number")
            whole = name in ("floor", "ceil") or (name == "round" and len(arguments) == 1)
            return typed("integer" if whole else "number")
        if name in GIVES_INTEGER or name == "randint":
            return typed("integer")
        for one in [*arguments, *keywords.values()]:
            for slot in one.slots:
                slot.escapes = True
        return Value()

    def conversion(self, name, node, first, arguments, keywords):
        if name == "int":
            self.use(first, "integer")
            return typed("integer")
        if name in ("float", "Decimal"):
            self.use(first, "number")
            return typed("number")
        if name in ("str", "repr", "uuid4_text", "format"):
            return typed("string")
        if name == "bool":
            return typed("boolean")
        if name == "len":
            return typed("integer")
        if name in ("isinstance", "callable", "hasattr", "any", "all", "exists"):
            return typed("boolean")
        if name == "range":
            for one in arguments:
                self.use(one, "integer")
            return Value({"type": "array"}, items=typed("integer"))
        if name == "sum":
            self.use(first, "array")
            for slot in first.slots:
                slot.item().types.add("number")
            items = schema_of(first.items) if first.items is not None else {}
            return typed("integer" if items.get("type") == "integer" else "number")
        if name in ("min", "max"):
            found = None
            if len(arguments) == 1:
                self.use(first, "array")
                return self.items_of(first)
            for one in arguments:
                found = join(found, Value(schema_of(one)))
            return found or Value()
        if name in ("sorted", "list", "tuple", "set", "reversed"):
            self.use(first, "array", unless_object=True)
            return Value({"type": "array"}, items=self.items_of(first)
                         if first.slots or first.items is not None else None)
        if name == "enumerate":
            self.use(first, "array")
            pair = Value({"type": "array"})
            pair.elements = [typed("integer"), self.items_of(first)]
            return Value({"type": "array"}, items=pair)
        if name == "dict" and (keywords or first.fields is not None or not arguments):
            found = Value(fields=dict(first.fields or {}), slots=first.slots)
            found.fields |= {key: (value, True) for key, value in keywords.items()}
            return self.answered(found)
        if name == "asdict":
            return first
        if name == "dumps":
            found = typed("string")
            found.dumped = first
            return found
        if name in ("loads", "parse_raw") or (name == "load" and first.slots):
            inner = Value()
            for slot in first.slots:
                if slot is not self.event:
                    inner.slots.append(slot.parsed())
                    slot.types.discard("object")
            return join(inner, first.dumped) if first.dumped else inner
        return None


def comments_of(source):
    """Line -> comment at its end; and the block right above a line, joined."""
    ends, blocks, block, last = {}, {}, [], 0
    try:
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            if token.type != tokenize.COMMENT:
                continue
            line, text = token.start[0], token.string.lstrip("#!:").strip()
            if re.match(r"(noqa|type:|pylint|coding|-\*-|nosec|pragma|/usr)", text):
                continue
            if token.line.strip().startswith("#"):
                block = block + [text] if line == last + 1 else [text]
                last = line
                blocks[line + 1] = " ".join(block)
            else:
                ends[line] = text
    except (tokenize.TokenError, SyntaxError):
        pass
    return ends, blocks


def first_paragraph(text):
    paragraph = (text or "").strip().split("\n\n")[0]
    return " ".join(paragraph.split())[:500]


def says_something(text):
    return len(text.split()) >= 2 and not NOTHING_SAID.match(text)


def describe(tree, function, source):
    _, blocks = comments_of(source)
    line = min([function.lineno, *[d.lineno for d in getattr(function, "decorator_list", [])]])
    doc = ast.get_docstring(function) if not isinstance(function, ast.Lambda) else None
    top = blocks.get(next((n.lineno for n in tree.body), 0), "")
    for text in (doc, ast.get_docstring(tree), blocks.get(line, ""), top):
        text = first_paragraph(text)
        if says_something(text) and not re.search(r"copyright|licen[cs]e", text, re.IGNORECASE):
            return text
    return ""


def read_fields(doc, event, output):
    """Lines such as "bucket (str): where it is" of a docstring."""
    giving = False
    for line in (doc or "").splitlines():
        if re.match(r"\s*(returns?|gives?|output|response)\b", line, re.IGNORECASE):
            giving = True
        if re.match(r"\s*(args|arguments|parameters|params|event|expects?|input)\b", line,
                    re.IGNORECASE):
            giving = False
        found = re.match(r"\s*[-*:]?\s*(?:param\s+)?[\"'`]?(\w+)[\"'`]?\s*(?:\(([^)]*)\))?\s*"
                         r"(?::|--?|\u2013)\s+(.+)", line)
        if not found:
            continue
        name, kind, text = found.groups()
        if giving and name in output.get("properties", {}):
            output["properties"][name].setdefault("description", text.strip())
        elif name in event.members:
            slot = event.members[name]
            slot.description = slot.description or text.strip()
            for word in re.split(r"\W+", kind or ""):
                if word in TYPES and not slot.types:
                    slot.types.add(TYPES[word])
                if word == "optional":
                    event.required.discard(name)


def read_event(event):
    """(schema of the input, how the handler wants it)"""
    parts = [event.members[m].text or event.members[m] for m in ("body",) if m in event.members]
    parts += [event.members[m] for m in PARAMETER_MEMBERS if m in event.members]
    own = [name for name in event.members if name not in PROXY_MEMBERS]
    asks = any(part.members for part in parts)
    if not asks or own:
        for name in PROXY_MEMBERS & set(event.members):
            if asks:   # it takes both: the plain form is enough
                del event.members[name]
        return schema_of_slot(event), "plain"
    schema = {}
    for part in parts:
        inner = schema_of_slot(part)
        if inner.get("properties"):
            schema = merge_members(schema, inner)
    return schema, "api-gateway"


def merge_members(a, b):
    if not a:
        return b
    members = dict(a.get("properties", {}))
    for name, schema in b.get("properties", {}).items():
        members[name] = union(members.get(name, {}), schema)
    needed = list(dict.fromkeys([*a.get("required", []), *b.get("required", [])]))
    return {"type": "object", "properties": members} | ({"required": needed} if needed else {})


def infer(request):
    trees = {}
    for name, source in request["modules"].items():
        try:
            trees[name] = ast.parse(source)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            if name == request["module"]:
                return {"failure": "the code cannot be parsed"}
    reader = Calls(trees)
    module = request["module"]
    function, where = reader.find(module, request["handler"])
    if not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
        return {"description": describe_module(trees.get(module)),
                "failure": f"no function {request['handler']} is defined there"}
    source = request["modules"][where]
    reader.comments = comments_of(source)[0] if where == module else {}
    event = reader.event = Slot()
    parameters = [*function.args.posonlyargs, *function.args.args]
    arguments = [Value(slots=[event]), Value()]
    if parameters and parameters[0].arg == "self":
        arguments.insert(0, Value())
    result = None
    try:
        result = reader.enter(function, where, arguments, {})
    except (Budget, RecursionError):
        pass
    output = schema_of(result)
    if output.get("type") == "null":
        output = {}
    doc = ast.get_docstring(function) if not isinstance(function, ast.Lambda) else None
    for text in (doc, ast.get_docstring(trees[where])):
        read_fields(text, event, output)
    schema, form = read_event(event)
    if event.members or not (event.escapes or event.types):
        schema = {"type": "object", "properties": {}} | schema
    return {"description": describe(trees[where], function, source), "input": schema,
            "output": output, "event": form,
            "errors": [e for e in dict.fromkeys(reader.errors) if e != "Exception"][:20]}


def describe_module(tree):
    text = first_paragraph(ast.get_docstring(tree)) if tree else ""
    return text if says_something(text) else ""


if __name__ == "__main__":
    print(json.dumps(infer(json.load(sys.stdin))))
