# The image of the service: `docker build .`. The stage `simulator` is for trying it out (docker-compose.yml) and never shipped.
# Behind a private npm mirror: docker build --secret id=npmrc,src=$HOME/.npmrc .

# Pin it by digest where you release: --build-arg NODE_IMAGE=node:24-bookworm-slim@sha256:…
ARG NODE_IMAGE=node:24-bookworm-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN --mount=type=cache,target=/root/.npm --mount=type=secret,id=npmrc,target=/root/.npmrc \
    npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json ./
COPY src src
RUN npm run build

FROM ${NODE_IMAGE} AS production-dependencies
WORKDIR /app
COPY package.json package-lock.json ./
RUN --mount=type=cache,target=/root/.npm --mount=type=secret,id=npmrc,target=/root/.npmrc \
    npm ci --omit=dev --omit=optional --ignore-scripts
# What packages ship but nothing runs: source maps with the sources inside, types, their own tests.
RUN find node_modules -type f \( -name '*.map' -o -name '*.d.ts' -o -name '*.d.mts' -o -name '*.d.cts' \) -delete \
    && find node_modules -type d \( -name test -o -name tests \) -prune -exec rm -r {} +

FROM ${NODE_IMAGE} AS simulator
WORKDIR /app
COPY package.json package-lock.json ./
RUN --mount=type=cache,target=/root/.npm --mount=type=secret,id=npmrc,target=/root/.npmrc \
    npm ci --omit=optional --ignore-scripts
COPY simulator simulator
# A volume mounted here starts with this owner, so that the simulator can leave its key for the service.
RUN mkdir /keys && chown node:node /keys
USER node
EXPOSE 4000 4001
HEALTHCHECK --interval=5s --timeout=3s --start-period=10s --retries=3 \
    CMD ["node", "-e", "http.get('http://127.0.0.1:4000/livez', ({ statusCode }) => process.exit(statusCode === 200 ? 0 : 1)).on('error', () => process.exit(1))"]
CMD ["node", "simulator/main.ts"]

FROM ${NODE_IMAGE} AS production
LABEL org.opencontainers.image.title="network-enablement-bff" \
      org.opencontainers.image.licenses="MIT"
WORKDIR /app
COPY --chmod=0644 package.json LICENSE ./
COPY --from=production-dependencies /app/node_modules node_modules
COPY --from=build /app/dist dist
# All files belong to root: the service cannot change itself.
USER node
EXPOSE 3000
HEALTHCHECK --interval=30s --timeout=3s --start-period=10s --retries=3 \
    CMD ["node", "-e", "http.get({ port: process.env.MANAGEMENT_PORT || 9464, path: '/livez' }, ({ statusCode }) => process.exit(statusCode === 200 ? 0 : 1)).on('error', () => process.exit(1))"]
# The heap gets 60 % of the container's memory; sockets, buffers and code need the rest. Without it the kernel kills first.
# The permission model leaves reading files and the network: no writing, no child processes, no threads, no native code.
CMD ["node", "--max-old-space-size-percentage=60", "--permission", "--allow-fs-read=*", "--disable-proto=delete", "--enable-source-maps", "dist/main.js"]
