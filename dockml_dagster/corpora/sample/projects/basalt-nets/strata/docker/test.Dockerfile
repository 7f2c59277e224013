FROM basaltnets/strata:3.0
COPY tests /workspace/tests
RUN pip install pytest
# Every released checkpoint has to reach its accuracy again
CMD ["pytest", "/workspace/tests", "-m", "checkpoint"]
