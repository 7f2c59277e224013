module github.com/tidewater-ml/ferry

go 1.22

require (
	github.com/prometheus/client_golang v1.19.1
	k8s.io/client-go v0.30.2
)
