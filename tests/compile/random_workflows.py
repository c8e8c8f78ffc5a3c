"""Random workflows over the functions of pack/, with the input of a run: the same for one seed.

They have every kind of binding, inputs that may be left out, defaults, texts that every layer of
quoting might trip over, and functions that fail: some times, or always (one step at most, so that
which step a run fails at does not depend on who is faster).
"""

import random

HOSTILE = ["plain", "", "it's \"quoted\" \\ back", "two\nlines\tand a tab", "{% $x %}", "{%", "%}",
           "${Oops} $${x}", "\u00fcn\u00efcode \u2603 \u2028 \U0001F600", "$.path", "$$.Execution.Id",
           "States.Array(1, 2)", "`tick`", "{{inputs.parameters.x}}", "=cmd()", "yes", "null", "1.0",
           "</script><!--", "a" * 300]
LITERALS = HOSTILE + [0, 7, -1.5, 12345678901, 1e20, True, False, None, [], {}, [1, [2, "x"], {}],
                      [[]], [[[1]]], [None], ["", "{% 1 %}"], {"k.$": "v"}, {"a": {"b": [1, None]}},
                      {"odd key": [{"deep.$": "$.x"}]}, {"${Sub}": "${Sub}"}]
MIX_FIELDS = ["", "echo", "digest", "count", "ratio", "flag", "nothing", "list", "one", "none",
              "nested", "nested.inner", "nested.inner.leaf", "nested.inner.leaves", "odd name"]
FIELDS = {"mix": MIX_FIELDS, "flaky": ["", "value", "attempts"],
          "gateway": ["", "value", "attempts"], "pay": ["", "value", "attempts"]}
PROPERTIES = {
    "run": ({"type": "string"}, True),
    "text": ({"type": "string"}, True),
    "anything": ({}, True),
    "count": ({"type": "integer", "default": 3}, False),
    "words": ({"type": "array", "items": {"type": "string"}, "default": ["a", "it's {b}"]}, False),
    "maybe": ({"type": "string"}, False),
    "perhaps": ({}, False),
    "settings": ({"type": "object", "properties": {
        "size": {"type": "integer", "default": 2},
        "more": {"type": "object", "properties": {"unit": {"type": "string", "default": "C"}}}}},
        False),
}
ABSENT = ("maybe", "perhaps", "settings")


class Generator:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.seed = seed
        self.used_inputs = {"run"}
        self.calls = {}  # of each node: its function
        # Constructs that only some targets have, so that the others get their share of the rest.
        self.hard = self.random.random() < 0.4
        self.gateways = self.random.random() < 0.4

    def literal(self):
        return self.random.choice(LITERALS)

    def source(self, producers, depth=0):
        """One binding, in the workflow's JSON form."""
        kinds = ["literal", "input"] + ["output"] * (5 if producers else 0)
        kinds += ["list", "object"] if depth < 2 else []
        kind = self.random.choice(kinds)
        if kind == "literal":
            return {"value": self.literal()}
        if kind == "input":
            # What may be absent feeds a parameter directly: elsewhere it is never proven.
            absent = self.hard and depth == 0
            names = [name for name in PROPERTIES if absent or name not in ABSENT]
            name = self.random.choice(names)
            self.used_inputs.add(name)
            return {"input": name}
        if kind == "output":
            node = self.random.choice(producers)
            field = self.random.choice(FIELDS[self.calls[node]])
            return {"node": node, "output": field} if field else {"node": node}
        if kind == "list":
            return {"list": [self.source(producers, depth + 1)
                             for _ in range(self.random.randrange(4))]}
        return {"object": {name: self.source(producers, depth + 1)
                           for name in self.random.sample(["x", "y z", "it", "list"],
                                                          self.random.randrange(4))}}

    def node(self, index, producers, broken):
        name = self.random.choice([f"n{index}", f"step-{index}", f"{index}th", f"map_{index}"])
        if index == 0 and self.random.random() < 0.2:
            name = self.random.choice(["count", "input", "states", "error", "merge", "in"])
        function = self.random.choices(list(FIELDS), [6, 3, 3 if self.gateways else 0, 1])[0]
        if broken:
            function = self.random.choice(["flaky", "pay", "gateway" if self.gateways else "flaky"])
        node = {"id": name, "function": function}
        if self.random.random() < 0.5:
            node["goal"] = self.random.choice(HOSTILE)
        if function == "mix":
            node["arguments"] = {parameter: self.source(producers)
                                 for parameter in self.random.sample(["a", "b", "c", "d", "odd name"],
                                                                     self.random.randrange(5))}
            node["arguments"]["mark"] = {"value": name}  # or it would repeat another step
        else:
            failures = 99 if broken else 0 if function == "pay" else self.random.randrange(3)
            node["arguments"] = {"run": {"input": "run"}, "step": {"value": name},
                                 "failures": {"value": failures},
                                 "value": self.source(producers)}
            if function == "gateway":
                style = self.random.choice(["text", "object", "spaced", "bare"])
                node["arguments"]["style"] = {"value": style}
        node["retry"] = {"maxAttempts": self.random.randint(3, 5), "initialIntervalSeconds": 0,
                         "multiplier": self.random.choice([1, 1.5, 2]), "maxIntervalSeconds": 0}
        if self.random.random() < 0.3:
            node["timeoutSeconds"] = self.random.randint(60, 90)
        if producers and self.random.random() < 0.2:
            node["dependsOn"] = [self.random.choice(producers)]
        self.calls[name] = function
        return node

    def workflow(self):
        size = self.random.randint(1, 12)
        broken = self.random.randrange(size) if self.random.random() < 0.25 else None
        ids, nodes = [], []
        for index in range(size):
            # A few possible producers each, so that shapes from chains to wide fans come up.
            width = self.random.randrange(4)
            producers = self.random.sample(ids, min(width, len(ids)))
            node = self.node(index, producers, index == broken)
            ids.append(node["id"])
            nodes.append(node)
        outputs = {name: self.source(ids)
                   for name in self.random.sample(["result", "the rest", "n"],
                                                  self.random.randrange(1, 4))}
        properties = {name: schema for name, (schema, _) in PROPERTIES.items()
                      if name in self.used_inputs}
        required = [name for name, (_, needed) in PROPERTIES.items()
                    if needed and name in self.used_inputs]
        return {"apiVersion": "actionengine/v1", "kind": "Workflow",
                "metadata": {"name": f"random-{self.seed}", "description": "It's {% random %}"},
                "inputs": {"type": "object", "properties": properties, "required": required},
                "nodes": nodes, "outputs": outputs}

    def run_input(self):
        given = {"run": f"{self.seed}-one"}
        values = {"text": lambda: self.random.choice(HOSTILE), "anything": self.literal,
                  "count": lambda: self.random.randrange(9), "words": lambda: ["x"],
                  "maybe": lambda: self.random.choice(HOSTILE), "perhaps": self.literal,
                  "settings": lambda: self.random.choice([{}, {"size": 9}, {"more": {}},
                                                          {"more": {"unit": "F"}, "extra": [1]}])}
        for name, value in values.items():
            if name not in self.used_inputs:
                continue
            if PROPERTIES[name][1] or self.random.random() < 0.5:
                given[name] = value()
        return given


def random_case(seed):
    """(workflow, input of a run)"""
    generator = Generator(seed)
    workflow = generator.workflow()
    return workflow, generator.run_input()


def constructs(workflow, given):
    """Names of what the workflow makes use of, as docs/compilers.md calls them."""
    found = set()
    consumers = {}
    nodes = {node["id"]: node for node in workflow["nodes"]}
    properties = workflow["inputs"].get("properties", {})
    required = workflow["inputs"].get("required", [])

    def visit(binding, node):
        if "value" in binding:
            found.add("literal")
            if binding["value"] in HOSTILE[1:] or isinstance(binding["value"], (list, dict)):
                found.add("hostile or nested literal")
        elif "input" in binding:
            schema = properties[binding["input"]]
            if "default" in schema:
                found.add("input with a default")
            elif binding["input"] in required:
                found.add("required input")
            else:
                found.add("input that may be absent")
            if any("default" in inner for inner in schema.get("properties", {}).values()):
                found.add("default inside an input")
        elif "node" in binding:
            consumers.setdefault(binding["node"], set()).add(node)
            field = binding.get("output", "")
            found.add("whole output" if not field else
                      "member of a member" if field.startswith("nested.") else "output field")
            if field == "odd name":
                found.add("oddly named field")
        elif "list" in binding:
            found.add("list of bindings")
            for item in binding["list"]:
                visit(item, node)
        else:
            found.add("object of bindings")
            for item in binding["object"].values():
                visit(item, node)

    for node in workflow["nodes"]:
        for argument in node.get("arguments", {}).values():
            visit(argument, node["id"])
        if node.get("dependsOn"):
            found.add("order without data")
        if "timeoutSeconds" in node:
            found.add("time-out")
        if node["function"] == "pay":
            found.add("function that must run at most once")
        if node["function"] == "gateway":
            found.add("response for API Gateway")
        failures = node.get("arguments", {}).get("failures", {}).get("value", 0)
        if 0 < failures < 99:
            found.add("retry that succeeds")
        elif failures:
            found.add("step that fails for good")
    for output in workflow["outputs"].values():
        visit(output, "")
    if len(nodes) == 1:
        found.add("single step")
    if any(len(users - {""}) > 1 for users in consumers.values()):
        found.add("fan-out")
    return found
