FROM quay.io/pypa/manylinux_2_28_x86_64
RUN yum install -y openblas-devel && yum clean all
WORKDIR /io
COPY . /io
RUN for V in cp39-cp39 cp310-cp310 cp311-cp311 cp312-cp312; do \
      "/opt/python/$V/bin/pip" wheel --no-deps --wheel-dir /tmp/wheels /io; \
    done
RUN for W in /tmp/wheels/*.whl; do auditwheel repair "$W" --wheel-dir /io/dist; done
CMD ["/bin/bash"]
