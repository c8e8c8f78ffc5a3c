// An evaluation as one HTML page without anything from elsewhere: tables, plots, failures.
#pragma once

#include <string>

#include "evaluate/evaluate.h"

namespace ae::evaluate {

std::string html_report(const Dataset& dataset, const Options& options,
                        const Evaluation& evaluation);

}  // namespace ae::evaluate
