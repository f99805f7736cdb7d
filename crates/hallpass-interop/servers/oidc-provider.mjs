// npm oidc-provider, the strict one: opaque tokens by client_credentials, and an API that takes them.
// PORT: 0 for any. TTL: of a token. BASIC_SECRET: of the client "basic".
import http from 'node:http';
import { once } from 'node:events';
import Provider from 'oidc-provider';

const ttl = Number(process.env.TTL ?? 60);
const machine = (client_id, client_secret, method = 'client_secret_basic') => ({
  client_id,
  client_secret,
  token_endpoint_auth_method: method,
  grant_types: ['client_credentials'],
  response_types: [],
  redirect_uris: [],
  scope: 'read write',
});

// The provider's own store drops live tokens beyond its newest 1,000 records.
const records = new Map();
class Store {
  constructor(model) { this.model = model; }
  async upsert(id, payload) { records.set(`${this.model} ${id}`, payload); }
  async find(id) { return records.get(`${this.model} ${id}`); }
  async destroy(id) { records.delete(`${this.model} ${id}`); }
}

const server = http.createServer();
server.listen(Number(process.env.PORT ?? 0), '127.0.0.1');
await once(server, 'listening');
const { port } = server.address();

const provider = new Provider(`http://127.0.0.1:${port}`, {
  adapter: Store,
  clients: [
    machine('basic', process.env.BASIC_SECRET ?? 'basic-secret'),
    machine('post', 'post-secret', 'client_secret_post'),
    machine('a b%c+d /?&=', 's:e%20c+r /?&=t'),
    machine('id:colon', 'plain-secret'),
  ],
  scopes: ['read', 'write'],
  ttl: { ClientCredentials: ttl },
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    introspection: { enabled: true, allowedPolicy: () => true },
    revocation: { enabled: true },
  },
});

// The answers of RFC 6750 section 3, over the provider's own tokens.
provider.use(async (ctx, next) => {
  if (ctx.path !== '/resource') return next();
  const [scheme, value] = ctx.get('authorization').split(' ');
  const token = value && scheme === 'Bearer' && (await provider.ClientCredentials.find(value));
  if (token?.isValid) {
    ctx.body = { client_id: token.clientId, scope: token.scope };
    return undefined;
  }
  ctx.status = 401;
  ctx.set('WWW-Authenticate', `Bearer realm="resource"${value ? ', error="invalid_token"' : ''}`);
  ctx.body = {};
  return undefined;
});

server.on('request', provider.callback());
console.log(JSON.stringify({ port }));
