"""What a Lambda handler takes and gives, read off its syntax tree.

    cat [1-4]_*.py > read.py; python3 -I read.py < {"module", "handler", "modules": {name: source}}

Prints {"description", "input", "output", "errors", "event"}. Nothing of the code is imported or
run: expressions get abstract values. A value that comes from the event is a Slot, which remembers
how it is used; anything else is what its schema can be told to be. Whatever is not understood is
unknown, never an error.
"""
import ast
import io
import json
import re
import resource
import sys
import tokenize

# Before a byte of the code is looked at.
for _limit, _value in ((resource.RLIMIT_AS, 512 << 20), (resource.RLIMIT_CPU, 5),
                       (resource.RLIMIT_FSIZE, 0), (resource.RLIMIT_CORE, 0)):
    resource.setrlimit(_limit, (_value, _value))

MAX_STEPS = 100_000      # visited nodes, over all helpers
MAX_CALLS = 300          # helpers entered
MAX_DEPTH = 8            # of helpers, and of nested members
MAX_NAMES = 200          # members of one object

STRING_METHODS = {"upper", "lower", "strip", "lstrip", "rstrip", "title", "capitalize", "replace",
                  "casefold", "zfill", "removeprefix", "removesuffix", "center", "ljust", "rjust",
                  "swapcase", "translate", "expandtabs"}
STRING_TESTS = {"startswith", "endswith", "isdigit", "isalpha", "isalnum", "isnumeric", "isupper",
                "islower", "isspace", "isidentifier"}
GIVES_STRING = {"isoformat", "strftime", "hexdigest", "decode", "getvalue", "generate_presigned_url",
                "as_posix", "to_string", "prettify", "format_map", "ctime", "geturl", "group",
                "read_text", "as_uri", "toordinal_text"}
GIVES_INTEGER = {"count", "find", "rfind", "index", "bit_length", "toordinal", "weekday",
                 "isoweekday"}
GIVES_NUMBER = {"timestamp", "total_seconds"}
TYPES = {"str": "string", "int": "integer", "float": "number", "bool": "boolean", "list": "array",
         "dict": "object", "tuple": "array", "set": "array", "List": "array", "Dict": "object",
         "Sequence": "array", "Iterable": "array", "Mapping": "object", "Decimal": "number",
         "number": "number", "string": "string", "integer": "integer", "boolean": "boolean",
         "array": "array", "object": "object", "None": "null"}
# Functions of the standard library whose argument must be text, and of mathematics.
TAKES_STRING = {"b64decode", "urlopen", "fromisoformat", "strptime", "quote", "quote_plus",
                "unquote", "urlparse", "ZoneInfo", "open", "splitext", "basename", "dirname"}
TAKES_NUMBER = {"sqrt", "floor", "ceil", "sin", "cos", "tan", "log", "log10", "exp", "fabs", "pow",
                "radians", "degrees", "round", "abs", "hypot", "fromtimestamp"}
STRING_ARGUMENTS = {"Bucket", "Key", "CopySource", "TableName", "QueueUrl", "TopicArn", "ContentType",
                    "Prefix", "Source", "Subject", "FunctionName", "SecretId"}
# Members of what AWS's clients answer.
AWS_MEMBERS = {"ContentType": "string", "ContentLength": "integer", "ETag": "string",
               "VersionId": "string", "MessageId": "string", "TranslatedText": "string",
               "KeyCount": "integer", "Sentiment": "string"}
PROXY_MEMBERS = {"body", "headers", "httpMethod", "path", "queryStringParameters", "requestContext",
                 "pathParameters", "isBase64Encoded", "resource", "rawPath", "rawQueryString",
                 "multiValueHeaders", "multiValueQueryStringParameters", "stageVariables",
                 "version", "routeKey", "cookies"}
PARAMETER_MEMBERS = ("pathParameters", "queryStringParameters")
NOTHING_SAID = re.compile(
    r"^\W*(?:this is )?(?:the |an? )?(?:sample |simple |main |pure |aws |basic |default )*"
    r"(?:lambda|entry|handler|function|module)\b(?:[\s_-]*(?:aws|lambda|function|handler|entry|point"
    r"|for|the|of|this|module|main))*\W*$", re.IGNORECASE)


class Budget(Exception):
    """The code is too large to be read to its end; what is known stays."""


class Slot:
    """A part of the event, and how the code uses it."""

    def __init__(self):
        self.members = {}      # name -> Slot
        self.required = set()
        self.items = None      # Slot of a list's items
        self.text = None       # Slot of what json.loads makes of it
        self.types = set()
        self.default = None    # (value,) once known
        self.examples = []
        self.description = ""
        self.encoding = ""
        self.guarded = False   # its absence or type is looked at first
        self.escapes = False   # handed to code that is not seen

    def member(self, name):
        if name not in self.members and len(self.members) >= MAX_NAMES:
            return Slot()
        return self.members.setdefault(name, Slot())

    def item(self):
        self.items = self.items or Slot()
        return self.items

    def parsed(self):
        self.text = self.text or Slot()
        return self.text


class Value:
    """What is known of an expression: parts of the event that it may be, else a schema."""

    def __init__(self, schema=None, slots=(), fields=None, items=None, constant=None, code=None):
        self.schema = schema or {}
        self.slots = list(slots)
        self.fields = fields        # of a dict: name -> (Value, always)
        self.open = False           # of a dict: it has members that are not seen
        self.items = items          # of a list: Value
        self.elements = None        # of a tuple or list display: [Value]
        self.constant = constant    # (value,)
        self.code = code            # (function, module) or a class
        self.dumped = None          # of JSON text: the Value in it
        self.status = None


def typed(name, **more):
    return Value({"type": name, **more})


def of_constant(value):
    names = {bool: "boolean", int: "integer", float: "number", str: "string"}
    found = Value({"type": names[type(value)]} if type(value) in names else {}, constant=(value,))
    if value is None:
        found.schema = {"type": "null"}
    return found


def union(a, b):
    """The schema of a value that fits one of two."""
    if a == b or not b:
        return a
    if not a:
        return b
    first, second = a.get("type"), b.get("type")
    if first == second == "object":
        members = {}
        for name in [*a.get("properties", {}), *b.get("properties", {})]:
            members.setdefault(name, union(a.get("properties", {}).get(name, {}),
                                           b.get("properties", {}).get(name, {})))
        both = [n for n in a.get("required", []) if n in b.get("required", [])]
        return {"type": "object", "properties": members} | ({"required": both} if both else {})
    if first == second == "array":
        items = union(a.get("items", {}), b.get("items", {}))
        return {"type": "array"} | ({"items": items} if items else {})
    if first == second:
        return {key: value for key, value in a.items() if b.get(key) == value}
    if {first, second} == {"integer", "number"}:
        return {"type": "number"}
    names = []
    for name in (first, second):
        names += name if isinstance(name, list) else [name] if name else []
    if len(names) < 2 or {"object", "array"} & set(names):
        if "null" in names and len(set(names)) == 2:  # an object or nothing
            kept = dict(a if first != "null" else b)
            kept["type"] = [kept["type"], "null"]
            return kept
        return {}
    return {"type": list(dict.fromkeys(names))}


def schema_of_slot(slot, depth=0):
    schema = {}
    types = set(slot.types)
    if slot.members:
        types.add("object")
    if slot.items is not None and not slot.members:
        types.add("array")
    if slot.text is not None or slot.encoding:
        types.add("string")
    if types & {"string"} and types & {"integer", "number"}:
        types -= {"string"}   # int(event["width"]): a number is what it is
    if "integer" in types:
        types.discard("number")
    if len(types) == 1:
        schema["type"] = types.pop()
    if depth < MAX_DEPTH:
        if schema.get("type") == "object" and slot.members:
            schema["properties"] = {n: schema_of_slot(s, depth + 1)
                                    for n, s in slot.members.items()}
            needed = [n for n in slot.members if n in slot.required]
            if needed:
                schema["required"] = needed
        elif schema.get("type") == "array" and slot.items is not None:
            items = schema_of_slot(slot.items, depth + 1)
            if items:
                schema["items"] = items
    if slot.encoding:
        schema["contentEncoding"] = slot.encoding
    if slot.description:
        schema["description"] = slot.description
    if slot.default is not None and slot.default[0] is not None:
        schema["default"] = slot.default[0]
    if len(slot.examples) and schema.get("type") == "string":
        schema["examples"] = slot.examples[:10]
    return schema


def schema_of(value, depth=0):
    """JSON Schema of an abstract value."""
    if value is None or depth > MAX_DEPTH:
        return {}
    found = {}
    for slot in value.slots:
        one = schema_of_slot(slot)
        for key in ("default", "examples"):
            one.pop(key, None)
        found = union(found, one)
    if value.fields is not None:
        properties = {name: schema_of(one, depth + 1) for name, (one, _) in value.fields.items()}
        required = [name for name, (_, always) in value.fields.items() if always]
        own = {"type": "object", "properties": properties}
        if required:
            own["required"] = required
        return union(found, own) if found else own
    own = dict(value.schema)
    if value.items is not None:
        items = schema_of(value.items, depth + 1)
        own = {"type": "array"} | ({"items": items} if items else {})
    return union(found, own)


def join(a, b):
    """A name that holds one of two values."""
    if a is None or a is b:
        return b
    if b is None:
        return a
    if a.constant and a.constant[0] is None and not a.slots:
        return b
    if b.constant and b.constant[0] is None and not b.slots:
        return a
    both = Value(slots=[*a.slots, *(s for s in b.slots if s not in a.slots)])
    if a.fields is not None and b.fields is not None:
        both.fields = {}
        for name in [*a.fields, *b.fields]:
            left, right = a.fields.get(name), b.fields.get(name)
            if name in both.fields:
                continue
            if left and right:
                both.fields[name] = (join(left[0], right[0]), left[1] and right[1])
            else:
                both.fields[name] = ((left or right)[0], False)
        return both
    if a.fields is not None or b.fields is not None:
        known = a if a.fields is not None else b
        if both.slots or not (a.schema and b.schema):
            both.fields = {n: (v, False) for n, (v, _) in known.fields.items()}
            return both
    if a.items is not None and b.items is not None:
        both.items = join(a.items, b.items)
        return both
    if a.items is not None or b.items is not None:
        both.items = a.items if a.items is not None else b.items
        return both
    both.schema = union(a.schema, b.schema) if a.schema and b.schema else (
        {} if not both.slots else a.schema or b.schema)
    both.code = a.code or b.code
    both.dumped = a.dumped or b.dumped
    return both


def name_of(expression):
    """The last name of "a.b.c" or "c"; "" for anything else."""
    if isinstance(expression, ast.Attribute):
        return expression.attr
    return expression.id if isinstance(expression, ast.Name) else ""


def constant_of(expression):
    try:
        return (ast.literal_eval(expression),)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None


def plain(value, depth=0):
    """True for what JSON can say."""
    if depth > 4:
        return False
    if isinstance(value, dict):
        return all(isinstance(k, str) and plain(v, depth + 1) for k, v in value.items())
    if isinstance(value, list):
        return all(plain(v, depth + 1) for v in value)
    return value is None or isinstance(value, (bool, int, str)) or (
        isinstance(value, float) and value == value and abs(value) != float("inf"))


def of_literal(value):
    """The abstract value of a constant, structured ones included."""
    if isinstance(value, dict):
        return Value(fields={k: (of_literal(v), True) for k, v in list(value.items())[:MAX_NAMES]
                             if isinstance(k, str)})
    if isinstance(value, (list, tuple, set)):
        found = Value({"type": "array"})
        for one in list(value)[:MAX_NAMES]:
            found.items = join(found.items, of_literal(one))
        return found
    return of_constant(value)
