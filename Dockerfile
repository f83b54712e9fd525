# docker build -t live_cam . && docker run --rm -it -p 127.0.0.1:7860:7860 live_cam demo --host 0.0.0.0 --no-open
# See docs/docker.md: what the arguments build, cameras, visitors' cameras, volumes, the token.
ARG BASE=python:3.13-slim
# none: steps are converted while the image is built; cpu: models of Keras, too; cuda: on an NVIDIA GPU.
ARG TENSORFLOW=none

FROM $BASE AS none
# Where a proxy signs with an authority of its own, mount the builder's /etc/ssl/certs.
ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt
ENV PATH=/opt/live_cam/bin:/opt/uv/bin:$PATH VIRTUAL_ENV=/opt/live_cam UV_COMPILE_BYTECODE=1 UV_NO_CACHE=1
WORKDIR /src
COPY pyproject.toml constraints.txt README.md LICENSE ./
RUN python3 -m venv /opt/uv && /opt/uv/bin/pip install --quiet --no-cache-dir --constraint constraints.txt uv \
    && uv venv --quiet --python "$(command -v python3)" /opt/live_cam \
    && printf '%s\n' tensorflow keras > excluded.txt \
    && uv pip install --requirement pyproject.toml --constraint constraints.txt --excludes excluded.txt
RUN find /opt/live_cam -name tests -type d -prune -exec rm -r {} + # 90 MB
COPY live_cam ./live_cam
RUN uv pip install --no-deps .

FROM none AS cpu
# A third of `tensorflow`, whose kernels for GPUs it lacks; neither headers nor libclang are for running.
RUN echo libclang > excluded.txt \
    && uv pip install "tensorflow-cpu==$(sed -n 's/^tensorflow==//p' constraints.txt)" keras \
      --constraint constraints.txt --excludes excluded.txt \
    && rm -r /opt/live_cam/lib/python3.*/site-packages/tensorflow/include

FROM none AS cuda
RUN uv pip install '.[cuda]' --constraint constraints.txt

FROM cpu AS prepared
ENV XDG_CACHE_HOME=/var/cache KERAS_HOME=/var/cache/live_cam/keras
COPY scripts/container/prepare.py /opt/
# Readable for whomever `docker run --user` names.
RUN python /opt/prepare.py && chmod -R a+rX /var/cache/live_cam

FROM $TENSORFLOW AS chosen

FROM $BASE
RUN useradd --create-home --groups video watcher \
    && install -d -o watcher -g watcher /home/watcher/.local/share/live_cam /home/watcher/Videos/live_cam
COPY --from=chosen /opt/live_cam /opt/live_cam
COPY --from=prepared --chown=watcher:watcher /var/cache/live_cam /var/cache/live_cam
COPY scripts/container/healthcheck.py /opt/
ENV PATH=/opt/live_cam/bin:$PATH XDG_CACHE_HOME=/var/cache KERAS_HOME=/var/cache/live_cam/keras
# Of NVIDIA's runtime: `utility` brings nvidia-smi, by which live-cam knows that there is a GPU.
ENV NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility
USER watcher
EXPOSE 7860
HEALTHCHECK --start-period=60s CMD ["python", "/opt/healthcheck.py"]
# Beyond loopback a token is required: set LIVE_CAM_TOKEN, or read the generated one from the log.
ENTRYPOINT ["live-cam"]
CMD ["auto", "--host", "0.0.0.0", "--no-open"]
