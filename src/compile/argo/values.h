// Bindings as Argo's templates: JSON text with "{{=…}}" where a value is put in.
//
// Each expression yields JSON text, in which "{{" is written "{\u007b": Argo looks for tags in
// what it has put in, too, and would otherwise run what a function or a caller wrote. An
// expression whose value is missing stays as it is, so that the whole is no JSON any more.
#pragma once

#include <string>

#include "compile/argo/plan.h"

namespace ae::compile::argo {

class Values final {
 public:
  Values(const dag::LinkedWorkflow& linked, const Plan& plan) : linked_(linked), plan_(plan) {}

  // The request's body: an object of several lines, continued at column 0.
  std::string body(const dag::Bindings& arguments) const;

  // For valueFrom.expression of a workflow's output: the text itself where the value is known to
  // be a string, else JSON; "" for an optional input that was left out.
  std::string output(const dag::Binding& binding) const;

  // What of the binding cannot be expressed, or only with a difference.
  void check(const dag::Binding& binding, const std::string& pointer,
             std::vector<dag::Diagnostic>& findings) const;

 private:
  enum class Where { kTask, kOutput };

  void write_object(std::string& out, const dag::Bindings& members, std::size_t indent) const;
  void write_value(std::string& out, const dag::Binding& binding, std::size_t indent) const;

  std::string input(const dag::InputRef& ref, Where where) const;
  std::string result(const dag::OutputRef& ref) const;
  std::string path(const dag::OutputRef& ref) const;
  const Json* schema_of(const dag::OutputRef& ref) const;

  std::string json_of(const dag::Binding& binding, Where where) const;
  std::string json_of(const dag::InputRef& ref, Where where) const;
  std::string json_of(const dag::OutputRef& ref, Where where) const;
  std::string json_of(const dag::Literal& literal, Where where) const;
  std::string json_of(const dag::ListBinding& list, Where where) const;
  std::string json_of(const dag::ObjectBinding& object, Where where) const;
  // Nothing ("") when it is an input that was left out, else `before` and the value.
  std::string part(const dag::Binding& binding, const std::string& before, Where where) const;
  const Input* optional_input(const dag::Binding& binding) const;

  const dag::LinkedWorkflow& linked_;
  const Plan& plan_;
};

}  // namespace ae::compile::argo
