// The container's health check: the agent's page answers that it lives. A worker has no page: that it runs is enough.
const { CALCIDISC_HTTP_HOST: host = '127.0.0.1', CALCIDISC_HTTP_PORT: port = '8080' } = process.env;
const here = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host;
const answer = await fetch(`http://${here}:${port}/healthz`).catch(() => null);
process.exit(answer?.ok ? 0 : 1);
