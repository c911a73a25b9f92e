# One image for web, worker, upkeep and migrations: docker-compose.yml says which command each of them runs.
FROM python:3.13-slim AS packages
COPY requirements.txt /
RUN python -m venv /venv && /venv/bin/pip install --no-cache-dir --require-hashes -r /requirements.txt

# docker build --target forecast: the engine alone, as a SageMaker endpoint runs it (docs/forecast-backends.md). The
# packages are those of the workers, so that the numbers are too. SageMaker wants the root user, and adds `serve`.
FROM python:3.13-slim AS forecast
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 OMP_NUM_THREADS=1
COPY --from=packages /venv /venv
COPY forecasting /srv/flux/forecasting
WORKDIR /srv/flux
EXPOSE 8080
ENTRYPOINT ["python", "-m", "forecasting.serve"]

FROM python:3.13-slim
RUN useradd --uid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin flux
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
COPY --from=packages /venv /venv
COPY . /srv/flux
WORKDIR /srv/flux
RUN SECRET_KEY=unused-while-collecting EMAIL_URL=dummymail:// python manage.py collectstatic --noinput
USER flux
EXPOSE 8000
CMD ["gunicorn", "flux.wsgi", "--bind=0.0.0.0:8000", "--worker-class=gthread", "--workers=2", "--threads=4", \
     "--worker-tmp-dir=/dev/shm", "--no-control-socket"]
