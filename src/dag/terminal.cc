// The drawing for a terminal, from the top down as `git log --graph` draws history: a lane is a
// step that is still waiting for input, so a lane ends where its step stands.
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>

#include "base/text.h"
#include "dag/draw.h"
#include "dag/internal/label.h"
#include "dag/order.h"

namespace ae::dag {
namespace {

using internal::node_label;
using internal::printable;

constexpr std::size_t kMostLanes = 24;     // wider than that nobody follows a rail
constexpr std::size_t kLongestValue = 60;  // characters of a binding
constexpr std::size_t kWidestName = 20;    // parameters are aligned up to this width

std::size_t width(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80; }));
}

std::string padded(std::string text, std::size_t to) {
  const std::size_t have = width(text);
  if (have < to) text.append(to - have, ' ');
  return text;
}

std::string value_text(const Binding& binding);

struct ValueText {
  std::string operator()(const InputRef& reference) const { return "input " + reference.input; }
  std::string operator()(const OutputRef& reference) const {
    return reference.field.empty() ? reference.node.str()
                                   : fmt::format("{}.{}", reference.node, reference.field);
  }
  std::string operator()(const Literal& literal) const { return json::dump(literal.value); }
  std::string operator()(const ListBinding& list) const {
    std::vector<std::string> items;
    for (const Binding& item : list.items) items.push_back(value_text(item));
    return "[" + join(items, ", ") + "]";
  }
  std::string operator()(const ObjectBinding& object) const {
    std::vector<std::string> members;
    for (const NamedBinding& member : object.members) {
      members.push_back(fmt::format("{}: {}", member.name, value_text(member.binding)));
    }
    return "{" + join(members, ", ") + "}";
  }
};

std::string value_text(const Binding& binding) {
  return printable(shorten(std::visit(ValueText{}, binding.source), kLongestValue));
}

// The sides of a cell that a line leaves through.
constexpr unsigned kUp = 1;
constexpr unsigned kDown = 2;
constexpr unsigned kLeft = 4;
constexpr unsigned kRight = 8;

std::string_view line_character(unsigned sides) {
  switch (sides) {
    case kUp:
    case kDown:
    case kUp | kDown:
      return "│";
    case kLeft:
    case kRight:
    case kLeft | kRight:
      return "─";
    case kUp | kRight:
      return "╰";
    case kUp | kLeft:
      return "╯";
    case kDown | kRight:
      return "╭";
    case kDown | kLeft:
      return "╮";
    case kUp | kDown | kRight:
      return "├";
    case kUp | kDown | kLeft:
      return "┤";
    case kUp | kLeft | kRight:
      return "┴";
    case kDown | kLeft | kRight:
      return "┬";
    case kUp | kDown | kLeft | kRight:
      return "┼";
    default:
      return " ";
  }
}

class Painter final {
 public:
  explicit Painter(Colour colour) : on_(colour == Colour::kOn) {}
  std::string lane(std::size_t column, std::string_view text) const {
    static constexpr int kColours[] = {36, 33, 35, 32, 34, 31};
    if (!on_ || text == " ") return std::string(text);
    return fmt::format("\x1b[{}m{}\x1b[0m", kColours[column % std::size(kColours)], text);
  }
  std::string bold(std::string_view text) const { return wrapped("1", text); }
  std::string dim(std::string_view text) const { return wrapped("2", text); }

 private:
  std::string wrapped(std::string_view code, std::string_view text) const {
    return on_ && !text.empty() ? fmt::format("\x1b[{}m{}\x1b[0m", code, text) : std::string(text);
  }
  bool on_;
};

class Drawing final {
 public:
  Drawing(const Workflow& workflow, Colour colour) : workflow_(workflow), paint_(colour) {}

  std::string draw() {
    sort();
    measure();
    for (const std::size_t node : order_) {
      if (!draw_node(node)) return draw_list();
    }
    return finish();
  }

 private:
  struct Row {
    std::string rails;
    std::size_t columns = 0;
    std::string text;
  };

  // A cycle has no order: such a workflow is drawn as declared, without its backward edges.
  void sort() {
    if (auto order = topological_order(workflow_)) {
      order_ = *std::move(order);
    } else {
      for (std::size_t i = 0; i < workflow_.nodes.size(); ++i) order_.push_back(i);
    }
    rank_.resize(order_.size());
    for (std::size_t i = 0; i < order_.size(); ++i) rank_[order_[i]] = i;
    inputs_ = dependencies(workflow_);
    consumers_.resize(order_.size());
    for (const std::size_t node : order_) {
      for (const std::size_t input : inputs_[node]) {
        if (rank_[input] < rank_[node]) consumers_[input].push_back(node);
      }
    }
  }

  void measure() {
    const auto names = [&](const Bindings& bindings) {
      for (const NamedBinding& one : bindings) {
        name_width_ = std::max(name_width_, std::min(width(printable(one.name)), kWidestName));
      }
    };
    for (const Node& node : workflow_.nodes) {
      label_width_ = std::max(label_width_, width(printable(node_label(node))));
      names(node.arguments);
    }
    if (!workflow_.outputs.empty()) label_width_ = std::max<std::size_t>(label_width_, 6);
    names(workflow_.outputs);
  }

  std::vector<std::string> binding_lines(const Bindings& bindings) const {
    std::vector<std::string> lines;
    for (const NamedBinding& one : bindings) {
      lines.push_back(fmt::format("{} {} {}", padded(printable(shorten(one.name, 40)), name_width_),
                                  paint_.dim("="), value_text(one.binding)));
    }
    return lines;
  }

  std::vector<std::string> lines_of(const Node& node) const {
    std::vector<std::string> lines = binding_lines(node.arguments);
    if (!node.depends_on.empty()) {
      std::vector<std::string> ids;
      for (const NodeId& id : node.depends_on) ids.push_back(id.str());
      lines.push_back(paint_.dim("after " + printable(shorten(join(ids, ", "), kLongestValue))));
    }
    return lines;
  }

  void add_rows(std::string_view label, const std::vector<std::string>& lines,
                const auto& rails_of_row) {
    const std::size_t rows = std::max<std::size_t>(1, lines.size());
    for (std::size_t i = 0; i < rows; ++i) {
      Row row = rails_of_row(i);
      const std::string shown = padded(i == 0 ? printable(label) : "", label_width_);
      row.text = i == 0 ? paint_.bold(shown) : shown;
      if (i < lines.size()) row.text += "   " + lines[i];
      rows_.push_back(std::move(row));
    }
  }

  std::optional<std::size_t> lane_of(std::size_t node) const {
    const auto found = std::ranges::find(lanes_, std::optional(node));
    if (found == lanes_.end()) return std::nullopt;
    return static_cast<std::size_t>(found - lanes_.begin());
  }

  std::size_t free_lane(std::size_t from) {
    while (from < lanes_.size() && lanes_[from]) ++from;
    if (from == lanes_.size()) lanes_.emplace_back();
    return from;
  }

  // False when there are too many lanes to draw.
  bool draw_node(std::size_t node) {
    const std::size_t column = lane_of(node).value_or(lanes_.size());
    const std::size_t own = column < lanes_.size() ? column : free_lane(0);
    lanes_[own].reset();
    const bool goes_on = !consumers_[node].empty();
    add_rows(node_label(workflow_.nodes[node]), lines_of(workflow_.nodes[node]),
             [&](std::size_t i) {
               Row row;
               row.columns = lanes_.size();
               for (std::size_t k = 0; k < lanes_.size(); ++k) {
                 std::string_view cell = lanes_[k] ? "│" : " ";
                 if (k == own) cell = i == 0 ? "●" : (goes_on ? "│" : " ");
                 row.rails += paint_.lane(k, cell) + " ";
               }
               return row;
             });
    if (goes_on) connect(node, own);
    while (!lanes_.empty() && !lanes_.back()) lanes_.pop_back();
    return lanes_.size() <= kMostLanes;
  }

  // The row below a step: its lane goes on, forks, or joins lanes that already wait.
  void connect(std::size_t node, std::size_t own) {
    std::vector<std::optional<std::size_t>> before = lanes_;
    std::set<std::size_t> touched{own};
    bool continues = false;
    for (const std::size_t consumer : consumers_[node]) {
      if (const auto existing = lane_of(consumer)) {
        touched.insert(*existing);
      } else {
        const std::size_t lane = continues ? free_lane(own + 1) : own;
        continues = true;
        lanes_[lane] = consumer;
        touched.insert(lane);
        if (lanes_.size() > kMostLanes) return;
      }
    }
    before.resize(lanes_.size());
    const std::size_t first = *touched.begin();
    const std::size_t last = *touched.rbegin();
    Row row;
    row.columns = lanes_.size();
    for (std::size_t k = 0; k < lanes_.size(); ++k) {
      unsigned sides = 0;
      if (before[k] || k == own) sides |= kUp;
      if (lanes_[k]) sides |= kDown;
      const bool crossed = sides != 0 && !touched.contains(k);
      if (!crossed) {
        if (k > first && k <= last) sides |= kLeft;
        if (k >= first && k < last) sides |= kRight;
      }
      row.rails += paint_.lane(crossed ? k : own, line_character(sides));
      row.rails += k >= first && k < last ? paint_.lane(own, "─") : " ";
    }
    row.text = paint_.dim(used_fields(node));
    rows_.push_back(std::move(row));
  }

  std::string used_fields(std::size_t node) const {
    const NodeId& id = workflow_.nodes[node].id;
    std::vector<std::string> fields;
    for (const std::size_t consumer : consumers_[node]) {
      for (const NamedBinding& argument : workflow_.nodes[consumer].arguments) {
        for_each_reference(argument.binding, [&](const auto& reference) {
          if constexpr (requires { reference.node; }) {
            if (reference.node != id || reference.field.empty()) return;
            if (std::ranges::find(fields, reference.field) == fields.end()) {
              fields.push_back(reference.field);
            }
          }
        });
      }
    }
    return printable(shorten(join(fields, ", "), kLongestValue));
  }

  std::string draw_list() {
    rows_.clear();
    for (const std::size_t node : order_) {
      add_rows(node_label(workflow_.nodes[node]), lines_of(workflow_.nodes[node]),
               [&](std::size_t i) { return Row{i == 0 ? "● " : "  ", 1, ""}; });
    }
    return finish();
  }

  std::string finish() {
    if (!workflow_.outputs.empty()) {
      add_rows("result", binding_lines(workflow_.outputs),
               [&](std::size_t i) { return Row{i == 0 ? "◇ " : "  ", 1, ""}; });
    }
    std::size_t columns = 0;
    for (const Row& row : rows_) columns = std::max(columns, row.columns);
    std::string out;
    for (const Row& row : rows_) {
      std::string line = row.rails + std::string(2 * (columns - row.columns), ' ') + row.text;
      line.erase(line.find_last_not_of(' ') + 1);
      out += line + '\n';
    }
    return out;
  }

  const Workflow& workflow_;
  Painter paint_;
  std::vector<std::size_t> order_;
  std::vector<std::size_t> rank_;
  std::vector<std::vector<std::size_t>> inputs_;
  std::vector<std::vector<std::size_t>> consumers_;
  std::size_t label_width_ = 0;
  std::size_t name_width_ = 0;
  std::vector<std::optional<std::size_t>> lanes_;
  std::vector<Row> rows_;
};

}  // namespace

std::string to_terminal(const Workflow& workflow, Colour colour) {
  return Drawing(workflow, colour).draw();
}

}  // namespace ae::dag
