// What Argo's controller needs of a Kubernetes API server: objects of any kind in memory, with
// resource versions, selectors, merge patches and watches. No admission, no schemas.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"

	jsonpatch "github.com/evanphx/json-patch"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
)

type object = map[string]any

// Where an object lives: "pods" of the core group, "argoproj.io/workflows".
type location struct {
	resource    string
	apiVersion  string
	namespace   string
	name        string
	subresource string
}

type event struct {
	kind    string
	object  object
	before  object // nil when there was none
	version int64
}

// What a watcher with this selector is told: an object that stops to match is gone for it.
func (e event) seenBy(match func(object) bool) (event, bool) {
	matched := e.before != nil && match(e.before)
	switch {
	case match(e.object) && e.kind != "DELETED":
		if !matched {
			e.kind = "ADDED"
		}
		return e, true
	case matched || (e.kind == "DELETED" && match(e.object)):
		e.kind = "DELETED"
		return e, true
	}
	return e, false
}

type watcher struct {
	at     location
	match  func(object) bool
	events chan event
}

type apiServer struct {
	mutex    sync.Mutex
	version  int64
	objects  map[string]map[string]object // resource -> namespace/name -> object
	history  map[string][]event           // resource -> events, oldest first
	watchers map[*watcher]bool
}

// Typed clients read a list by its kind.
var kinds = map[string]string{
	"configmaps": "ConfigMap", "events": "Event", "namespaces": "Namespace", "pods": "Pod",
	"secrets": "Secret", "serviceaccounts": "ServiceAccount",
	"argoproj.io/clusterworkflowtemplates": "ClusterWorkflowTemplate",
	"argoproj.io/cronworkflows":            "CronWorkflow",
	"argoproj.io/workflowartifactgctasks":  "WorkflowArtifactGCTask",
	"argoproj.io/workflows":                "Workflow",
	"argoproj.io/workflowtaskresults":      "WorkflowTaskResult",
	"argoproj.io/workflowtasksets":         "WorkflowTaskSet",
	"argoproj.io/workflowtemplates":        "WorkflowTemplate",
}

func newAPIServer() *apiServer {
	return &apiServer{objects: map[string]map[string]object{}, history: map[string][]event{},
		watchers: map[*watcher]bool{}}
}

func metadata(o object) object {
	meta, ok := o["metadata"].(object)
	if !ok {
		meta = object{}
		o["metadata"] = meta
	}
	return meta
}

func text(o object, key string) string {
	value, _ := o[key].(string)
	return value
}

func deepCopy(o object) object {
	data, err := json.Marshal(o)
	if err != nil {
		panic(err)
	}
	var copied object
	if err := json.Unmarshal(data, &copied); err != nil {
		panic(err)
	}
	return copied
}

// "/api/v1/namespaces/default/pods/x/status", "/apis/argoproj.io/v1alpha1/workflows".
func parsePath(path string) (location, bool) {
	parts := strings.Split(strings.Trim(path, "/"), "/")
	var at location
	group := ""
	switch {
	case len(parts) >= 3 && parts[0] == "api":
		at.apiVersion, parts = parts[1], parts[2:]
	case len(parts) >= 4 && parts[0] == "apis":
		group = parts[1] + "/"
		at.apiVersion, parts = group+parts[2], parts[3:]
	default:
		return at, false
	}
	if parts[0] == "namespaces" && len(parts) > 2 {
		at.namespace, parts = parts[1], parts[2:]
	}
	at.resource = group + parts[0]
	if len(parts) > 1 {
		at.name = parts[1]
	}
	if len(parts) > 2 {
		at.subresource = parts[2]
	}
	return at, true
}

func (s *apiServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	at, ok := parsePath(r.URL.Path)
	if !ok {
		status(w, http.StatusNotFound, "NotFound", r.URL.Path)
		return
	}
	if strings.HasSuffix(at.resource, "accessreviews") {
		s.reviewAccess(w, r)
		return
	}
	switch r.Method {
	case http.MethodGet:
		switch {
		case r.URL.Query().Get("watch") == "true" || r.URL.Query().Get("watch") == "1":
			s.watch(w, r, at)
		case at.name == "":
			s.list(w, r, at)
		default:
			s.get(w, at)
		}
	case http.MethodPost:
		s.create(w, r, at)
	case http.MethodPut, http.MethodPatch:
		s.update(w, r, at)
	case http.MethodDelete:
		s.remove(w, r, at)
	default:
		status(w, http.StatusMethodNotAllowed, "MethodNotAllowed", r.Method)
	}
}

func (s *apiServer) reviewAccess(w http.ResponseWriter, r *http.Request) {
	review := read(r)
	review["status"] = object{"allowed": true}
	reply(w, http.StatusCreated, review)
}

func read(r *http.Request) object {
	var o object
	data, err := io.ReadAll(r.Body)
	if err == nil && len(data) > 0 {
		err = json.Unmarshal(data, &o)
	}
	if err != nil || o == nil {
		return object{}
	}
	return o
}

func reply(w http.ResponseWriter, code int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(body)
}

func status(w http.ResponseWriter, code int, reason, message string) {
	reply(w, code, object{"kind": "Status", "apiVersion": "v1", "status": "Failure",
		"reason": reason, "message": message, "code": code})
}

func selector(r *http.Request, at location) func(object) bool {
	byLabel, err := labels.Parse(r.URL.Query().Get("labelSelector"))
	if err != nil {
		byLabel = labels.Everything()
	}
	byField, err := fields.ParseSelector(r.URL.Query().Get("fieldSelector"))
	if err != nil {
		byField = fields.Everything()
	}
	return func(o object) bool {
		meta := metadata(o)
		if at.namespace != "" && text(meta, "namespace") != at.namespace {
			return false
		}
		if at.name != "" && text(meta, "name") != at.name {
			return false
		}
		set := labels.Set{}
		if given, ok := meta["labels"].(object); ok {
			for name := range given {
				set[name] = text(given, name)
			}
		}
		known := fields.Set{"metadata.name": text(meta, "name"),
			"metadata.namespace": text(meta, "namespace")}
		return byLabel.Matches(set) && byField.Matches(known)
	}
}

func (s *apiServer) list(w http.ResponseWriter, r *http.Request, at location) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	match := selector(r, at)
	items := []object{}
	for _, o := range s.objects[at.resource] {
		if match(o) {
			items = append(items, o)
		}
	}
	sort.Slice(items, func(i, j int) bool {
		return text(metadata(items[i]), "name") < text(metadata(items[j]), "name")
	})
	reply(w, http.StatusOK, object{"kind": kinds[at.resource] + "List", "apiVersion": at.apiVersion,
		"metadata": object{"resourceVersion": strconv.FormatInt(s.version, 10)}, "items": items})
}

func (s *apiServer) get(w http.ResponseWriter, at location) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	o, ok := s.objects[at.resource][at.namespace+"/"+at.name]
	if !ok {
		status(w, http.StatusNotFound, "NotFound", at.resource+" "+at.name)
		return
	}
	reply(w, http.StatusOK, o)
}

func (s *apiServer) create(w http.ResponseWriter, r *http.Request, at location) {
	o := read(r)
	if err := s.add(at, o); err != nil {
		status(w, http.StatusConflict, "AlreadyExists", err.Error())
		return
	}
	reply(w, http.StatusCreated, o)
}

func (s *apiServer) add(at location, o object) error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	meta := metadata(o)
	if text(meta, "name") == "" {
		meta["name"] = fmt.Sprintf("%s%05d", text(meta, "generateName"), s.version)
	}
	if at.namespace != "" {
		meta["namespace"] = at.namespace
	}
	key := at.namespace + "/" + text(meta, "name")
	if _, taken := s.objects[at.resource][key]; taken {
		return fmt.Errorf("%s %s exists", at.resource, key)
	}
	if text(o, "kind") == "" {
		o["apiVersion"], o["kind"] = at.apiVersion, kinds[at.resource]
	}
	meta["uid"] = fmt.Sprintf("00000000-0000-4000-8000-%012d", s.version+1)
	meta["creationTimestamp"] = time.Now().UTC().Format(time.RFC3339)
	if at.resource == "pods" {
		o["status"] = object{"phase": "Pending"}
	}
	if s.objects[at.resource] == nil {
		s.objects[at.resource] = map[string]object{}
	}
	s.store(at.resource, key, o, "ADDED")
	return nil
}

// Keeps the object under a new version and tells the watchers. The caller holds the mutex.
func (s *apiServer) store(resource, key string, o object, kind string) {
	s.version++
	metadata(o)["resourceVersion"] = strconv.FormatInt(s.version, 10)
	before := s.objects[resource][key]
	if kind == "DELETED" {
		delete(s.objects[resource], key)
	} else {
		s.objects[resource][key] = o
	}
	happened := event{kind: kind, object: o, before: before, version: s.version}
	s.history[resource] = append(s.history[resource], happened)
	for watching := range s.watchers {
		if watching.at.resource != resource {
			continue
		}
		if seen, any := happened.seenBy(watching.match); any {
			watching.events <- seen
		}
	}
}

func (s *apiServer) update(w http.ResponseWriter, r *http.Request, at location) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	key := at.namespace + "/" + at.name
	old, ok := s.objects[at.resource][key]
	if !ok {
		status(w, http.StatusNotFound, "NotFound", at.resource+" "+at.name)
		return
	}
	var changed object
	if r.Method == http.MethodPut {
		changed = read(r)
		given := text(metadata(changed), "resourceVersion")
		if given != "" && given != text(metadata(old), "resourceVersion") {
			status(w, http.StatusConflict, "Conflict", "the object has been modified")
			return
		}
	} else {
		patch, err := io.ReadAll(r.Body)
		if err != nil {
			status(w, http.StatusBadRequest, "BadRequest", err.Error())
			return
		}
		before, _ := json.Marshal(old)
		after, err := jsonpatch.MergePatch(before, patch)
		if err == nil {
			err = json.Unmarshal(after, &changed)
		}
		if err != nil {
			status(w, http.StatusBadRequest, "BadRequest", err.Error())
			return
		}
	}
	for _, kept := range []string{"uid", "creationTimestamp", "name", "namespace"} {
		metadata(changed)[kept] = metadata(old)[kept]
	}
	s.store(at.resource, key, changed, "MODIFIED")
	reply(w, http.StatusOK, changed)
}

func (s *apiServer) remove(w http.ResponseWriter, r *http.Request, at location) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	match := selector(r, at)
	for key, o := range s.objects[at.resource] {
		if match(o) {
			s.store(at.resource, key, deepCopy(o), "DELETED")
		}
	}
	reply(w, http.StatusOK, object{"kind": "Status", "apiVersion": "v1", "status": "Success"})
}

func (s *apiServer) watch(w http.ResponseWriter, r *http.Request, at location) {
	since, _ := strconv.ParseInt(r.URL.Query().Get("resourceVersion"), 10, 64)
	watching := &watcher{at: at, match: selector(r, at), events: make(chan event, 100_000)}
	s.mutex.Lock()
	if since == 0 {
		// Whoever names no version is first told what there is.
		for _, o := range s.objects[at.resource] {
			if watching.match(o) {
				watching.events <- event{kind: "ADDED", object: o, version: s.version}
			}
		}
	} else {
		for _, happened := range s.history[at.resource] {
			if happened.version <= since {
				continue
			}
			if seen, any := happened.seenBy(watching.match); any {
				watching.events <- seen
			}
		}
	}
	s.watchers[watching] = true
	s.mutex.Unlock()
	defer func() {
		s.mutex.Lock()
		delete(s.watchers, watching)
		s.mutex.Unlock()
	}()

	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusOK)
	flusher := w.(http.Flusher)
	flusher.Flush()
	encoder := json.NewEncoder(w)
	for {
		select {
		case <-r.Context().Done():
			return
		case happened := <-watching.events:
			if encoder.Encode(object{"type": happened.kind, "object": happened.object}) != nil {
				return
			}
			flusher.Flush()
		}
	}
}

// Calls `then` for every change of the resource, from the first object on, until stop is closed.
func (s *apiServer) follow(resource string, stop <-chan struct{}, then func(event)) {
	watching := &watcher{at: location{resource: resource}, match: func(object) bool { return true },
		events: make(chan event, 100_000)}
	s.mutex.Lock()
	s.watchers[watching] = true
	s.mutex.Unlock()
	go func() {
		for {
			select {
			case <-stop:
				return
			case happened := <-watching.events:
				then(happened)
			}
		}
	}()
}
