# forgery in a container; the folder where you work is /work inside.
#
#   docker build -t forgery --build-arg TORCH_INDEX=CPU_INDEX .
#   docker run --rm --user "$(id -u):$(id -g)" -v "$PWD:/work" forgery train mnist
#
# CPU_INDEX is the address that PyTorch's installation page gives for its CPU builds. Without it, pip
# takes the build of its usual index, which on Linux holds CUDA's libraries, is much larger, and runs
# on a CPU too. For a GPU, give the address of a CUDA build, or none, and run with --gpus all.
#
# The lab answers to the machine it runs on, so that a container must allow others:
#
#   docker run --rm -v "$PWD:/work" -p 127.0.0.1:8484:8484 forgery lab --host 0.0.0.0 --allow-remote

ARG PYTHON=3.12
FROM python:${PYTHON}-slim AS build
WORKDIR /source
COPY pyproject.toml README.md LICENSE ./
COPY src src
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheels .

FROM python:${PYTHON}-slim
ARG TORCH_INDEX=""
ARG EXTRAS="lab,features"
COPY constraints.txt /tmp/constraints.txt
RUN --mount=type=bind,from=build,source=/wheels,target=/wheels \
    pip install --no-cache-dir --no-deps ${TORCH_INDEX:+--index-url "${TORCH_INDEX}"} \
        "$(grep '^torch==' /tmp/constraints.txt)" \
    && pip install --no-cache-dir -c /tmp/constraints.txt "$(echo /wheels/*.whl)[${EXTRAS}]"

# With --user, the home folder may not exist.
ENV FORGERY_CACHE=/tmp/forgery MPLCONFIGDIR=/tmp/matplotlib
RUN useradd --create-home forgery && install -d -o forgery -g forgery /work
USER forgery
WORKDIR /work
ENTRYPOINT ["forgery"]
CMD ["--help"]
