// Command controller decides which model runs on which node.
package main

import (
	"encoding/json"
	"log"
	"net/http"
	"sync"
)

type deployment struct {
	Model  string  `json:"model"`
	Source string  `json:"source"`
	Canary float64 `json:"canary"`
}

type store struct {
	mu    sync.Mutex
	items map[string]deployment
}

func (s *store) put(w http.ResponseWriter, r *http.Request) {
	var d deployment
	if err := json.NewDecoder(r.Body).Decode(&d); err != nil || d.Canary < 0 || d.Canary > 1 {
		http.Error(w, "a deployment has a model, a source and a canary share from 0 to 1", http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.items[d.Model] = d
	w.WriteHeader(http.StatusAccepted)
}

func main() {
	s := &store{items: map[string]deployment{}}
	http.HandleFunc("PUT /deployments", s.put)
	log.Fatal(http.ListenAndServe(":9090", nil))
}
