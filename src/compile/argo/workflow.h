// A plan, written down.
#pragma once

#include "compile/argo/plan.h"

namespace ae::compile::argo {

// The Workflow, or the WorkflowTemplate, or that and a Workflow that runs it.
std::vector<ArtifactFile> workflow_files(const dag::LinkedWorkflow& linked, const Plan& plan,
                                         const Settings& settings);

// A Knative Service for each local package.
std::vector<ArtifactFile> knative_files(const dag::LinkedWorkflow& linked, const Plan& plan,
                                        const Settings& settings);

}  // namespace ae::compile::argo
