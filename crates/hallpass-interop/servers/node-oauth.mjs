// npm @node-oauth/oauth2-server on plain node:http. PORT: 0 for any. TTL: of a token.
import http from 'node:http';
import OAuth2Server from '@node-oauth/oauth2-server';

const secrets = new Map([
  ['basic', 'basic-secret'],
  ['post', 'post-secret'],
  ['a b%c+d /?&=', 's:e%20c+r /?&=t'],
  ['id:colon', 'plain-secret'],
]);
const known = ['read', 'write'];
const tokens = new Map();

const oauth = new OAuth2Server({
  accessTokenLifetime: Number(process.env.TTL ?? 60),
  model: {
    getClient: async (id, secret) => secrets.get(id) === secret && { id, grants: ['client_credentials'] },
    getUserFromClient: async ({ id }) => ({ id }),
    validateScope: async (user, client, scope = ['read']) => scope.every((one) => known.includes(one)) && scope,
    saveToken: async (token, client, user) => {
      tokens.set(token.accessToken, { ...token, client, user });
      return { ...token, client, user };
    },
    getAccessToken: async (value) => tokens.get(value) ?? false,
    verifyScope: async (token, scope) => scope.every((one) => token.scope.includes(one)),
  },
});

const routes = {
  '/token': async (request, response) => {
    await oauth.token(request, response);
    return response.body;
  },
  '/resource': async (request, response) => {
    const { client, scope } = await oauth.authenticate(request, response, { scope: ['read'] });
    return { client_id: client.id, scope: scope.join(' ') };
  },
  // The library has no revocation, so this one is ours.
  '/revoke': async ({ body }) => {
    tokens.delete(body.token);
    return {};
  },
};

async function answer(incoming) {
  const chunks = await incoming.toArray();
  const body = Object.fromEntries(new URLSearchParams(Buffer.concat(chunks).toString()));
  const { pathname, searchParams } = new URL(incoming.url, 'http://localhost');
  const request = new OAuth2Server.Request({
    headers: incoming.headers, method: incoming.method, query: Object.fromEntries(searchParams), body,
  });
  const response = new OAuth2Server.Response({ headers: {} });
  const route = routes[pathname];
  if (!route) return [404, {}, {}];
  try {
    return [200, await route(request, response), response.headers];
  } catch (error) {
    return [error.code ?? 500, { error: error.name, error_description: error.message }, response.headers];
  }
}

const server = http.createServer(async (incoming, outgoing) => {
  const [status, body, headers] = await answer(incoming);
  outgoing.writeHead(status, { ...headers, 'content-type': 'application/json' }).end(JSON.stringify(body));
});
server.listen(Number(process.env.PORT ?? 0), '127.0.0.1', () => {
  console.log(JSON.stringify({ port: server.address().port }));
});
