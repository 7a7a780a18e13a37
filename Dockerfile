FROM python:3.12-slim
WORKDIR /opt/tocsin
COPY requirements.lock ./
RUN pip install --no-cache-dir --require-hashes -r requirements.lock
COPY . .
RUN pip install --no-cache-dir --no-deps . && useradd --system --home-dir /var/lib/tocsin --create-home tocsin
USER tocsin
ENV TOCSIN_DATABASE_URL=sqlite:////var/lib/tocsin/tocsin.db
VOLUME /var/lib/tocsin
ENTRYPOINT ["tocsin"]
CMD ["up"]
