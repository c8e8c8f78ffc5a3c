// Text that three readers take as it was meant: YAML, Argo's templates, JSON.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "json/json.h"

namespace ae::compile::argo {

// A YAML scalar on one line that any YAML 1.1 or 1.2 reader takes for this string; plain where
// that is safe. Invalid UTF-8 is replaced.
std::string yaml_scalar(std::string_view text);

// What may stand behind "# ": one line, without anything that a YAML reader takes for a line break.
std::string comment_text(std::string_view text);

// Where JSON text is to stand. Argo looks for "{{" in every value that it passes on, and again in
// what it has put in; no result of json_text() contains one.
enum class Place {
  kTemplate,  // in a template, several lines, continued at `indent`
  kTag,       // inside "{{=…}}", where "}}" would end the tag: one line without any
};
std::string json_text(const Json& value, Place place, std::size_t indent = 0);

// A string of the expression language. In single quotes, which need no escapes inside YAML and
// JSON; Argo itself finds tasks['a-b'].outputs.result by the single quotes, and keeps no output of
// a container that it does not find used.
std::string expression_string(std::string_view text);

// "workflow.parameters" and "user-id" to workflow.parameters['user-id'].
std::string expression_member(std::string_view object, std::string_view name);

// "Send_Email" to "send-email": a label of RFC 1123 that begins with a letter; at most 50
// characters, so that Kubernetes and UniqueNames have room to append.
std::string dns_label(std::string_view name);

// A label that is no word of the expression language: Argo makes an expression of each dependency.
std::string task_name(std::string_view id);

// The name of an Argo parameter: letters, digits, "_" and "-".
std::string parameter_name(std::string_view name);

// "3" or "0.25", of milliseconds.
std::string seconds_text(std::chrono::milliseconds duration);
// "200ms" or "10s", as Go reads it.
std::string duration_text(std::chrono::milliseconds duration);

}  // namespace ae::compile::argo
