#include <array>

#include "compile/compiler.h"

namespace ae::compile::stepfunctions {
namespace {

class StepFunctions final : public CompilerTarget {
 public:
  std::string_view name() const override { return "stepfunctions"; }
  std::string_view description() const override {
    return "AWS Step Functions (Amazon States Language) and a SAM template that deploys it";
  }
  std::span<const OptionInfo> options() const override {
    static constexpr std::array kOptions{
        OptionInfo{"query-language", "jsonata | jsonpath", "jsonata",
                   "the language in which data are passed on"},
    };
    return kOptions;
  }
  Result<Compiled> compile(const dag::LinkedWorkflow& workflow,
                           const TargetOptions& options) const override;
};

Result<Compiled> StepFunctions::compile(const dag::LinkedWorkflow& workflow,
                                        const TargetOptions& options) const {
  (void)workflow;
  (void)options;
  return fail(ErrorCode::kUnimplemented, "this target is being written");
}

}  // namespace

const CompilerTarget& target() {
  static const StepFunctions kTarget;
  return kTarget;
}

}  // namespace ae::compile::stepfunctions
