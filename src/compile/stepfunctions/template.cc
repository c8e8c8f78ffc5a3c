// The SAM template: functions, the machine with a role that may do what its steps do and no more,
// and an endpoint.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/text.h"
#include "compile/stepfunctions/common_states.h"
#include "json/yaml.h"

namespace ae::compile::stepfunctions {
namespace {

constexpr std::size_t kLongestDescription = 256;  // of a Lambda function

std::string scalar(std::string_view text) {
  return std::string(trim(json::dump_yaml(Json(std::string(text)))));
}

std::string identifier(std::string_view name) {
  std::string text;
  for (const std::string& word : identifier_words(name)) {
    for (std::size_t i = 0; i < word.size(); ++i) {
      const char c = word[i];
      const bool letter = c >= 'a' && c <= 'z';
      if (letter) text += static_cast<char>(i == 0 ? c - 32 : c);
      if (c >= '0' && c <= '9') text += c;
    }
  }
  return text.empty() || (text[0] >= '0' && text[0] <= '9') ? "Workflow" + text : text;
}

class Template final {
 public:
  Template(const Machine& machine, const Options& options)
      : machine_(machine),
        options_(options),
        workflow_(machine.linked->workflow),
        machine_id_(identifier(workflow_.name) + "StateMachine") {}

  std::string write() {
    line(0, "AWSTemplateFormatVersion: \"2010-09-09\"");
    line(0, "Transform: AWS::Serverless-2016-10-31");
    const std::string description = one_line(workflow_.description);
    line(0, "Description: " +
                scalar(shorten(description.empty() ? workflow_.name : description, 1000)));
    line(0, "");
    line(0, "Resources:");
    for (const DeployedFunction& function : machine_.functions) write_function(function);
    write_machine();
    if (options_.endpoint) write_endpoint();
    write_outputs();
    return std::move(out_);
  }

 private:
  void line(std::size_t indent, std::string_view text) {
    out_.append(text.empty() ? 0 : indent, ' ').append(text).append(1, '\n');
  }

  void write_comment(const DeployedFunction& function) {
    const std::size_t index = static_cast<std::size_t>(&function - machine_.functions.data());
    for (const std::size_t step : machine_.order) {
      if (machine_.function_of[step] != index) continue;
      const std::string goal = one_line(machine_.node(step).goal);
      const std::string& id = machine_.node(step).id.str();
      line(2, goal.empty() ? "# step " + id : fmt::format("# step {}: {}", id, goal));
    }
  }

  void write_function(const DeployedFunction& function) {
    const dag::FunctionSpec& spec = *function.spec;
    const auto* package = std::get_if<dag::LocalPackage>(&spec.binding);
    if (package == nullptr) return;
    write_comment(function);
    line(2, function.logical_id + ":");
    line(4, "Type: AWS::Serverless::Function");
    line(4, "Properties:");
    const std::string description = one_line(spec.description);
    if (!description.empty()) {
      line(6, "Description: " + scalar(shorten(description, kLongestDescription - 3)));
    }
    line(6, fmt::format("CodeUri: {}/", function.folder));
    if (!package->handler.empty()) line(6, "Handler: " + scalar(package->handler));
    line(6, "Runtime: " + scalar(package->runtime));
    line(6, fmt::format("MemorySize: {}",
                        std::clamp<std::int64_t>(spec.runtime.memory_mb, 128, 10'240)));
    line(6, fmt::format("Timeout: {}", function.timeout_seconds));
    if (!package->layers.empty()) line(6, "Layers:");
    for (std::size_t i = 0; i < package->layers.size(); ++i) {
      line(8, fmt::format("- !Ref {}Layer{}", function.logical_id, i + 1));
    }
    write_environment(spec.runtime);
    line(0, "");
    for (std::size_t i = 0; i < package->layers.size(); ++i) {
      line(2, fmt::format("{}Layer{}:", function.logical_id, i + 1));
      line(4, "Type: AWS::Serverless::LayerVersion");
      line(4, "Properties:");
      line(6, "ContentUri: " + layer_folder(function, i) + "/");
      line(0, "");
    }
  }

  void write_environment(const dag::RuntimeSettings& runtime) {
    std::vector<std::pair<std::string, std::string>> variables;
    for (const auto& [name, value] : runtime.environment) {
      if (!is_reserved_variable(name)) variables.emplace_back(name, value);
    }
    for (const std::string& secret : runtime.secrets) {
      variables.emplace_back(secret, fmt::format("{{{{resolve:secretsmanager:{}}}}}", secret));
    }
    if (variables.empty()) return;
    line(6, "Environment:");
    line(8, "Variables:");
    for (const auto& [name, value] : variables) {
      line(10, fmt::format("{}: {}", scalar(name), scalar(value)));
    }
  }

  void write_machine() {
    line(2, machine_id_ + ":");
    line(4, "Type: AWS::Serverless::StateMachine");
    line(4, "Properties:");
    line(6, fmt::format("Type: {}", options_.express ? "EXPRESS" : "STANDARD"));
    line(6, "DefinitionUri: statemachine.asl.json");
    if (!machine_.functions.empty()) line(6, "DefinitionSubstitutions:");
    for (const DeployedFunction& function : machine_.functions) {
      line(8, fmt::format("{}: !GetAtt {}.Arn", function.substitution, function.logical_id));
    }
    write_policies();
    line(0, "");
  }

  void write_policies() {
    std::vector<std::string> lambdas;
    std::set<std::string> urls;
    for (const DeployedFunction& function : machine_.functions) {
      lambdas.push_back("!GetAtt " + function.logical_id + ".Arn");
    }
    for (const std::size_t step : machine_.order) {
      const auto& binding = machine_.spec(step).binding;
      if (const auto* http = std::get_if<dag::HttpService>(&binding)) urls.insert(http->url);
      const auto* lambda = std::get_if<dag::LambdaFunction>(&binding);
      if (lambda == nullptr) continue;
      const std::string arn = scalar(lambda->arn);
      if (std::ranges::find(lambdas, arn) == lambdas.end()) lambdas.push_back(arn);
    }
    line(6, "Policies:");
    line(8, "- Version: \"2012-10-17\"");
    line(10, "Statement:");
    if (!lambdas.empty()) {
      statement("lambda:InvokeFunction");
      line(14, "Resource:");
      for (const std::string& arn : lambdas) line(16, "- " + arn);
    }
    if (!urls.empty()) write_http_policies(urls);
  }

  void statement(std::string_view action) {
    line(12, "- Effect: Allow");
    line(14, fmt::format("Action: {}", action));
  }

  void write_http_policies(const std::set<std::string>& urls) {
    statement("states:InvokeHTTPEndpoint");
    line(14, "Resource: \"*\"");
    line(14, "Condition:");
    line(16, "StringEquals:");
    line(18, "states:HTTPMethod: POST");
    line(18, "states:HTTPEndpoint:");
    for (const std::string& url : urls) line(20, "- " + scalar(url));
    statement("events:RetrieveConnectionCredentials");
    line(14, "Resource: " + scalar(options_.connection));
    statement("[secretsmanager:GetSecretValue, secretsmanager:DescribeSecret]");
    line(14,
         "Resource: !Sub \"arn:${AWS::Partition}:secretsmanager:${AWS::Region}:"
         "${AWS::AccountId}:secret:events!connection/*\"");
  }

  std::string_view action() const {
    return options_.express ? "StartSyncExecution" : "StartExecution";
  }

  void write_endpoint() {
    line(2, options_.express ? "# Runs the workflow and answers with its result."
                             : "# Starts the workflow and answers with the execution's ARN.");
    line(2, "Endpoint:");
    line(4, "Type: AWS::Serverless::HttpApi");
    line(4, "Properties:");
    line(6, "Auth:");
    line(8, "EnableIamAuthorizer: true");
    line(8, "DefaultAuthorizer: AWS_IAM");
    line(6, "DefinitionBody:");
    line(8, "openapi: 3.0.1");
    line(8, "info:");
    line(10, "title: " + scalar(workflow_.name));
    line(10, "version: \"1.0\"");
    line(8, "paths:");
    line(10, fmt::format("/{}:", workflow_.name));
    line(12, "post:");
    line(14, "responses:");
    line(16, "default:");
    line(18, fmt::format("description: {}", options_.express
                                                ? "The execution, with its output as JSON text"
                                                : "The execution's ARN"));
    line(14, "x-amazon-apigateway-integration:");
    line(16, "type: aws_proxy");
    line(16, fmt::format("integrationSubtype: StepFunctions-{}", action()));
    line(16, "payloadFormatVersion: \"1.0\"");
    line(16, "credentials: !GetAtt EndpointRole.Arn");
    line(16, "requestParameters:");
    line(18, fmt::format("StateMachineArn: !Ref {}", machine_id_));
    line(18, "Input: $request.body");
    line(0, "");
    line(2, "EndpointRole:");
    line(4, "Type: AWS::IAM::Role");
    line(4, "Properties:");
    line(6, "AssumeRolePolicyDocument:");
    line(8, "Version: \"2012-10-17\"");
    line(8, "Statement:");
    line(10, "- Effect: Allow");
    line(12, "Principal:");
    line(14, "Service: apigateway.amazonaws.com");
    line(12, "Action: sts:AssumeRole");
    line(6, "Policies:");
    line(8, "- PolicyName: StartTheStateMachine");
    line(10, "PolicyDocument:");
    line(12, "Version: \"2012-10-17\"");
    line(12, "Statement:");
    line(14, "- Effect: Allow");
    line(16, fmt::format("Action: states:{}", action()));
    line(16, fmt::format("Resource: !Ref {}", machine_id_));
    line(0, "");
  }

  void write_outputs() {
    line(0, "Outputs:");
    line(2, "StateMachineArn:");
    line(4, fmt::format("Value: !Ref {}", machine_id_));
    if (!options_.endpoint) return;
    line(2, "EndpointUrl:");
    line(4, fmt::format("Value: !Sub \"https://${{Endpoint}}.execute-api.${{AWS::Region}}."
                        "${{AWS::URLSuffix}}/{}\"",
                        workflow_.name));
  }

  const Machine& machine_;
  const Options& options_;
  const dag::Workflow& workflow_;
  std::string machine_id_;
  std::string out_;
};

}  // namespace

bool is_reserved_variable(std::string_view name) {
  return name.starts_with("AWS_") || name.starts_with("LAMBDA_") || name.starts_with("_");
}

std::string layer_folder(const DeployedFunction& function, std::size_t index) {
  return fmt::format("layers/{}-{}", function.folder.substr(function.folder.find('/') + 1),
                     index + 1);
}

std::string write_template(const Machine& machine, const Options& options) {
  return Template(machine, options).write();
}

}  // namespace ae::compile::stepfunctions
