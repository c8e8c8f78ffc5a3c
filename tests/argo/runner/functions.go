// The functions that the workflows call, as Knative would serve them: they note what they are sent
// and pass it on to where functions can be invoked as on AWS Lambda.
package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

type request struct {
	Service string          `json:"service"`
	Method  string          `json:"method"`
	Path    string          `json:"path"`
	Type    string          `json:"contentType"`
	Body    json.RawMessage `json:"body"`
	Text    string          `json:"text,omitempty"` // instead of a body that is no JSON
}

type functions struct {
	invoke   string // "http://127.0.0.1:8000/2015-03-31/functions/"
	client   http.Client
	mutex    sync.Mutex
	names    map[string]map[string]string // case -> service -> function
	requests map[string][]request         // by case
}

func newFunctions(url string) *functions {
	return &functions{invoke: url + "/2015-03-31/functions/", client: http.Client{Timeout: time.Minute},
		names: map[string]map[string]string{}, requests: map[string][]request{}}
}

// "/case-7/resize/…"
func (f *functions) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	of, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	service, path, _ := strings.Cut(rest, "/")
	noted := request{Service: service, Method: r.Method, Path: "/" + path,
		Type: r.Header.Get("Content-Type")}
	if json.Valid(body) {
		noted.Body = body
	} else {
		noted.Text = string(body)
	}
	f.mutex.Lock()
	f.requests[of] = append(f.requests[of], noted)
	function, known := f.names[of][service]
	f.mutex.Unlock()
	if !known {
		http.Error(w, "no such service", http.StatusNotFound)
		return
	}
	answer, err := f.client.Post(f.invoke+function+"/invocations", "application/json",
		bytes.NewReader(body))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer answer.Body.Close()
	status := answer.StatusCode
	output, err := io.ReadAll(answer.Body)
	if answer.Header.Get("X-Amz-Function-Error") != "" || err != nil {
		status = http.StatusInternalServerError
	} else {
		status, output = unwrapped(status, output)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(output)
}

// An answer in the habit of API Gateway is the response that it describes.
func unwrapped(status int, output []byte) (int, []byte) {
	var response struct {
		StatusCode int             `json:"statusCode"`
		Body       json.RawMessage `json:"body"`
	}
	if json.Unmarshal(output, &response) != nil || response.StatusCode == 0 {
		return status, output
	}
	var text string
	if json.Unmarshal(response.Body, &text) == nil {
		return response.StatusCode, []byte(text)
	}
	return response.StatusCode, response.Body
}
