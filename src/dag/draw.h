// Pictures of a workflow for people, in text. Deterministic.
#pragma once

#include <string>

#include "dag/workflow.h"

namespace ae::dag {

// Graphviz: a node a step, an edge a data dependency labelled "field -> parameter"; dashed for
// dependsOn. Ids and labels are escaped.
std::string to_dot(const Workflow& workflow);
// Mermaid flowchart, the same content.
std::string to_mermaid(const Workflow& workflow);

// A drawing for a terminal, one row a step in topological order, with rails for the edges:
//   ● username2id      username = input username
//   │ user_id
//   ● getusermood      user_id  = username2id.user_id
// Parallel branches get rails of their own. `colour` adds ANSI sequences.
enum class Colour { kOff, kOn };
std::string to_terminal(const Workflow& workflow, Colour colour);

}  // namespace ae::dag
