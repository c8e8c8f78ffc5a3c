// What a state says in either query language.
#pragma once

#include "compile/stepfunctions/asl_writer.h"
#include "compile/stepfunctions/machine.h"

namespace ae::compile::stepfunctions {

inline constexpr std::string_view kInvokeLambda = "arn:aws:states:::lambda:invoke";
inline constexpr std::string_view kInvokeHttp = "arn:aws:states:::http:invoke";
// With a space, which no step's id has.
inline constexpr std::string_view kCheckInput = "Check the input";
inline constexpr std::string_view kRefuseInput = "Refuse the input";
inline constexpr std::string_view kTakeInput = "Take the input";
inline constexpr std::string_view kReturn = "Return the outputs";

bool calls_http(const Machine& machine, std::size_t step);

// "Comment" with the step's goal, if it has one.
void write_goal(AslWriter& out, const Machine& machine, std::size_t step);
// The value of FunctionName: an ARN, or the substitution of a function that the template deploys.
void write_function_name(AslWriter& out, const Machine& machine, std::size_t step);
// The members of an HTTP task's arguments before RequestBody.
void write_http_target(AslWriter& out, const Machine& machine, std::size_t step,
                       const Options& options);
// "TimeoutSeconds" and "Retry".
void write_limits(AslWriter& out, const Machine& machine, std::size_t step);
// "Next", or "End" when `next` is empty.
void write_next(AslWriter& out, std::string_view next);
// The machine's own members before "States", and `start`.
void write_head(AslWriter& out, const Machine& machine, std::string_view language,
                std::string_view start);

// The first state of a block.
const Block& first_step(const Block& block);
// `block` as a sequence: its children, or itself.
std::vector<const Block*> sequence_of(const Block& block);

// "username (string), size (integer or null)": the inputs that a call must bring.
std::string required_text(const Machine& machine);

}  // namespace ae::compile::stepfunctions
