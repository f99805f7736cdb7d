// npm oidc-provider, the strict one: opaque tokens by client_credentials, and an API that takes them.
// PORT: 0 for any. TTL: of a token. BASIC_SECRET: of the client "basic".
// KEYS: a folder with private keys of clients. TLS: a folder with certificates of the server, of an
// authority for clients, and of a client that certifies itself; then it listens for TLS, too.
// DPOP_NONCE: if set, proofs of possession need a nonce. No proof counts twice in any case.
import {
  X509Certificate, createHash, createPrivateKey, createPublicKey, randomBytes,
} from 'node:crypto';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { once } from 'node:events';
import Provider from 'oidc-provider';

const ttl = Number(process.env.TTL ?? 60);
const { KEYS: keys, TLS: tls, DPOP_NONCE: nonces } = process.env;
const machine = (client_id, client_secret, method = 'client_secret_basic', more = {}) => ({
  client_id,
  client_secret,
  token_endpoint_auth_method: method,
  grant_types: ['client_credentials'],
  response_types: [],
  redirect_uris: [],
  scope: 'read write',
  ...more,
});

const jwk = (key, more) => ({ ...key.export({ format: 'jwk' }), use: 'sig', ...more });

// Clients that sign, each with the public half of its key.
const signers = () => {
  const signer = (id, file, alg) => {
    const key = createPublicKey(createPrivateKey(readFileSync(`${keys}/${file}.pem`)));
    return machine(id, undefined, 'private_key_jwt', {
      token_endpoint_auth_signing_alg: alg,
      jwks: { keys: [jwk(key, { alg, kid: id })] },
    });
  };
  return [
    signer('es256', 'p256', 'ES256'),
    signer('rs256', 'rsa', 'RS256'),
    signer('eddsa', 'ed25519', 'EdDSA'),
    machine('hs256', 'a-secret-of-thirty-two-bytes-or-more', 'client_secret_jwt', {
      token_endpoint_auth_signing_alg: 'HS256',
    }),
  ];
};

// Clients with certificates; their tokens work with the same certificate alone.
const certified = () => {
  const bound = { tls_client_certificate_bound_access_tokens: true };
  const own = new X509Certificate(readFileSync(`${tls}/self.pem`));
  const x5c = [own.raw.toString('base64')];
  return [
    machine('by-authority', undefined, 'tls_client_auth', {
      tls_client_auth_san_dns: 'client.test', ...bound,
    }),
    machine('by-itself', undefined, 'self_signed_tls_client_auth', {
      jwks: { keys: [jwk(own.publicKey, { x5c })] }, ...bound,
    }),
  ];
};

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

const presented = (ctx) => ctx.socket.getPeerCertificate?.();

const provider = new Provider(`http://127.0.0.1:${port}`, {
  adapter: Store,
  clients: [
    machine('basic', process.env.BASIC_SECRET ?? 'basic-secret'),
    machine('post', 'post-secret', 'client_secret_post'),
    machine('bound', 'bound-secret', 'client_secret_basic', { dpop_bound_access_tokens: true }),
    machine('a b%c+d /?&=', 's:e%20c+r /?&=t'),
    machine('id:colon', 'plain-secret'),
    ...(keys ? signers() : []),
    ...(tls ? certified() : []),
  ],
  clientAuthMethods: [
    'client_secret_basic', 'client_secret_post', 'client_secret_jwt', 'private_key_jwt',
    'tls_client_auth', 'self_signed_tls_client_auth',
  ],
  enabledJWA: { clientAuthSigningAlgValues: ['HS256', 'ES256', 'RS256', 'EdDSA'] },
  scopes: ['read', 'write'],
  ttl: { ClientCredentials: ttl },
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    introspection: { enabled: true, allowedPolicy: () => true },
    revocation: { enabled: true },
    dPoP: {
      enabled: true,
      nonceSecret: nonces && randomBytes(32),
      requireNonce: () => Boolean(nonces),
      allowReplay: false,
    },
    mTLS: {
      enabled: true,
      certificateBoundAccessTokens: true,
      tlsClientAuth: true,
      selfSignedTlsClientAuth: true,
      getCertificate: (ctx) => {
        const raw = presented(ctx)?.raw;
        return raw && new X509Certificate(raw).toString();
      },
      certificateAuthorized: (ctx) => ctx.socket.authorized === true,
      certificateSubjectMatches: (ctx, property, expected) => {
        const names = presented(ctx)?.subjectaltname ?? '';
        return property === 'tls_client_auth_san_dns' && names.split(', ').includes(`DNS:${expected}`);
      },
    },
  },
});

// The answers of RFC 6750 section 3, over the provider's own tokens.
provider.use(async (ctx, next) => {
  if (ctx.path !== '/resource') return next();
  const [scheme, value] = ctx.get('authorization').split(' ');
  const token = value && scheme === 'Bearer' && (await provider.ClientCredentials.find(value));
  const bound = token?.['x5t#S256'];
  const raw = presented(ctx)?.raw;
  const holds = !bound || (raw && createHash('sha256').update(raw).digest('base64url') === bound);
  if (token?.isValid && holds) {
    ctx.body = { client_id: token.clientId, scope: token.scope };
    return undefined;
  }
  ctx.status = 401;
  ctx.set('WWW-Authenticate', `Bearer realm="resource"${value ? ', error="invalid_token"' : ''}`);
  ctx.body = {};
  return undefined;
});

server.on('request', provider.callback());

const ready = { port };
if (tls) {
  const file = (name) => readFileSync(`${tls}/${name}`);
  const listener = https.createServer({
    key: file('server.key'),
    cert: file('server.pem'),
    ca: file('authority.pem'),
    requestCert: true,
    // The provider decides, by what the client is registered for.
    rejectUnauthorized: false,
  }, provider.callback());
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  ready.tls = listener.address().port;
}
console.log(JSON.stringify(ready));
