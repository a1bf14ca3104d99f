# TensorFlow's official image, with CUDA. Data and runs stay outside, in /data and /distill/runs.
FROM tensorflow/tensorflow:2.20.0-gpu

WORKDIR /distill
COPY . .
# As README's tests are set up, but for the virtual environment.
RUN python3 -m pip install --no-cache-dir -e ".[test]"

ENV TFDS_DATA_DIR=/data
VOLUME ["/data", "/distill/runs"]
ENTRYPOINT ["python3"]
CMD ["distillation_train.py"]
