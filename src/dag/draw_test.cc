#include "dag/draw.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/text.h"
#include "dag/serialize.h"

namespace ae::dag {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Workflow read(const std::string& body) {
  return parse_workflow_text("apiVersion: actionengine/v1\nkind: Workflow\nmetadata: {name: w}\n" +
                             body)
      .value()
      .workflow;
}

std::string drawn(const std::string& body) { return to_terminal(read(body), Colour::kOff); }

TEST(TerminalTest, AChainIsOneRail) {
  EXPECT_EQ(drawn(R"(
nodes:
  - {id: username2id, function: username2id, arguments: {username: {input: username}}}
  - {id: getusermood, function: getusermood, arguments: {user_id: {node: username2id, output: user_id}}}
outputs: {mood: {node: getusermood, output: mood}}
)"),
            "● username2id   username = input username\n"
            "│ user_id\n"
            "● getusermood   user_id  = username2id.user_id\n"
            "◇ result        mood     = getusermood.mood\n");
}

TEST(TerminalTest, ADiamondForksAndJoins) {
  EXPECT_EQ(drawn(R"(
nodes:
  - {id: a, function: a}
  - {id: b, function: b, arguments: {v: {node: a, output: v}}}
  - {id: c, function: c, arguments: {v: {node: a, output: v}, limit: {value: 3}}}
  - {id: d, function: d, arguments: {left: {node: b, output: l}, right: {node: c, output: r}}}
)"),
            "●   a\n"
            "├─╮ v\n"
            "● │ b   v     = a.v\n"
            "│ │ l\n"
            "│ ● c   v     = a.v\n"
            "│ │     limit = 3\n"
            "├─╯ r\n"
            "●   d   left  = b.l\n"
            "        right = c.r\n");
}

TEST(TerminalTest, IndependentChainsRunSideBySide) {
  EXPECT_EQ(drawn(R"(
nodes:
  - {id: a1, function: f}
  - {id: b1, function: f}
  - {id: a2, function: f, arguments: {x: {node: a1, output: o}}}
  - {id: b2, function: f, arguments: {x: {node: b1, output: o}}}
)"),
            "●   a1: f\n"
            "│   o\n"
            "│ ● b1: f\n"
            "│ │ o\n"
            "● │ a2: f   x = a1.o\n"
            "  ● b2: f   x = b1.o\n");
}

TEST(TerminalTest, AFanOutOfFourComesTogetherAgain) {
  EXPECT_EQ(drawn(R"(
nodes:
  - {id: s, function: s}
  - {id: p0, function: p0, arguments: {v: {node: s, output: v}}}
  - {id: p1, function: p1, arguments: {v: {node: s, output: v}}}
  - {id: p2, function: p2, arguments: {v: {node: s, output: v}}}
  - {id: p3, function: p3, arguments: {v: {node: s, output: v}}}
  - {id: j, function: j, dependsOn: [p1], arguments: {all: {list: [{node: p0, output: o}, {node: p2, output: o}, {node: p3}]}}}
)"),
            "●       s\n"
            "├─┬─┬─╮ v\n"
            "● │ │ │ p0   v   = s.v\n"
            "│ │ │ │ o\n"
            "│ ● │ │ p1   v   = s.v\n"
            "├─╯ │ │\n"
            "│   ● │ p2   v   = s.v\n"
            "├───╯ │ o\n"
            "│     ● p3   v   = s.v\n"
            "├─────╯\n"
            "●       j    all = [p0.o, p2.o, p3]\n"
            "             after p1\n");
}

TEST(TerminalTest, ARailThatIsCrossedStaysWhole) {
  EXPECT_THAT(drawn(R"(
nodes:
  - {id: a, function: a}
  - {id: b, function: b}
  - {id: c, function: c, arguments: {x: {node: a, output: p}, y: {node: b, output: q}}}
  - {id: d, function: d, arguments: {x: {node: a, output: p}}}
  - {id: e, function: e, arguments: {x: {node: b, output: q}, y: {node: d, output: z}}}
)"),
              HasSubstr("├─│─┤ q\n"));
}

TEST(TerminalTest, ColourAddsSequencesAndNothingElse) {
  const Workflow w = read("nodes: [{id: a, function: a}, {id: b, function: b, dependsOn: [a]}]");
  std::string coloured = to_terminal(w, Colour::kOn);
  EXPECT_THAT(coloured, HasSubstr("\x1b[36m●\x1b[0m"));
  for (std::size_t at; (at = coloured.find('\x1b')) != std::string::npos;) {
    coloured.erase(at, coloured.find('m', at) - at + 1);
  }
  std::string trimmed;  // trailing blanks inside a bold label are allowed
  for (const std::string_view line : split(coloured, '\n')) {
    trimmed += std::string(line.substr(0, line.find_last_not_of(' ') + 1)) + "\n";
  }
  EXPECT_EQ(trimmed, to_terminal(w, Colour::kOff) + "\n");
}

TEST(TerminalTest, AHundredParallelStepsAreListedWithoutRails) {
  Workflow w = read("nodes: [{id: s, function: s}]");
  for (int i = 0; i < 100; ++i) {
    Node node;
    node.id = NodeId("p" + std::to_string(i));
    node.function = "f";
    node.depends_on = {NodeId("s")};
    w.nodes.push_back(node);
  }
  const std::string text = to_terminal(w, Colour::kOff);
  EXPECT_THAT(text, HasSubstr("● p99: f   after s\n"));
  EXPECT_THAT(text, Not(HasSubstr("┬")));
}

TEST(TerminalTest, ACycleIsDrawnAsFarAsItGoes) {
  EXPECT_THAT(
      drawn("nodes: [{id: a, function: a, dependsOn: [b]}, {id: b, function: b, dependsOn: [a]}]"),
      HasSubstr("● b   after a\n"));
}

Workflow hostile() {
  Workflow w = read("nodes: [{id: a, function: f}, {id: b, function: g}]");
  w.name = "x\"]; evil [label=\"";
  w.nodes[0].function =
      "a\\\"\n];evil->evil[x=\"\x1b[31m\xc2\x9b"
      "\xe2\x80\xae`<b>#quot;|";
  w.nodes[0].goal = "\"\\";
  w.nodes[1].arguments.push_back({"p\"|\\", {OutputRef{NodeId("a"), "f\"] -> x [\r\n"}}});
  return w;
}

// Every quote inside a string is escaped: outside of strings only our own words remain.
TEST(DotTest, HostileNamesStayInsideTheirStrings) {
  const std::string dot = to_dot(hostile());
  std::string outside;
  bool inside = false;
  for (std::size_t i = 0; i < dot.size(); ++i) {
    if (inside && dot[i] == '\\') {
      ++i;
      continue;
    }
    if (dot[i] == '"') {
      inside = !inside;
    } else if (!inside) {
      outside += dot[i];
    }
  }
  EXPECT_FALSE(inside);
  EXPECT_EQ(outside,
            "digraph  {\n  node [shape=box, style=rounded];\n  n0 [label=, tooltip=];\n"
            "  n1 [label=];\n  n0 -> n1 [label=];\n}\n");
}

TEST(MermaidTest, HostileNamesStayInsideTheirStrings) {
  const std::string text = to_mermaid(hostile());
  EXPECT_EQ(std::ranges::count(text, '"'), 6);
  EXPECT_EQ(std::ranges::count(text, '\n'), 4);
  EXPECT_THAT(text, Not(HasSubstr("`")));
  EXPECT_THAT(text, Not(HasSubstr("<")));
}

TEST(DrawTest, NothingThatMovesACursorComesThrough) {
  for (const std::string& text :
       {to_dot(hostile()), to_mermaid(hostile()), to_terminal(hostile(), Colour::kOff)}) {
    EXPECT_EQ(text.find('\x1b'), std::string::npos);
    EXPECT_EQ(text.find("\xc2\x9b"), std::string::npos);
    EXPECT_EQ(text.find("\xe2\x80\xae"), std::string::npos);
    EXPECT_TRUE(is_utf8(text));
  }
}

TEST(DrawTest, DotAndMermaidNameFieldsAndDashOrder) {
  const Workflow w = read(R"(
nodes:
  - {id: a, function: a}
  - {id: b, function: b, arguments: {x: {node: a, output: song.title}}}
  - {id: c, function: c, dependsOn: [a, gone]}
)");
  EXPECT_THAT(to_dot(w),
              HasSubstr("n0 -> n1 [label=\"song.title -> x\"];\n  n0 -> n2 [style=dashed];"));
  EXPECT_THAT(to_mermaid(w), HasSubstr("n0 -->|\"song.title → x\"| n1\n  n0 -.-> n2\n"));
}

}  // namespace
}  // namespace ae::dag
