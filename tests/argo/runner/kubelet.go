// Runs the pods that Argo's controller makes, without containers: a step's pod is its command, here
// curl, as a process with its files in a folder of its own, and the report that Argo's executor
// makes of it; an agent's pod is Argo's own agent.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	wfclientset "github.com/argoproj/argo-workflows/v3/pkg/client/clientset/versioned"
	"github.com/argoproj/argo-workflows/v3/workflow/common"
	"github.com/argoproj/argo-workflows/v3/workflow/executor"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// What Argo's executor keeps of a container's output.
const mostOutput = 256 << 10

type kubelet struct {
	config    *rest.Config
	kube      kubernetes.Interface
	workflows wfclientset.Interface
	folder    string
	slots     chan struct{} // processes at once
}

func (k *kubelet) run(ctx context.Context, added object) {
	data, err := json.Marshal(added)
	if err != nil {
		panic(err)
	}
	var pod corev1.Pod
	if err := json.Unmarshal(data, &pod); err != nil {
		panic(err)
	}
	if pod.Labels[common.LabelKeyComponent] == "agent" {
		k.setPhase(ctx, &pod, corev1.PodRunning, 0)
		workflow := pod.Labels[common.LabelKeyWorkflow]
		uid := environment(pod.Spec.Containers[0], common.EnvVarWorkflowUID)
		agent := executor.NewAgentExecutor(k.kube, k.kube.CoreV1().RESTClient(), k.config,
			pod.Namespace, workflow, uid, nil)
		if err := agent.Agent(ctx); err != nil && ctx.Err() == nil {
			fmt.Fprintln(os.Stderr, "agent:", err)
		}
		return
	}
	k.slots <- struct{}{}
	defer func() { <-k.slots }()
	for _, container := range pod.Spec.Containers {
		if container.Name == common.MainContainerName {
			k.runStep(ctx, &pod, container)
			return
		}
	}
}

func environment(container corev1.Container, name string) string {
	for _, variable := range container.Env {
		if variable.Name == name {
			return variable.Value
		}
	}
	return ""
}

func (k *kubelet) runStep(ctx context.Context, pod *corev1.Pod, container corev1.Container) {
	// The init container gets the template, since it is the one that fetches the files.
	var template wfv1.Template
	given := environment(pod.Spec.InitContainers[0], common.EnvVarTemplate)
	if err := json.Unmarshal([]byte(given), &template); err != nil {
		panic(fmt.Errorf("pod %s: %w", pod.Name, err))
	}
	folder, err := os.MkdirTemp(k.folder, "pod")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(folder)
	paths := []string{}
	for _, artifact := range template.Inputs.Artifacts {
		file := filepath.Join(folder, filepath.Base(artifact.Path))
		if err := os.WriteFile(file, []byte(artifact.Raw.Data), 0o600); err != nil {
			panic(err)
		}
		paths = append(paths, artifact.Path, file)
	}

	// Argo runs a container's command below its own "argoexec emissary … --".
	command := append(append([]string{}, container.Command...), container.Args...)
	for i, word := range command {
		if word == "--" {
			command = command[i+1:]
			break
		}
	}
	for i := range command {
		command[i] = strings.NewReplacer(paths...).Replace(command[i])
	}
	process := exec.CommandContext(ctx, command[0], command[1:]...)
	process.Env = []string{"PATH=" + os.Getenv("PATH")}
	output, err := process.Output()
	code := process.ProcessState.ExitCode()
	if err != nil && code < 0 {
		fmt.Fprintln(os.Stderr, "pod", pod.Name, ":", err)
	}
	k.report(ctx, pod, container, output)
	phase := corev1.PodSucceeded
	if code != 0 {
		phase = corev1.PodFailed
	}
	k.setPhase(ctx, pod, phase, int32(code))
}

// As Argo's executor does: the output only when the controller found it used.
func (k *kubelet) report(ctx context.Context, pod *corev1.Pod, container corev1.Container, output []byte) {
	node := environment(container, common.EnvVarNodeID)
	result := &wfv1.WorkflowTaskResult{ObjectMeta: metav1.ObjectMeta{Name: node,
		Labels: map[string]string{common.LabelKeyWorkflow: pod.Labels[common.LabelKeyWorkflow],
			common.LabelKeyReportOutputsCompleted: "true"}}}
	if environment(container, common.EnvVarIncludeScriptOutput) == "true" {
		kept := strings.TrimSuffix(string(output), "\n")
		if len(kept) > mostOutput {
			kept = kept[len(kept)-mostOutput:]
		}
		result.Outputs = &wfv1.Outputs{Result: &kept}
	}
	_, err := k.workflows.ArgoprojV1alpha1().WorkflowTaskResults(pod.Namespace).Create(ctx, result,
		metav1.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) && ctx.Err() == nil {
		fmt.Fprintln(os.Stderr, "task result:", err)
	}
}

func (k *kubelet) setPhase(ctx context.Context, pod *corev1.Pod, phase corev1.PodPhase, code int32) {
	status := corev1.PodStatus{Phase: phase}
	for _, container := range pod.Spec.Containers {
		state := corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}
		if phase != corev1.PodRunning {
			exit := code
			if container.Name != common.MainContainerName {
				exit = 0
			}
			state = corev1.ContainerState{
				Terminated: &corev1.ContainerStateTerminated{ExitCode: exit, FinishedAt: metav1.Now()}}
		}
		status.ContainerStatuses = append(status.ContainerStatuses,
			corev1.ContainerStatus{Name: container.Name, State: state})
	}
	patch, err := json.Marshal(map[string]any{"status": status})
	if err != nil {
		panic(err)
	}
	_, err = k.kube.CoreV1().Pods(pod.Namespace).Patch(ctx, pod.Name, "application/merge-patch+json",
		patch, metav1.PatchOptions{})
	if err != nil && !apierrors.IsNotFound(err) && ctx.Err() == nil {
		fmt.Fprintln(os.Stderr, "pod status:", err)
	}
}
