// JSON Schemas of the bodies, shared by the checks of requests, openapi.json and the tests.
#pragma once

#include <string>
#include <string_view>

#include "dag/link.h"
#include "gateway/internal/route.h"
#include "json/json.h"

namespace ae::gateway {

// {"$ref": "#/components/schemas/<name>"}
Json schema_ref(std::string_view name);
// {"type": "array", "items": schema_ref(name)}
Json list_of(std::string_view name);
// Text to a value; for schemas and examples written in the source.
Json literal(std::string_view text);

// {"components": {"schemas": {…}}} as openapi.json shows them.
const Json& component_document();
// The same, with the workflow's form relaxed to "an object": its findings come from dag and verify,
// which explain them better.
const Json& schema_document();

// `schema` as it must read below `base` ("#/components/schemas/x") of another document: local
// references get that prefix, $schema and $id go.
Json rebased(const Json& schema, std::string_view base);

// `schema`, a part of `root`, without references: each is replaced by what it points to, recursive
// ones by {}.
Json self_contained(const Json& schema, const Json& root);

// JSON Schema of what a run of the workflow gives: each output with the schema of the field that
// feeds it. Self-contained.
Json outputs_schema(const dag::LinkedWorkflow& linked);

// A value that a self-contained schema most likely accepts: const, default, examples, enum, else by
// type.
Json sample(const Json& schema);

// Query and header parameters that several routes share.
Parameter wait_parameter();
Parameter prefer_parameter();
Parameter idempotency_parameter();
Parameter limit_parameter(int otherwise);

}  // namespace ae::gateway
