# syntax=docker/dockerfile:1
# No build step: the sources run as they are. See docs/operating.md for how to run it.

FROM node:26-slim AS dependencies
WORKDIR /relevo
COPY package.json package-lock.json ./
# The image has the right Node, so the optional packages that bring one stay out.
RUN npm ci --omit=dev --omit=optional --no-audit --no-fund

FROM node:26-slim
ENV NODE_ENV=production
WORKDIR /relevo
COPY --from=dependencies /relevo/node_modules ./node_modules
COPY package.json package-lock.json LICENSE ./
COPY scripts ./scripts
COPY src ./src
COPY config/relevo.example.yaml ./config/
# Part of the program; config/ is the operator's.
COPY config/shaping.yaml ./share/
# What the relay writes belongs to the user that it runs as; the program does not.
RUN mkdir -p certs data .cache \
  && chown -R node:node config certs data .cache \
  && chmod 0700 certs data \
  && ln -s /relevo/scripts/relevo /usr/local/bin/relevo
# What Node makes of the sources is made once, as the user that reads it, and belongs to the program from then on.
ENV NODE_COMPILE_CACHE=/relevo/.cache
USER node
RUN relevo start --help >/dev/null
USER root
RUN chown -R root:root .cache && chmod -R a+rX .cache
USER node
VOLUME ["/relevo/config", "/relevo/certs", "/relevo/data"]
# Submission, submissions, relay; the same three for a first start that may not have the privileged ones. The HTTP
# listener is on the container's loopback unless the policy says otherwise.
EXPOSE 587 465 25 2587 2465 2525
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 \
  CMD ["node", "-e", "const url = process.env.RELEVO_HEALTH_URL || 'http://127.0.0.1:8080/livez'; require(url.startsWith('https:') ? 'https' : 'http').get(url, { rejectUnauthorized: false }, (r) => process.exit(r.statusCode === 200 ? 0 : 1)).on('error', () => process.exit(1))"]
ENTRYPOINT ["relevo"]
CMD ["start"]
