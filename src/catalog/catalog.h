// Registered workflows: names, versions, and what each pins.
//
// Only linked workflows come in here, and linking follows verification, so an unproven workflow
// has no way in. A name is chosen by its owner or derived from the content, unique by construction;
// every change is a new version, and old ones stay.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "dag/link.h"
#include "store/database.h"

namespace ae::catalog {

// A name is part of a URL path: [a-z0-9][a-z0-9-]{0,62}.
bool is_workflow_name(std::string_view name);
// The nearest valid name: "Mood & Music!" -> "mood-music"; "workflow" when nothing is left.
std::string to_workflow_name(std::string_view text);

struct RegisteredWorkflow {
  std::string id;   // the workflow's name: what the endpoint /api/{id} is called
  int version = 1;  // counts from 1 for each name
  dag::LinkedWorkflow linked;
  std::string query;                          // the sentence it came from, or ""
  Json first_inputs = Json::object();         // the query's values: input of the first run
  Json provenance;                            // as generation gave it, or null
  std::vector<std::string> approved_effects;  // "name@version" whose side effects were approved
  WallTime registered_at{};
};

struct NewWorkflow {
  dag::LinkedWorkflow linked;
  std::string query;
  Json first_inputs = Json::object();
  Json provenance;
  std::vector<std::string> approved_effects;
};

enum class OnConflict {
  kNewVersion,  // same name: becomes its next version, or the current one when nothing differs
  kFreshName,   // same name but other content: name-2, name-3, …; same content: the existing one
};

// Threads: any.
class Catalog final {
 public:
  static const store::Migration& migration();
  Catalog(store::Database& database, const Clock& clock);
  ~Catalog();
  Catalog(const Catalog&) = delete;
  Catalog& operator=(const Catalog&) = delete;

  // Durable when it returns; concurrent calls never lose or overwrite one another. The name is the
  // workflow's own; when that is empty, one made of its description (else of its functions) and a
  // hash of its content. "Differs" and "same content" compare the canonical JSON of the linked
  // workflow, its name and the folders of its code apart. The result is what get() gives from now
  // on. Errors: kInvalidArgument (the name; a workflow that is not linked), kFailedPrecondition (a
  // function with side effects that is not approved, naming it).
  Result<RegisteredWorkflow> add(NewWorkflow workflow, OnConflict on_conflict);

  // Version 0 is the newest. Errors: kNotFound with the nearest names.
  Result<std::shared_ptr<const RegisteredWorkflow>> get(std::string_view id, int version = 0) const;

  struct Summary {
    std::string id;
    int version = 1;
    std::string description;
    std::string query;
    WallTime registered_at{};
  };
  Result<std::vector<Summary>> list() const;  // newest first
  // The name and all its versions leave the list and the endpoint; runs and pinned code stay. When
  // the name is used again its versions go on counting, so that (name, version) never means two
  // workflows. Errors: kNotFound with the nearest names.
  Result<void> remove(std::string_view id);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ae::catalog
