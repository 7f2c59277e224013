#!/bin/sh
# Builds and pushes every flavour of a release.
set -eu
version=2.1
name=corvidcompute/feathergrad
docker build -f docker/Dockerfile.cuda --target runtime -t "$name:$version-cuda12.4" .
docker build -f docker/Dockerfile.cuda --target devel -t "$name:$version-cuda12.4-devel" .
docker buildx build -f docker/Dockerfile.cpu --platform linux/amd64,linux/arm64 -t "$name:$version-cpu" --push .
docker push "$name:$version-cuda12.4"
docker push "$name:$version-cuda12.4-devel"
