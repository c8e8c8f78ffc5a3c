#include "dag/draw.h"

#include <fmt/format.h>

#include <unordered_map>

#include "base/text.h"
#include "dag/internal/label.h"

namespace ae::dag {
namespace internal {

std::string printable(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    const auto next = static_cast<unsigned char>(i + 1 < text.size() ? text[i + 1] : 0);
    const auto third = static_cast<unsigned char>(i + 2 < text.size() ? text[i + 2] : 0);
    if (c < ' ' || c == 0x7f) {
      out += ' ';
    } else if (c == 0xc2 && next >= 0x80 && next < 0xa0) {  // C1 controls
      out += ' ';
      i += 1;
    } else if (c == 0xe2 && ((next == 0x80 && third >= 0xa8 && third <= 0xae) ||
                             (next == 0x81 && third >= 0xa6 && third <= 0xa9))) {
      out += ' ';  // line separators and reversals of the writing direction
      i += 2;
    } else {
      out += text[i];
    }
  }
  if (is_utf8(out)) return out;
  const std::string repaired = json::dump(Json(out));
  return repaired.substr(1, repaired.size() - 2);
}

std::string node_label(const Node& node) {
  return node.function.empty() || node.function == node.id.str()
             ? node.id.str()
             : fmt::format("{}: {}", node.id.str(), node.function);
}

}  // namespace internal

namespace {

using internal::node_label;
using internal::printable;

constexpr std::size_t kLongestLabel = 80;

std::string dot_string(std::string_view text) {
  std::string out = "\"";
  for (const char c : printable(shorten(text, kLongestLabel))) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

// Mermaid has no escapes but character entities; a back quote would start Markdown.
std::string mermaid_string(std::string_view text) {
  std::string out = "\"";
  for (const char c : printable(shorten(text, kLongestLabel))) {
    if (std::string_view("\"#<>&`\\|").find(c) != std::string_view::npos) {
      out += fmt::format("#{};", static_cast<int>(c));
    } else {
      out += c;
    }
  }
  return out + '"';
}

struct Edge {
  std::size_t from;
  std::size_t to;
  std::string field;  // both "" for dependsOn
  std::string parameter;
};

// In document order; references to unknown steps are left out.
std::vector<Edge> edges_of(const Workflow& workflow) {
  std::unordered_map<NodeId, std::size_t> index;
  for (std::size_t i = 0; i < workflow.nodes.size(); ++i) index.emplace(workflow.nodes[i].id, i);
  std::vector<Edge> edges;
  for (std::size_t to = 0; to < workflow.nodes.size(); ++to) {
    const Node& node = workflow.nodes[to];
    for (const NamedBinding& argument : node.arguments) {
      for_each_reference(argument.binding, [&](const auto& reference) {
        if constexpr (requires { reference.node; }) {
          const auto from = index.find(reference.node);
          if (from == index.end()) return;
          const std::string field = reference.field.empty() ? "output" : reference.field;
          edges.push_back({from->second, to, field, argument.name});
        }
      });
    }
    for (const NodeId& id : node.depends_on) {
      if (const auto from = index.find(id); from != index.end()) {
        edges.push_back({from->second, to, "", ""});
      }
    }
  }
  return edges;
}

}  // namespace

std::string to_dot(const Workflow& workflow) {
  std::string out = fmt::format("digraph {} {{\n", dot_string(workflow.name));
  out += "  node [shape=box, style=rounded];\n";
  for (std::size_t i = 0; i < workflow.nodes.size(); ++i) {
    out += fmt::format("  n{} [label={}", i, dot_string(node_label(workflow.nodes[i])));
    if (const std::string& goal = workflow.nodes[i].goal; !goal.empty()) {
      out += fmt::format(", tooltip={}", dot_string(goal));
    }
    out += "];\n";
  }
  for (const Edge& edge : edges_of(workflow)) {
    const std::string label = fmt::format("{} -> {}", edge.field, edge.parameter);
    out += fmt::format("  n{} -> n{} [{}];\n", edge.from, edge.to,
                       edge.field.empty() ? "style=dashed" : "label=" + dot_string(label));
  }
  return out + "}\n";
}

std::string to_mermaid(const Workflow& workflow) {
  std::string out = "flowchart TD\n";
  for (std::size_t i = 0; i < workflow.nodes.size(); ++i) {
    out += fmt::format("  n{}[{}]\n", i, mermaid_string(node_label(workflow.nodes[i])));
  }
  for (const Edge& edge : edges_of(workflow)) {
    const std::string label = fmt::format("{} → {}", edge.field, edge.parameter);
    out += edge.field.empty()
               ? fmt::format("  n{} -.-> n{}\n", edge.from, edge.to)
               : fmt::format("  n{} -->|{}| n{}\n", edge.from, mermaid_string(label), edge.to);
  }
  return out;
}

}  // namespace ae::dag
