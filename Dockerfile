FROM node:24-slim AS packages
WORKDIR /app
COPY package.json package-lock.json ./
# No package of the service needs its install script; a stranger's script is not run with our rights. Optional are compiled
# modules that it does without, and a TypeScript compiler.
RUN npm ci --omit=dev --omit=optional --ignore-scripts --no-audit --no-fund && npm cache clean --force
COPY scripts ./scripts
RUN node scripts/sbom.ts

FROM node:24-slim
ENV NODE_ENV=production \
    HOST=0.0.0.0 \
    PORT=8080 \
    OPS_HOST=0.0.0.0 \
    OPS_PORT=8081 \
    DATA_DIR=/data
# The service is run by Node alone: package managers would only serve who breaks in.
RUN rm -rf /usr/local/lib/node_modules /opt/yarn-* \
 && cd /usr/local/bin && rm -f corepack yarn yarnpkg npm npx
WORKDIR /app
COPY --from=packages /app/node_modules ./node_modules
COPY --from=packages /app/sbom.cdx.json ./
# `portcullis init` fills in .env.example.
COPY package.json LICENSE .env.example ./
COPY bin ./bin
COPY schemas ./schemas
COPY playbooks ./playbooks
COPY src ./src
# The data folder belongs to the service; everything else is root's and only read, so the root file system may be read-only.
RUN ln -s /app/bin/portcullis /usr/local/bin/portcullis \
 && install -d -o 1000 -g 1000 -m 0700 /data
VOLUME /data
# A number, so that Kubernetes can see that it is not root.
USER 1000:1000
EXPOSE 8080 8081
# /healthz answers without a token. With RECEIVER=off there is no webhook port, so it is the ops port that is asked.
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.OPS_PORT}/healthz`).then(a => process.exit(a.ok ? 0 : 1), () => process.exit(1))"]
# Node itself is the first process and gets the signals.
# Becomes the service, with the same process id, and keeps less memory than `node src/main.ts` does.
CMD ["node", "bin/portcullis", "start"]
