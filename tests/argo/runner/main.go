// Runs workflows in Argo's own controller, with its own agent, against functions that note what
// they are sent.
//
//	runner -functions URL <cases.jsonl >results.jsonl
//
// A line of cases is {"name", "files": [YAML…], "parameters": {name: text}, "services": {name of a
// Knative Service: function}}. A line of results, in the same order, is {"name", "phase", "message",
// "outputs", "requests"}. The functions are those that can be invoked at URL as on AWS Lambda.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"regexp"
	"sync"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	wfclientset "github.com/argoproj/argo-workflows/v3/pkg/client/clientset/versioned"
	"github.com/argoproj/argo-workflows/v3/workflow/controller"
	log "github.com/sirupsen/logrus"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"
)

const space = "default"

// There is no name service here: "http://resize.default.svc.cluster.local" is a path of ours.
var clusterURL = regexp.MustCompile(`http://([a-z0-9-]+)\.default\.svc\.cluster\.local`)

type testCase struct {
	Name       string            `json:"name"`
	Files      []string          `json:"files"`
	Parameters map[string]string `json:"parameters"`
	Services   map[string]string `json:"services"`
}

type result struct {
	Name     string            `json:"name"`
	Phase    string            `json:"phase"`
	Message  string            `json:"message"`
	Outputs  map[string]string `json:"outputs"`
	Requests []request         `json:"requests"`
}

func serve(handler http.Handler) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	go func() { _ = http.Serve(listener, handler) }()
	return listener.Addr().String()
}

// What the controller reads when it starts.
func furnish(s *apiServer) {
	for resource, o := range map[string]object{
		"configmaps":      {"metadata": object{"name": "workflow-controller-configmap"}, "data": object{}},
		"serviceaccounts": {"metadata": object{"name": "default"}, "secrets": []any{object{"name": "default-token"}}},
		"secrets": {"metadata": object{"name": "default-token"},
			"type": "kubernetes.io/service-account-token", "data": object{}},
	} {
		if err := s.add(location{resource: resource, apiVersion: "v1", namespace: space}, o); err != nil {
			log.Fatal(err)
		}
	}
}

func main() {
	atOnce := flag.Int("at-once", 16, "workflows under way at the same time")
	level := flag.String("log", "fatal", "the controller's log level")
	limit := flag.Duration("limit", 2*time.Minute, "how long one workflow may take")
	url := flag.String("functions", "", "where functions are invoked")
	flag.Parse()
	if parsed, err := log.ParseLevel(*level); err == nil {
		log.SetLevel(parsed)
	}
	for name, value := range map[string]string{
		// Waits that are meant for clusters.
		"DEFAULT_REQUEUE_TIME": "20ms", "ARGO_AGENT_PATCH_RATE": "20ms",
		"LEADER_ELECTION_DISABLE": "true", "RECENTLY_STARTED_POD_DURATION": "0s",
	} {
		os.Setenv(name, value)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()

	cluster := newAPIServer()
	furnish(cluster)
	config := &rest.Config{Host: "http://" + serve(cluster), QPS: -1,
		ContentConfig: rest.ContentConfig{ContentType: "application/json",
			AcceptContentTypes: "application/json"}}
	called := newFunctions(*url)
	address := serve(called)

	folder, err := os.MkdirTemp("", "argo-runner")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(folder)
	kube := kubernetes.NewForConfigOrDie(config)
	workflows := wfclientset.NewForConfigOrDie(config)
	node := &kubelet{config: config, kube: kube, workflows: workflows, folder: folder,
		slots: make(chan struct{}, 8)}
	cluster.follow("pods", ctx.Done(), func(e event) {
		if e.kind == "ADDED" {
			go node.run(ctx, e.object)
		}
	})
	argo, err := controller.NewWorkflowController(ctx, config, kube, workflows, space, space,
		"argoexec", "", "text", "workflow-controller-configmap", false)
	if err != nil {
		log.Fatal(err)
	}
	go argo.Run(ctx, 4, 1, 1, 1, 1)

	cases := readCases()
	results := make([]result, len(cases))
	var done sync.WaitGroup
	slots := make(chan struct{}, *atOnce)
	for i := range cases {
		done.Add(1)
		slots <- struct{}{}
		go func() {
			defer func() { <-slots; done.Done() }()
			id := fmt.Sprintf("case-%d", i)
			called.mutex.Lock()
			called.names[id] = cases[i].Services
			called.mutex.Unlock()
			results[i] = runCase(ctx, workflows, &cases[i], id, address, *limit)
			called.mutex.Lock()
			results[i].Requests = called.requests[id]
			called.mutex.Unlock()
		}()
	}
	done.Wait()
	output := json.NewEncoder(os.Stdout)
	output.SetEscapeHTML(false)
	for _, one := range results {
		if err := output.Encode(one); err != nil {
			log.Fatal(err)
		}
	}
}

func readCases() []testCase {
	var cases []testCase
	lines := bufio.NewReader(os.Stdin)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 1 {
			var one testCase
			if err := json.Unmarshal(line, &one); err != nil {
				log.Fatalf("line %d: %v", len(cases)+1, err)
			}
			cases = append(cases, one)
		}
		if err != nil {
			return cases
		}
	}
}

// Submits what the files hold as `argo submit -p name=value` does, and waits for its end.
func runCase(ctx context.Context, client wfclientset.Interface, one *testCase, id, address string,
	limit time.Duration) result {
	failed := func(err error) result {
		return result{Name: one.Name, Phase: "Refused", Message: err.Error()}
	}
	api := client.ArgoprojV1alpha1()
	name := ""
	for _, file := range one.Files {
		file = clusterURL.ReplaceAllString(file, "http://"+address+"/"+id+"/$1/")
		var kind metav1.TypeMeta
		if err := yaml.Unmarshal([]byte(file), &kind); err != nil {
			return failed(err)
		}
		if kind.Kind == "WorkflowTemplate" {
			var template wfv1.WorkflowTemplate
			if err := yaml.UnmarshalStrict([]byte(file), &template); err != nil {
				return failed(err)
			}
			template.Name = id
			_, err := api.WorkflowTemplates(space).Create(ctx, &template, metav1.CreateOptions{})
			if err != nil {
				return failed(err)
			}
			continue
		}
		var workflow wfv1.Workflow
		if err := yaml.UnmarshalStrict([]byte(file), &workflow); err != nil {
			return failed(err)
		}
		workflow.Name, workflow.GenerateName = id, ""
		if reference := workflow.Spec.WorkflowTemplateRef; reference != nil {
			reference.Name = id
		}
		supply(&workflow, one.Parameters)
		if _, err := api.Workflows(space).Create(ctx, &workflow, metav1.CreateOptions{}); err != nil {
			return failed(err)
		}
		name = id
	}
	for deadline := time.Now().Add(limit); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		workflow, err := api.Workflows(space).Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return failed(err)
		}
		if workflow.Status.Phase.Completed() {
			return finished(one, workflow)
		}
	}
	return result{Name: one.Name, Phase: "Stuck", Message: fmt.Sprintf("not over after %v", limit)}
}

// A parameter that the workflow does not list is added, as the command line does.
func supply(workflow *wfv1.Workflow, parameters map[string]string) {
	given := &workflow.Spec.Arguments
	for name, value := range parameters {
		if known := given.GetParameterByName(name); known != nil {
			for i := range given.Parameters {
				if given.Parameters[i].Name == name {
					given.Parameters[i].Value = wfv1.AnyStringPtr(value)
				}
			}
			continue
		}
		given.Parameters = append(given.Parameters,
			wfv1.Parameter{Name: name, Value: wfv1.AnyStringPtr(value)})
	}
}

func finished(one *testCase, workflow *wfv1.Workflow) result {
	ended := result{Name: one.Name, Phase: string(workflow.Status.Phase),
		Message: workflow.Status.Message, Outputs: map[string]string{}}
	if root, ok := workflow.Status.Nodes[workflow.Name]; ok && root.Outputs != nil {
		for _, parameter := range root.Outputs.Parameters {
			ended.Outputs[parameter.Name] = parameter.Value.String()
		}
	}
	if ended.Phase != "Succeeded" && ended.Message == "" {
		for _, node := range workflow.Status.Nodes {
			if node.Phase.FailedOrError() && node.Message != "" {
				ended.Message = node.Message
			}
		}
	}
	return ended
}
