# The image listens on all addresses of its container, so it does not start without credentials: docs/deploy.md.
# For a reproducible build: --build-arg NODE_IMAGE=node:22-slim@sha256:…
ARG NODE_IMAGE=node:22-slim
FROM ${NODE_IMAGE} AS packages
WORKDIR /app
COPY package.json package-lock.json ./
COPY client/package.json client/
# No package needs an install script. Bun comes as the package for this platform.
RUN npm ci --omit=dev --include=optional --ignore-scripts --no-audit --no-fund

FROM ${NODE_IMAGE}
WORKDIR /app
ENV NODE_ENV=production HOST=0.0.0.0 PORT=8000
COPY --from=packages /app/node_modules node_modules
COPY package.json LICENSE ./
COPY bin bin
COPY protocol protocol
COPY server server
COPY client client
COPY web web
# A volume that is mounted here takes over the owner: DATA_DIR=/data then works for the user below.
RUN mkdir /data && chown node:node /data
USER node
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s CMD ["node", "bin/health-check.js"]
ENTRYPOINT ["node", "bin/fanfare.js"]
CMD ["start"]
