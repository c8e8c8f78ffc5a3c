#include "repository/infer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "base/file.h"
#include "json/schema.h"
#include "repository/internal/name_words.h"
#include "repository/internal/python_reader.h"

namespace ae::repository {
namespace {

namespace fs = std::filesystem;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;

// A schema in short: "{bucket: string, key!: string, sizes: [integer]}"; "!" is required, "=x" a
// default, "any" unknown.
std::string brief(const Json& schema) {
  const Json* type = json::find(schema, "type");
  std::string text = type == nullptr     ? "any"
                     : type->is_string() ? type->get<std::string>()
                                         : json::dump(*type);
  const Json* properties = json::find(schema, "properties");
  if (properties != nullptr) {
    std::string members;
    const Json* required = json::find(schema, "required");
    for (const auto& [name, member] : properties->items()) {
      const bool needed = required != nullptr &&
                          std::find(required->begin(), required->end(), name) != required->end();
      members += (members.empty() ? "" : ", ") + name + (needed ? "!" : "") + ": " + brief(member);
    }
    text = "{" + members + "}";
  } else if (const Json* items = json::find(schema, "items")) {
    text = "[" + brief(*items) + "]";
  }
  const Json* fallback = json::find(schema, "default");
  return fallback == nullptr ? text : text + "=" + json::dump(*fallback);
}

struct Style {
  std::string name;
  std::string code;
  std::string input;
  std::string output;
};
void PrintTo(const Style& style, std::ostream* out) { *out << style.name; }

Inference infer(const std::string& file, const std::string& code, const std::string& handler,
                const std::string& runtime) {
  const TemporaryFolder folder;
  EXPECT_TRUE(write_file_atomically(folder.path() / file, code));
  return infer_from_code(folder.path(), {.folder = "", .handler = handler, .runtime = runtime},
                         "/usr/bin/python3");
}

class PythonStyles : public testing::TestWithParam<Style> {};

TEST_P(PythonStyles, AreRead) {
  const Inference found =
      infer("lambda_function.py", GetParam().code, "lambda_function.lambda_handler", "python3.11");
  EXPECT_EQ(found.failure, "");
  EXPECT_EQ(brief(found.input), GetParam().input);
  EXPECT_EQ(brief(found.output), GetParam().output);
  EXPECT_TRUE(json::check_schema(found.input).empty());
  EXPECT_TRUE(json::check_schema(found.output).empty());
}

#define HANDLER "def lambda_handler(event, context):\n"

INSTANTIATE_TEST_SUITE_P(
    Input, PythonStyles,
    testing::Values(
        Style{"subscript", HANDLER "    return {'id': event['user_id'].strip()}\n",
              "{user_id!: string}", "{id!: string}"},
        Style{"get", HANDLER "    return {'n': event.get('n')}\n", "{n: any}", "{n!: any}"},
        Style{"get_with_default", HANDLER "    return {'n': event.get('n', 5) + 1}\n",
              "{n: integer=5}", "{n!: integer}"},
        Style{"conversions",
              HANDLER "    w = int(event['w'])\n    f = float(event['f'])\n"
                      "    return {'area': w * f, 'w': w}\n",
              "{w!: integer, f!: number}", "{area!: number, w!: integer}"},
        Style{"alias", HANDLER "    e = event\n    p = e['p']\n    return {'p': p.upper()}\n",
              "{p!: string}", "{p!: string}"},
        Style{"tuple", HANDLER "    a, b = event['a'], event['b']\n    return {'sum': a + 2 * b}\n",
              "{a!: number, b!: number}", "{sum!: number}"},
        Style{"nested",
              HANDLER "    city = event['address']['city']\n    return {'city': city.title()}\n",
              "{address!: {city!: string}}", "{city!: string}"},
        Style{"list",
              HANDLER
              "    return {'total': sum(i['price'] * i['count'] for i in event['items'])}\n",
              "{items!: [{price: number, count: number}]}", "{total!: number}"},
        Style{"guarded",
              HANDLER "    if 'tag' in event:\n        return {'tag': event['tag']}\n"
                      "    return {'tag': 'none'}\n",
              "{tag: any}", "{tag!: string}"},
        Style{"missing_raises",
              HANDLER "    name = event.get('name')\n    if not name:\n"
                      "        raise ValueError('name')\n    return {'hello': 'Hi ' + name}\n",
              "{name!: string}", "{hello!: string}"},
        Style{"either_missing_raises",
              HANDLER "    a = event.get('a')\n    b = event.get('b')\n"
                      "    if not a or b is None:\n        raise ValueError()\n    return {}\n",
              "{a!: any, b!: any}", "{}"},
        Style{"or_default", HANDLER "    return {'n': int(event.get('limit') or 10)}\n",
              "{limit: integer=10}", "{n!: integer}"},
        Style{"caught",
              HANDLER "    try:\n        n = event['n']\n    except KeyError:\n        n = 3\n"
                      "    return {'n': n}\n",
              "{n: any}", "{n!: integer}"},
        Style{"helper",
              "def area(width: int, height: int = 2):\n    return width * height\n" HANDLER
              "    return {'area': area(event['width'], event['height'])}\n",
              "{width!: integer, height!: integer}", "{area!: integer}"},
        Style{"spread_into_a_helper",
              "def greet(name: str, polite: bool = False):\n    return f'Hi {name}'\n" HANDLER
              "    return {'text': greet(**event)}\n",
              "{name!: string, polite: boolean=false}", "{text!: string}"},
        Style{"dataclass",
              "from dataclasses import dataclass\n@dataclass\nclass Order:\n    product: str\n"
              "    count: int = 1\n" HANDLER
              "    order = Order(**event)\n    return {'product': order.product}\n",
              "{product!: string, count: integer=1}", "{product!: string}"},
        Style{"typed_dict",
              "from typing import TypedDict\nclass In(TypedDict):\n    a: int\n    b: str\n"
              "def lambda_handler(event: In, context):\n    return {'a': event['a']}\n",
              "{a!: integer, b!: string}", "{a!: integer}"},
        Style{"match",
              HANDLER "    match event['op']:\n        case 'a':\n            return {'r': 1}\n"
                      "        case _:\n            return {'r': 2}\n",
              "{op!: string}", "{r!: integer}"},
        Style{"s3_arguments",
              "import boto3\n" HANDLER
              "    boto3.client('s3').get_object(Bucket=event['b'], Key=event['k'])\n"
              "    return {'done': True}\n",
              "{b!: string, k!: string}", "{done!: boolean}"},
        Style{"base64",
              "import base64\n" HANDLER
              "    data = base64.b64decode(event['data'])\n    return {'size': len(data)}\n",
              "{data!: string}", "{size!: integer}"},
        Style{"no_input", HANDLER "    return {'pong': True}\n", "{}", "{pong!: boolean}"},
        Style{"whole_event_goes_elsewhere",
              "import other\n" HANDLER "    return other.handle(event)\n", "any", "any"}),
    [](const auto& one) { return one.param.name; });

INSTANTIATE_TEST_SUITE_P(
    ApiGateway, PythonStyles,
    testing::Values(
        Style{"body",
              "import json\n" HANDLER
              "    body = json.loads(event['body'])\n    return {'statusCode': 200, 'body': "
              "json.dumps({'double': body['n'] * 2})}\n",
              "{n!: number}", "{double!: number}"},
        Style{"body_or_event",
              "import json\n" HANDLER
              "    body = json.loads(event['body']) if 'body' in event else event\n"
              "    return {'x': body['x']}\n",
              "{x!: any}", "{x!: any}"},
        Style{"body_that_may_be_text",
              "import json\n" HANDLER "    body = event.get('body', event)\n"
              "    if isinstance(body, str):\n        body = json.loads(body)\n"
              "    return {'x': body['x'].lower()}\n",
              "{x!: string}", "{x!: string}"},
        Style{"query_parameters",
              HANDLER "    q = event['queryStringParameters']['q']\n    return {'statusCode': 200, "
                      "'body': q}\n",
              "{q!: any}", "{statusCode!: integer, body!: any}"},
        Style{"failures_are_no_outputs",
              "import json\n" HANDLER "    if not event.get('id'):\n"
              "        return {'statusCode': 400, 'body': json.dumps({'error': 'no id'})}\n"
              "    return {'statusCode': 200, 'body': json.dumps({'id': event['id']})}\n",
              "{id!: any}", "{id!: any}"},
        Style{"answer_helper",
              "import json\ndef answer(status, body):\n"
              "    return {'statusCode': status, 'body': json.dumps(body)}\n" HANDLER
              "    if 'a' not in event:\n        return answer(400, {'error': 'a'})\n"
              "    return answer(200, {'b': len(event['a'])})\n",
              "{a!: any}", "{b!: integer}"}),
    [](const auto& one) { return one.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Output, PythonStyles,
    testing::Values(
        Style{"variable",
              HANDLER "    result = {'a': 1}\n    result['b'] = 'x'\n    return result\n", "{}",
              "{a!: integer, b!: string}"},
        Style{"sometimes",
              HANDLER "    out = {'a': 1}\n    if event.get('more'):\n        out['b'] = 2.5\n"
                      "    return out\n",
              "{more: any}", "{a!: integer, b: number}"},
        Style{"two_returns",
              HANDLER "    if event['x'] > 1:\n        return {'a': 1, 'b': 'x'}\n"
                      "    return {'a': 2.5}\n",
              "{x!: number}", "{a!: number, b: string}"},
        Style{"comprehension",
              HANDLER "    return {'names': [n.upper() for n in event['names']]}\n",
              "{names!: [string]}", "{names!: [string]}"},
        Style{"appended",
              HANDLER "    found = []\n    for i in range(3):\n        found.append({'i': i})\n"
                      "    return {'found': found}\n",
              "{}", "{found!: [{i!: integer}]}"},
        Style{"dict_call_and_spread",
              HANDLER "    base = dict(a=1)\n    return {**base, 'b': True}\n", "{}",
              "{a!: integer, b!: boolean}"},
        Style{"times",
              "from datetime import datetime\n" HANDLER
              "    return {'at': datetime.now().isoformat()}\n",
              "{}", "{at!: string}"},
        Style{"table",
              "RATES = {'EUR': 1.0, 'USD': 1.1}\n" HANDLER
              "    return {'rate': RATES[event['currency']]}\n",
              "{currency!: string}", "{rate!: number}"},
        Style{"bare_list", HANDLER "    return [1, 2]\n", "{}", "[integer]"},
        Style{"nothing", HANDLER "    print('x')\n", "{}", "any"}),
    [](const auto& one) { return one.param.name; });

TEST(PythonInference, FindsDescriptionsTypesAndErrorsInDocumentation) {
  const Inference found = infer("app.py",
                                "\"\"\"Module.\"\"\"\n"
                                "def handler(event, context):\n"
                                "    \"\"\"Resizes a picture.\n\n"
                                "    Args:\n"
                                "        width (int): how wide it becomes\n\n"
                                "    Returns:\n"
                                "        url: where it is\n"
                                "    \"\"\"\n"
                                "    key = event['key']  # the picture's name\n"
                                "    width = event['width']\n"
                                "    if width == 0:\n        raise ValueError('0')\n"
                                "    return {'url': f'http://x/{key}/{width}'}\n",
                                "app.handler", "python3.12");
  EXPECT_EQ(found.description, "Resizes a picture.");
  EXPECT_EQ(found.input["properties"]["key"]["description"], "the picture's name");
  EXPECT_EQ(found.input["properties"]["width"]["description"], "how wide it becomes");
  EXPECT_EQ(found.output["properties"]["url"]["description"], "where it is");
  EXPECT_THAT(found.errors, ElementsAre("ValueError"));
}

TEST(PythonInference, NotesWhichEventTheHandlerWants) {
  const std::string api =
      "import json\ndef handler(event, context):\n    return json.loads(event['body'])['x']\n";
  EXPECT_EQ(infer("app.py", api, "app.handler", "python3.11").event, dag::EventFormat::kApiGateway);
  const std::string plain = "def handler(event, context):\n    return event['x']\n";
  EXPECT_EQ(infer("app.py", plain, "app.handler", "python3.11").event, dag::EventFormat::kPlain);
}

TEST(PythonInference, SaysNothingOfBoilerplate) {
  const auto described = [](const std::string& text) {
    return infer("app.py", "def handler(event, context):\n    \"\"\"" + text + "\"\"\"\n",
                 "app.handler", "python3.11")
        .description;
  };
  EXPECT_EQ(described("Lambda handler"), "");
  EXPECT_EQ(described("Sample pure Lambda function"), "");
  EXPECT_EQ(described("AWS Lambda handler function."), "");
  EXPECT_EQ(described("Handles the payment of an order."), "Handles the payment of an order.");
}

TEST(PythonInference, RunsNothingOfTheCodeAndSurvivesIt) {
  const fs::path witness = fs::temp_directory_path() / "ae-inference-witness";
  fs::remove(witness);
  const std::string evil = "open('" + witness.string() +
                           "', 'w')\nimport os; os.abort()\n"
                           "def handler(event, context):\n    return {'a': event['a']}\n";
  EXPECT_EQ(brief(infer("app.py", evil, "app.handler", "python3.11").input), "{a!: any}");
  EXPECT_FALSE(fs::exists(witness));
  for (const std::string& code :
       {std::string("def handler(event, context:\n"), std::string(100'000, '('),
        "x = " + std::string(50'000, '-') + "1\ndef handler(e, c):\n    return 1\n",
        std::string("def other(): pass\n")}) {
    const Inference found = infer("app.py", code, "app.handler", "python3.11");
    EXPECT_NE(found.failure, "");
    EXPECT_EQ(found.output, Json::object());
  }
}

TEST(PythonInference, NeedsAnInterpreter) {
  const auto answer = internal::ask_python("/no/such/python", Json::object());
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::kFailedPrecondition);
}

class JavascriptStyles : public testing::TestWithParam<Style> {};

TEST_P(JavascriptStyles, AreRead) {
  const Inference found = infer("index.mjs", GetParam().code, "index.handler", "nodejs22.x");
  EXPECT_EQ(found.failure, "");
  EXPECT_EQ(brief(found.input), GetParam().input);
  EXPECT_EQ(brief(found.output), GetParam().output);
}

INSTANTIATE_TEST_SUITE_P(
    Styles, JavascriptStyles,
    testing::Values(
        Style{"members",
              "export const handler = async (event) => {\n"
              "  return { text: event.text.toUpperCase(), n: event.list.length };\n};\n",
              "{text!: string, list!: any}", "{text!: string, n!: integer}"},
        Style{"destructured_parameter",
              "exports.handler = async ({ a, b = 2 }) => ({ product: a * b });\n",
              "{a!: number, b: integer=2}", "{product!: number}"},
        Style{"destructured_variable",
              "exports.handler = async function (event, context) {\n"
              "  const { key, size: { width } } = event;\n"
              "  return { where: `${key}/${width}` };\n}\n",
              "{key!: any, size!: {width!: any}}", "{where!: string}"},
        Style{"body",
              "export async function handler(event) {\n"
              "  const body = JSON.parse(event.body);\n"
              "  return { statusCode: 200, body: JSON.stringify({ ok: true, n: Number(body.n) }) "
              "};\n}\n",
              "{n!: number}", "{ok!: boolean, n!: number}"},
        Style{"body_or_event",
              "export const handler = async (event) => {\n"
              "  const input = event.body ? JSON.parse(event.body) : event;\n"
              "  return { id: input.id };\n};\n",
              "{id!: any}", "{id!: any}"},
        Style{"defaults",
              "module.exports.handler = async (event) => {\n"
              "  const limit = event.limit ?? 10;\n  const name = event.name || 'x';\n"
              "  return { limit, name };\n};\n",
              "{limit: integer=10, name: string=\"x\"}", "{limit!: integer, name!: string}"},
        Style{"missing_throws",
              "const handler = async (event) => {\n"
              "  if (!event.id) throw new TypeError('id');\n  return { done: true };\n};\n"
              "module.exports = { handler };\n",
              "{id!: any}", "{done!: boolean}"},
        Style{"list",
              "export const handler = async (event) => {\n"
              "  const total = event.items.reduce((sum, item) => sum + item.price * item.count, "
              "0);\n  return { total, names: event.items.map((i) => i.name) };\n};\n",
              "{items!: [{price!: number, count!: number, name!: any}]}",
              "{total!: any, names!: array}"},
        Style{"answer_helper",
              "const answer = (status, body) => ({ statusCode: status, body: JSON.stringify(body) "
              "});\nexports.handler = async (event) => {\n"
              "  if (!event.a) return answer(400, { error: 'a' });\n"
              "  return answer(200, { b: event.a.trim() });\n};\n",
              "{a!: string}", "{b!: string}"},
        Style{"variable",
              "exports.handler = async (event) => {\n  const result = { a: 1 };\n"
              "  result.b = 'x';\n  return result;\n};\n",
              "{}", "{a!: integer, b: string}"},
        Style{"optional_chain",
              "exports.handler = async (event) => ({ city: event.address?.city ?? 'Oslo' });\n",
              "{address: {city: string=\"Oslo\"}}", "{city!: string}"},
        Style{"wrapped",
              "const base = async (event) => ({ x: parseInt(event.x, 10) });\n"
              "export const handler = middy(base).use(json());\n",
              "{x!: integer}", "{x!: integer}"},
        Style{"bracket_names",
              "exports.handler = async (event) => { return { v: event['the-key'] + 1 }; };\n",
              "{the-key!: number}", "{v!: number}"}),
    [](const auto& one) { return one.param.name; });

TEST(JavascriptInference, ReadsJsdoc) {
  const Inference found = infer("index.js",
                                "/**\n * Makes a slug of a title.\n *\n"
                                " * @param {object} event\n"
                                " * @param {string} event.title - what to shorten\n"
                                " * @param {number} [event.max=40] - at most so long\n */\n"
                                "exports.handler = async (event) => ({ slug: cut(event) });\n",
                                "index.handler", "nodejs22.x");
  EXPECT_EQ(found.description, "Makes a slug of a title.");
  EXPECT_EQ(brief(found.input), "{title: string, max: number}");
  EXPECT_EQ(found.input["properties"]["title"]["description"], "what to shorten");
}

TEST(JavascriptInference, SurvivesWhatIsNoJavascript) {
  for (const std::string& code :
       {std::string("}}}{{{((("), std::string(20'000, '{'), std::string("exports.handler = "),
        std::string("exports.handler = async (event) => { return {"), std::string("/*")}) {
    const Inference found = infer("index.js", code, "index.handler", "nodejs22.x");
    EXPECT_TRUE(json::check_schema(found.input).empty()) << code.substr(0, 50);
  }
}

TEST(Names, AreCutIntoWords) {
  EXPECT_THAT(internal::name_words("getimagefroms3"), ElementsAre("get", "image", "from", "s3"));
  EXPECT_THAT(internal::name_words("uploadImageToS3"), ElementsAre("upload", "image", "to", "s3"));
  EXPECT_THAT(internal::name_words("send_email-v2"), Contains("email"));
  EXPECT_THAT(internal::name_words("xyzzyfrob"), ElementsAre("xyzzyfrob"));
  EXPECT_EQ(describe_name("generatepublicurl"), "Generate public url.");
  EXPECT_EQ(describe_name("ResizeImage"), "Resize image.");
}

TEST(Shapes, AreWhatValuesHaveInCommon) {
  const Json seen = schema_of_values({Json{{"a", 1}, {"b", "x"}}, Json{{"a", 2.5}}});
  EXPECT_EQ(brief(seen), "{a!: number, b: string}");
  EXPECT_EQ(json::dump(seen).find('x'), std::string::npos) << "no value leaves";
  EXPECT_EQ(brief(schema_of_values({Json::array({1, 2}), Json::array()})), "[integer]");
  EXPECT_EQ(schema_of_values({}), Json::object());
}

TEST(Shapes, FillInWhatAGuessLeavesOpen) {
  const Json guess = json::parse(R"({"type": "object", "required": ["a", "b"], "properties":
      {"a": {}, "b": {"type": "integer"}, "c": {"type": "string", "description": "kept"}}})")
                         .value();
  const Json seen =
      schema_of_values({Json{{"a", "x"}, {"b", "5"}, {"d", true}}, Json{{"a", "y"}, {"d", false}}});
  const Json better = refined(guess, seen);
  EXPECT_EQ(brief(better), R"({a!: string, b: ["integer","string"], c: string, d: boolean})");
  EXPECT_EQ(better["properties"]["c"]["description"], "kept");
}

}  // namespace
}  // namespace ae::repository
